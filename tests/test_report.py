"""The report, made by a real `dvc repro`, in a real headless Chromium without a network."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from stages.common.files import read_csv, read_json
from stages.common.names import CLASSIFIERS
from stages.reporting import words
from stages.reporting.results import worst_mistakes

pytestmark = pytest.mark.xdist_group("reproduced")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its chromedriver")


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def show(browser, path, width):
    browser.set_window_size(width, 900)
    browser.get(path.resolve().as_uri())
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart")
    WebDriverWait(browser, 60).until(lambda _: all(c.find_elements(By.CSS_SELECTOR, "svg .mark-group") for c in charts))
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    return charts


@needs_browser
@pytest.mark.parametrize("width", [1280, 500])
def test_the_report_opens_without_error_and_shows_every_figure(reproduced, browser, width):
    charts = show(browser, reproduced / "report/report.html", width)
    drawn = {chart.get_attribute("id"): chart.find_element(By.TAG_NAME, "svg").size for chart in charts}
    assert {"accuracies", "differences", "labels", "tsne-features", "tsne-pixels"} < set(drawn)
    assert {f"confusion-{name}" for name in CLASSIFIERS} < set(drawn)
    assert all(size["width"] > 200 and size["height"] > 60 for size in drawn.values()), drawn
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    text = browser.find_element(By.TAG_NAME, "body").text
    for name in CLASSIFIERS:
        test = read_json(reproduced / f"metrics/{name}.json")["test"]
        assert f"{test['accuracy']:.3f} {test['accuracy_low']:.3f} to {test['accuracy_high']:.3f}" in text
    assert all(pair["words"] in text for pair in read_json(reproduced / "metrics/compare.json")["pairs"])
    assert "drawings, not satellite images" in text
    sizes = "return [...document.querySelectorAll('.tiles img')].map(image => image.naturalWidth)"
    assert browser.execute_script(sizes).count(64) >= 10


def points(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#explorer .mark-symbol.role-mark path")


@needs_browser
def test_the_tiles_can_be_explored(reproduced, browser):
    said = {name: read_csv(reproduced / f"plots/{name}_predictions.csv") for name in CLASSIFIERS}
    show(browser, reproduced / "report/explore.html", 1280)
    assert len(points(browser)) == len(said["svm"])

    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", points(browser)[0])
    hover = webdriver.ActionChains(browser).move_to_element(points(browser)[0])
    hover.perform()
    tooltip = WebDriverWait(browser, 20).until(
        lambda _: browser.find_elements(By.CSS_SELECTOR, "#vg-tooltip-element.visible img")
    )[0]
    assert tooltip.get_property("naturalWidth") == 64
    text = browser.find_element(By.ID, "vg-tooltip-element").text
    assert all(word in text for word in ("class", *CLASSIFIERS))

    by_class, by_error = (Select(field) for field in browser.find_elements(By.CSS_SELECTOR, ".vega-bind select"))
    by_error.select_by_visible_text("svm wrong")
    wrong = [row for row in said["svm"] if row["actual"] != row["predicted"]]
    WebDriverWait(browser, 20).until(lambda _: len(points(browser)) == len(wrong))
    by_class.select_by_visible_text("Forest")
    of_class = [row for row in wrong if row["actual"] == "Forest"]
    WebDriverWait(browser, 20).until(lambda _: len(points(browser)) == len(of_class))


def test_the_markdown_has_the_figures(reproduced):
    text = (reproduced / "report/report.md").read_text(encoding="utf-8")
    for name in CLASSIFIERS:
        assert f"| {name} | {read_json(reproduced / f'metrics/{name}.json')['test']['accuracy']:.3f} |" in text
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 3
    assert all(len({line.count("|") for line in table}) == 1 for table in tables)


def test_the_worst_mistakes_come_first():
    def row(predicted, confidence=None):
        return {"actual": "a", "predicted": predicted} | ({} if confidence is None else {"confidence": confidence})

    said = {
        "svm": [row("a"), row("b"), row("b"), row("b")],
        "probe": [row("a", 0.9), row("a", 0.9), row("b", 0.6), row("b", 0.9)],
    }
    assert worst_mistakes(said, 10) == [3, 2, 1]
    assert worst_mistakes(said, 1) == [3]


def test_the_words_follow_the_figures():
    curve = [{"images": 10, "mean": 0.5, "sd": 0.01}, {"images": 20, "mean": 0.7, "sd": 0.0}]
    (sentence,) = words.on_labels({"svm": curve})
    assert "2 times the labels (10 to 20) changed its test accuracy by +0.200; more labels still help" in sentence
    curve[1]["mean"] = 0.505
    assert "no more than the draws differ by" in words.on_labels({"svm": curve})[0]
    curve[1]["mean"] = 0.3
    assert "by -0.200; more labels do not help" in words.on_labels({"svm": curve})[0]
    figures = {"iterations": 100, "test_accuracy": 0.9}
    assert (
        "mlp: sigmoid converges in 2.0 times fewer iterations"
        in words.on_activations({"mlp": {"sigmoid": figures, "relu": figures | {"iterations": 200}}})[0]
    )
    assert (
        "ReLU converges after 100 iterations, sigmoid not"
        in words.on_activations({"mlp": {"sigmoid": figures | {"iterations": None}, "relu": figures}})[0]
    )
    better = {"neighbour_agreement": 0.9, "trustworthiness": 0.9}
    assert "adds nothing" in words.on_projection({"features": better, "pixels": better})
