"""The contact sheet, in a real headless Chromium without a network."""

import pytest
from conftest import encoded
from contact_sheets import Sheet
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from eurosat_transfer.data.other_columns import OtherColumns
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.reporting.contact_sheet import SheetTile, write_contact_sheet

FILES = ["a, b.png", "2019/é.png", "<i>3</i>.png", "4.png"]
NAMES = ["Forest", '<b>"Wald", nass</b>', "水面"]


@pytest.fixture
def make(tmp_path, browser):
    """Write a sheet and open it: make(tiles, classes, ...)."""

    def make(tiles=None, classes=NAMES, width=1280, **more):
        tiles = tiles or [SheetTile(file, encoded((60 * n, 9, 9), "PNG")) for n, file in enumerate(FILES)]
        write_contact_sheet(tmp_path / "sheet.html", tiles, classes, "Label <4> tiles", **more)
        sheet = Sheet(browser, tmp_path / "sheet.html", width)
        assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
        return sheet

    return make


def saved(sheet, tmp_path):
    return {row["file"]: row["label"] for row in read_csv(sheet.save(tmp_path / "downloads"))}


def test_clicks_and_keys_give_classes_and_the_table_has_them(make, tmp_path):
    sheet = make(known={"old, one.png": "Forest", "4.png": "水面"})
    sheet.label_as("Forest")
    assert sheet.current == FILES[1]
    sheet.press("2")
    sheet.press("3")
    assert sheet.text("#count") == "3 of 4 done"
    expected = {FILES[0]: "Forest", FILES[1]: NAMES[1], FILES[2]: "水面"}
    assert saved(sheet, tmp_path) == {"old, one.png": "Forest", "4.png": "水面"} | expected
    assert sheet.labels() == ["✓ Forest", f"✓ {NAMES[1]}", "✓ 水面", ""]
    status = sheet.text("#status")
    assert "with 5 labels" in status
    assert f"One label only: {NAMES[1]}. Training" in status


def test_the_saved_table_keeps_its_other_columns(make, tmp_path):
    columns = OtherColumns(["scene", "by, whom"], {"old.png": ["S1", 'A "B"'], FILES[1]: ["S2", ""]})
    sheet = make(known={"old.png": "Forest"}, other_columns=columns)
    sheet.press("1", "2")
    assert read_csv(sheet.save(tmp_path / "downloads")) == [
        {"file": "old.png", "label": "Forest", "scene": "S1", "by, whom": 'A "B"'},
        {"file": FILES[0], "label": "Forest", "scene": "", "by, whom": ""},
        {"file": FILES[1], "label": NAMES[1], "scene": "S2", "by, whom": ""},
    ]


def test_decisions_stay_after_a_reload_and_can_be_undone(make, tmp_path):
    sheet = make()
    sheet.press("1", "1", "2")
    sheet.press(Keys.ARROW_LEFT)
    assert sheet.current == FILES[2]
    sheet.press("3")
    sheet = Sheet(sheet.browser, tmp_path / "sheet.html")
    assert sheet.text("#count") == "3 of 4 done"
    assert sheet.current == FILES[3]
    sheet.click("Undo")
    assert sheet.labels()[2] == f"✓ {NAMES[1]}"
    sheet.press(Keys.BACKSPACE)
    assert sheet.current == FILES[2]
    assert saved(sheet, tmp_path) == {FILES[0]: "Forest", FILES[1]: "Forest"}


def test_a_sheet_with_other_labels_starts_empty(make):
    make().press("1", "2")
    assert make(known={"old.png": "Forest"}).text("#count") == "0 of 4 done"


def test_one_adds_classes_on_a_sheet_that_has_none(make, tmp_path):
    sheet = make(classes=[])
    sheet.press("+")
    field = sheet.browser.switch_to.active_element
    field.send_keys("  Wiese 1" + Keys.ENTER)
    assert sheet.current == FILES[1]
    sheet.add_class("<script>alert(1)</script>")
    sheet.add_class("Wiese 1")  # a class that is there already
    sheet.press("2")
    names = [button.text for button in sheet.browser.find_elements(By.CSS_SELECTOR, "#classes button")]
    assert names == ["1Wiese 1", "2<script>alert(1)</script>"]
    script = "<script>alert(1)</script>"
    assert saved(sheet, tmp_path) == dict(zip(FILES, ["Wiese 1", script, "Wiese 1", script], strict=True))


@pytest.mark.parametrize("name", [" ", "a\u200bb", "a\u00a0b"])
def test_a_name_that_cannot_be_stored_is_not_added(make, name):
    sheet = make()
    sheet.add_class(name)
    assert sheet.text("#message")
    assert sheet.text("#count") == "0 of 4 done"


def test_a_belief_is_confirmed_and_a_label_is_kept_or_changed_by_one_click(make, tmp_path):
    tiles = [
        SheetTile(FILES[0], encoded((1, 9, 9)), None, "Forest"),
        SheetTile(FILES[1], encoded((2, 9, 9)), "水面", "Forest"),
        SheetTile(FILES[2], encoded((3, 9, 9)), "水面", "Forest"),
        SheetTile(FILES[3], encoded((4, 9, 9)), "水面", "Forest", "odd"),
    ]
    sheet = make(tiles)
    sheet.press(Keys.ENTER)
    sheet.click("Keep 水面", "[data-row='1']")
    sheet.click("Forest", "[data-row='2']")
    assert "odd" in sheet.text("#note")
    expected = dict(zip(FILES, ["Forest", "水面", "Forest", "水面"], strict=True))
    assert saved(sheet, tmp_path) == expected  # a tile without a decision keeps its label
    sheet.press("0")
    assert saved(sheet, tmp_path) == {file: label for file, label in expected.items() if file != FILES[3]}


@pytest.mark.parametrize("width", [1280, 500])
def test_the_sheet_fits_into_its_window(make, width):
    sheet = make(classes=[*NAMES, "LongNameWithoutAnySpace" * 9, *(f"class {n}" for n in range(30))], width=width)
    assert sheet.browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    desk = "return document.querySelector('.desk').getBoundingClientRect().height < 0.8 * window.innerHeight"
    assert sheet.browser.execute_script(desk)
    sheet.press("b")
    assert sheet.labels()[0] == "✓ class 6"


@pytest.mark.parametrize("width", [1280, 500])
def test_the_current_tile_is_never_behind_the_desk(make, width):
    long = "a" * 64
    tiles = [SheetTile(f"{n}.png", encoded((n, 9, 9), "PNG"), None, long, f"{long} 0.4") for n in range(40)]
    sheet = make(tiles, [*(f"class {n}" for n in range(40)), long], width=width)
    assert sheet.browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    for _ in range(30):
        sheet.press("1")
        hidden = """
            const tile = document.querySelector(".tile.current").getBoundingClientRect();
            return document.querySelector(".desk").getBoundingClientRect().bottom - tile.top;
        """
        assert sheet.browser.execute_script(hidden) <= 0
    assert sheet.text("#count") == "30 of 40 done"


def test_space_keeps_the_label_that_a_tile_has(make, tmp_path):
    tile = SheetTile("1.png", encoded((1, 2, 3), "PNG"), "Forest", "水面")
    sheet = make([tile], known={"1.png": "Forest"})
    assert "Enter: 水面 · Space: Forest" in sheet.text("#note")
    sheet.press(Keys.SPACE)
    assert sheet.labels() == ["✓ Forest"]
    assert saved(sheet, tmp_path) == {"1.png": "Forest"}
