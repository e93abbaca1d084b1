"""Pages of the report of a real `dvc repro`, in a real headless Chromium without a network."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its chromedriver"),
]


@pytest.fixture
def browser(tmp_path):
    """Start Chromium without a network."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path}/profile")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def open_page(browser, path, width):
    """Open a page, wait until all charts are drawn, and check that the browser has nothing to complain about."""
    browser.set_window_size(width, 900)
    browser.get(path.resolve().as_uri())
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart")
    WebDriverWait(browser, 60).until(lambda _: all(c.find_elements(By.CSS_SELECTOR, "svg .mark-group") for c in charts))
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    return charts


@pytest.mark.parametrize("width", [1280, 500])
def test_the_report_opens_in_a_browser_and_shows_every_figure(reproduced, browser, width):
    charts = open_page(browser, reproduced / "report/report.html", width)
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


def points_shown(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#explorer .mark-symbol.role-mark path")


def test_the_tiles_can_be_explored_in_a_browser(reproduced, browser):
    predictions = {name: read_csv(reproduced / f"plots/{name}_predictions.csv") for name in CLASSIFIERS}
    open_page(browser, reproduced / "report/explore.html", 1280)
    assert len(points_shown(browser)) == len(predictions["svm"])

    first = points_shown(browser)[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", first)
    webdriver.ActionChains(browser).move_to_element(first).perform()
    tooltip = WebDriverWait(browser, 20).until(
        lambda _: browser.find_elements(By.CSS_SELECTOR, "#vg-tooltip-element.visible img")
    )[0]
    assert tooltip.get_property("naturalWidth") == 64
    text = browser.find_element(By.ID, "vg-tooltip-element").text
    assert all(word in text for word in ("class", *CLASSIFIERS))

    by_class, by_mistake = (Select(field) for field in browser.find_elements(By.CSS_SELECTOR, ".vega-bind select"))
    by_mistake.select_by_visible_text("svm wrong")
    wrong = [row for row in predictions["svm"] if row["actual"] != row["predicted"]]
    WebDriverWait(browser, 20).until(lambda _: len(points_shown(browser)) == len(wrong))
    by_class.select_by_visible_text("Forest")
    of_class = [row for row in wrong if row["actual"] == "Forest"]
    WebDriverWait(browser, 20).until(lambda _: len(points_shown(browser)) == len(of_class))
