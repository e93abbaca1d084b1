"""Pages of the report of a real `dvc repro`, in a real headless Chromium without a network."""

import pytest
from conftest import dvc
from selenium import webdriver
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json

pytestmark = pytest.mark.slow


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
    comparison = read_json(reproduced / "metrics/compare.json")
    assert f"{comparison['words']}." in text
    browser.find_element(By.TAG_NAME, "summary").click()
    text = browser.find_element(By.TAG_NAME, "body").text
    assert all(pair["words"] in text for pair in comparison["pairs"])
    assert "drawings, not satellite images" in text
    suspects = browser.find_elements(By.CSS_SELECTOR, "#suspects ~ .tiles")[0]
    shown = [name.text for name in suspects.find_elements(By.CSS_SELECTOR, ".file")]
    ranking = read_csv(reproduced / "plots/suspects.csv")
    assert shown == [row["file"] for row in ranking[:24]]
    sizes = "return [...document.querySelectorAll('.tiles img')].map(image => image.naturalWidth)"
    assert browser.execute_script(sizes).count(64) >= 10


def test_a_wide_table_scrolls_and_the_page_does_not(reproduced, browser):
    open_page(browser, reproduced / "report/report.html", 500)
    tables = browser.execute_script(
        "return [...document.querySelectorAll('.wide')].map(box => [box.scrollWidth, box.clientWidth])"
    )
    assert tables[0][0] > tables[0][1]
    overflow = "return getComputedStyle(document.querySelector('.wide')).overflowX"
    assert browser.execute_script(overflow) == "scroll"  # the bar is visible before anybody scrolls


def test_everything_fits_on_printed_pages(reproduced, browser):
    open_page(browser, reproduced / "report/report.html", 1280)
    paper = {"width": 688, "height": 1017, "deviceScaleFactor": 1, "mobile": False}  # A4 without its margins, 96 dpi
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", paper)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script("return document.documentElement.scrollWidth <= 688")
    assert not browser.find_element(By.TAG_NAME, "nav").is_displayed()


def points_shown(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#explorer .points_marks path")


def counted(browser):
    return browser.find_element(By.CSS_SELECTOR, "#explorer .mark-text.role-mark text").text


def pinned(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#pins > div")


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
    assert all(word in text for word in ("class", predictions["svm"][0]["file"], *CLASSIFIERS))

    by_class, by_mistake = (Select(field) for field in browser.find_elements(By.CSS_SELECTOR, ".vega-bind select"))
    by_mistake.select_by_visible_text("svm wrong")
    wrong = [row for row in predictions["svm"] if row["actual"] != row["predicted"]]
    WebDriverWait(browser, 20).until(lambda _: len(points_shown(browser)) == len(wrong))
    by_class.select_by_visible_text("Forest")
    of_class = [row for row in wrong if row["actual"] == "Forest"]
    WebDriverWait(browser, 20).until(lambda _: len(points_shown(browser)) == len(of_class))
    total = len(predictions["svm"])
    assert counted(browser) == f"{len(of_class)} of {total} images"
    grey = browser.find_elements(By.CSS_SELECTOR, "#explorer .mark-symbol.role-mark path")
    assert len(grey) == total  # those that are not chosen are still there


def test_a_click_pins_a_tile_and_a_second_one_removes_it(reproduced, browser):
    open_page(browser, reproduced / "report/explore.html", 1280)
    first = points_shown(browser)[0]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", first)
    webdriver.ActionChains(browser).move_to_element(first).click().perform()
    (card,) = WebDriverWait(browser, 20).until(lambda _: pinned(browser))
    assert read_csv(reproduced / "plots/svm_predictions.csv")[0]["file"] in card.text
    assert card.find_element(By.TAG_NAME, "img").get_property("naturalWidth") == 64
    card.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(browser, 20).until(lambda _: not pinned(browser))


def test_every_point_is_inside_the_frame_and_the_wheel_zooms(reproduced, browser):
    open_page(browser, reproduced / "report/explore.html", 1280)
    inside = """
        const frame = document.querySelector('#explorer .root > g > .background').getBoundingClientRect();
        return [...document.querySelectorAll('#explorer .points_marks path')].every(point => {
            const box = point.getBoundingClientRect();
            return box.left > frame.left && box.right < frame.right && box.top > frame.top && box.bottom < frame.bottom;
        });"""
    assert browser.execute_script(inside)
    before = points_shown(browser)[0].get_attribute("transform")
    origin = ScrollOrigin.from_element(browser.find_element(By.CSS_SELECTOR, "#explorer svg"))
    webdriver.ActionChains(browser).scroll_from_origin(origin, 0, -300).perform()
    WebDriverWait(browser, 20).until(lambda _: points_shown(browser)[0].get_attribute("transform") != before)


@pytest.mark.parametrize("command", [["show"], ["diff", "HEAD~1"]], ids=lambda command: command[0])
def test_the_charts_of_dvc_need_no_network(reproduced, browser, command):
    dvc(reproduced, "plots", *command, "-o", "charts/page")
    browser.get((reproduced / "charts/page/index.html").resolve().as_uri())
    titles = {f"{name}: confusion on test" for name in CLASSIFIERS}

    def shown(_) -> set[str]:
        return {text.text for text in browser.find_elements(By.CSS_SELECTOR, "svg .mark-text.role-title-text text")}

    WebDriverWait(browser, 60).until(lambda driver: titles <= shown(driver))
    cells = browser.find_elements(By.CSS_SELECTOR, "[id^='plots_svm_predictions'] svg .mark-rect path")
    classes = read_csv(reproduced / "plots/svm_classes.csv")
    assert len(cells) >= len(classes) ** 2
    assert len({cell.get_attribute("fill") for cell in cells}) > 2
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
