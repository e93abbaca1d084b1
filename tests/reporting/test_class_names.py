"""Names of classes are text in every picture: no formula, no hidden label, no empty box."""

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from conftest import encoded
from matplotlib.figure import Figure

from eurosat_transfer.reporting.class_names import LONGEST, can_draw, picture_names, plain_text, shorten
from eurosat_transfer.reporting.map_picture import draw_map
from eurosat_transfer.reporting.tile_sheet import draw_tile_sheet
from eurosat_transfer.reporting.tsne_picture import draw_projections

ODD = ["_background", "low_$5_$6", "$x", "a\\b", "{x} %d", "<b>&amp;", "-x", "=1", "1e5", "nan", "غابة", "Forêt"]
PRIVATE = "\U00101234\U00101235"  # characters that no font has


@pytest.fixture(autouse=True)
def figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")  # Matplotlib warns of an empty box
        yield


def draw_tiles(classes):
    figure = draw_tile_sheet("tiles.png", {name: [encoded((9, 9, 9), "PNG")] for name in classes})
    return [axis.texts[0].get_text() for axis in figure.axes]


def draw_points(classes):
    points = {"features": np.arange(2.0 * len(classes)).reshape(-1, 2)}
    figure = draw_projections("tsne.png", points, np.arange(len(classes)), classes, {"features": 0.5})
    return [text.get_text() for text in figure.legends[0].get_texts()]


def draw_a_map(classes):
    labels = np.arange(len(classes), dtype=np.uint8).repeat(100).reshape(len(classes), 100)
    scene = np.full((*labels.shape, 3), 99, np.uint8)
    figure = draw_map("map.png", scene, labels, np.zeros_like(labels), classes, None, "$5_$6 森林")
    return [text.get_text().rsplit(" ", 1)[0] for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("draw", [draw_tiles, draw_points, draw_a_map])
def test_any_name_is_drawn_as_it_is(draw):
    assert draw(ODD) == ODD
    assert mpl.rcParams["text.parse_math"]


@pytest.mark.parametrize("draw", [draw_tiles, draw_points, draw_a_map])
def test_a_name_that_no_font_has_is_replaced_by_its_number(draw, capsys):
    assert draw(["a", PRIVATE]) == ["a", "class 1"]
    line = f"no font on this machine has all characters of {PRIVATE}; the picture has the number of the class instead"
    assert line in capsys.readouterr().out


def test_a_chinese_name_has_its_characters_or_a_number_but_no_box():
    has_font = can_draw("森林")
    assert draw_points(["a", "森林"]) == ["a", "森林" if has_font else "class 1"]


def test_another_font_is_found_for_characters_that_the_usual_one_lacks():
    """A font of mathematical letters, which comes with Matplotlib, stands for one of another script."""
    letter = "\U0001d400"  # a bold A
    with mpl.rc_context({"font.family": ["cmr10"]}):
        assert can_draw(letter)
        with plain_text([letter]):
            figure = Figure()
            figure.text(0.5, 0.5, letter)
            figure.savefig("letter.png")  # a warning of an empty box would be an error


def test_fonts_without_pictures_of_the_characters_do_not_count():
    """Matplotlib 3.11 has a font with a box for every character."""
    assert not can_draw(PRIVATE)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("HerbaceousVegetation", "HerbaceousVegetation"),
        ("x" * 30, "xxxxxxxxxxxxx…xxxxxx"),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklm…uvwxyz"),
        ("森" * 10, "森" * 10),
        ("森" * 11, "森森森森森森…森森森"),
    ],
)
def test_a_long_name_keeps_its_beginning_and_its_end(name, shown):
    assert shorten(name) == shown
    assert len(shown) <= LONGEST


def test_usual_names_print_nothing(capsys):
    assert picture_names(["Forest", "River"], Path("x.png")) == ["Forest", "River"]
    assert capsys.readouterr().out == ""
