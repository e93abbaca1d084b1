"""The picture of a map."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from eurosat_transfer.reporting.map_picture import choose_bar, draw_map
from eurosat_transfer.reporting.palette import class_colours

NAMES = ["AnnualCrop", "Forest", "SeaLake"]


@pytest.fixture
def arrays():
    """A scene of 100 x 200 pixels: a quarter of class 0, half of class 2, a quarter without data."""
    scene = np.full((100, 200, 3), 90, np.uint8)
    classes = np.zeros((100, 200), np.uint8)
    classes[:, 50:150] = 2
    classes[:, 150:] = 255
    scene[:, 150:] = 0
    codes = np.where(classes == 255, 255, 0).astype(np.uint8)
    return scene, classes, codes


def draw(folder, arrays, pixel_metres=10.0, name="map.png"):
    """Draw a map. Return its axes and the texts of its legend."""
    figure = draw_map(folder / name, *arrays, NAMES, pixel_metres, "A scene")
    return figure.axes, [text.get_text() for text in figure.legends[0].get_texts()]


def test_map_is_beside_the_scene_in_the_colours_of_the_classes(tmp_path, arrays):
    (left, right), _ = draw(tmp_path, arrays)
    assert (left.get_title(), right.get_title()) == ("scene", "classes")
    assert left.figure.get_suptitle() == "A scene"
    shown, scene = right.get_images()[0].get_array(), left.get_images()[0].get_array()
    colours = class_colours(NAMES)
    assert [to_hex(shown[50, x] / 255) for x in (10, 100, 170)] == [colours[0], colours[2], "#ffffff"]
    assert [to_hex(scene[50, x] / 255) for x in (10, 170)] == ["#5a5a5a", "#ffffff"]


def test_legend_has_the_classes_that_occur_with_their_shares(tmp_path, arrays):
    _, texts = draw(tmp_path, arrays)
    assert texts == ["AnnualCrop 33.3%", "SeaLake 66.7%", "no data"]


def test_unsure_and_unfamiliar_pixels_are_striped(tmp_path, arrays):
    arrays[2][:, :50] = 1
    arrays[2][:, 50:75] = 2
    (_, right), texts = draw(tmp_path, arrays)
    assert texts == ["AnnualCrop 33.3%", "SeaLake 66.7%", "unsure 33.3%", "unfamiliar 16.7%", "no data"]
    shown = right.get_images()[0].get_array()
    colours = class_colours(NAMES)
    for part, stripe, colour in ((shown[:, :50], "#ffffff", colours[0]), (shown[:, 50:75], "#000000", colours[2])):
        found, pixels = np.unique(part.reshape(-1, 3), axis=0, return_counts=True)
        shares = {to_hex(rgb / 255): count / pixels.sum() for rgb, count in zip(found, pixels, strict=True)}
        assert shares == {stripe: pytest.approx(1 / 3, abs=0.02), colour: pytest.approx(2 / 3, abs=0.02)}
    assert (shown[:, 75:150] == shown[0, 75]).all()


def test_scale_bar_has_its_length_in_pixels(tmp_path, arrays):
    (left, _), _ = draw(tmp_path, arrays, pixel_metres=25.0)
    (label,) = left.texts
    box, bar = left.patches
    assert label.get_text() == "1 km"
    assert bar.get_width() == 40
    assert box.get_width() > bar.get_width()


@pytest.mark.parametrize(
    ("longest", "length", "label"),
    [(1250, 1000, "1 km"), (600, 500, "500 m"), (45_000, 20_000, "20 km"), (1, 1, "1 m"), (0.7, 0.5, "0.5 m")],
)
def test_scale_bar_has_a_round_length(longest, length, label):
    assert choose_bar(longest) == (pytest.approx(length), label)


def test_map_without_nodata_and_doubt_has_no_entries_for_them(tmp_path, arrays):
    scene, classes, codes = (part[:, :150] for part in arrays)
    _, texts = draw(tmp_path, (scene, classes, codes))
    assert texts == ["AnnualCrop 33.3%", "SeaLake 66.7%"]


def test_map_of_nodata_only_is_drawn(tmp_path, arrays):
    scene, classes, codes = (part[:, 150:] for part in arrays)
    _, texts = draw(tmp_path, (scene, classes, codes))
    assert texts == ["no data"]


def test_picture_is_wide_and_the_same_every_time(tmp_path, arrays):
    for name in ("first.png", "second.png"):
        draw(tmp_path, arrays, name=name)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
    width, height = Image.open(tmp_path / "first.png").size
    assert width == 1100
    assert 300 < height < 500
