"""Pictures that stages draw with Matplotlib."""

from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from matplotlib.colors import to_hex
from PIL import Image

from eurosat_transfer.reporting.activation_picture import draw_losses
from eurosat_transfer.reporting.label_curve_picture import draw_label_curve
from eurosat_transfer.reporting.palette import activation_colour, class_colours, classifier_colour
from eurosat_transfer.reporting.tile_sheet import draw_tile_sheet
from eurosat_transfer.reporting.tsne_picture import draw_projections


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def legend_texts(legend) -> list[str]:
    return [text.get_text() for text in legend.get_texts()]


def test_label_curve_shows_mean_and_standard_deviation():
    points = [{"images": 10, "mean": 0.5, "sd": 0.1}, {"images": 100, "mean": 0.7, "sd": 0.05}]
    (axis,) = draw_label_curve("plots/labels.png", {"svm": points, "probe": points[:1]}).axes
    svm, probe = axis.lines
    assert svm.get_xydata().tolist() == [[10, 0.5], [100, 0.7]]
    assert probe.get_xydata().tolist() == [[10, 0.5]]
    band = axis.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((0.4, 0.75))
    assert legend_texts(axis.get_legend()) == ["svm", "probe"]
    assert axis.get_legend().get_title().get_text() == "mean, and band: ± 1 standard deviation of the draws"
    assert [svm.get_color(), probe.get_color()] == [classifier_colour("svm"), classifier_colour("probe")]
    assert axis.get_xscale() == "log"


def test_projections_are_side_by_side_and_coloured_by_class():
    points = {"features": np.arange(8.0).reshape(4, 2), "pixels": -np.arange(8.0).reshape(4, 2)}
    y = np.array([0, 1, 0, 1])
    figure = draw_projections("plots/tsne.png", points, y, ["a", "b"], {"features": 0.82, "pixels": 0.34})
    left, right = figure.axes
    assert left.get_title() == "features: 82% of the 5 nearest are of one class"
    assert right.get_title() == "pixels: 34% of the 5 nearest are of one class"
    first, second = left.collections
    assert first.get_offsets().tolist() == [[0, 1], [4, 5]]
    assert second.get_offsets().tolist() == [[2, 3], [6, 7]]
    assert [to_hex(dots.get_facecolor()[0]) for dots in (first, second)] == class_colours(["a", "b"])
    assert legend_texts(figure.legends[0]) == ["a", "b"]
    width, height = Image.open("plots/tsne.png").size
    assert width > 2 * height


def test_the_legend_of_many_classes_is_inside_the_picture():
    classes = [f"a rather long name of class {number}" for number in range(60)]
    points = {"features": np.arange(120.0).reshape(60, 2), "pixels": -np.arange(120.0).reshape(60, 2)}
    figure = draw_projections("plots/tsne.png", points, np.arange(60), classes, {"features": 0.82, "pixels": 0.34})
    legend, page = figure.legends[0].get_window_extent(), figure.bbox
    assert page.x0 <= legend.x0 < legend.x1 <= page.x1
    assert page.y0 <= legend.y0 < legend.y1 <= page.y1
    assert min(axis.get_window_extent().width for axis in figure.axes) > 300


def test_losses_are_drawn_with_a_line_per_seed_and_the_limit_of_convergence():
    columns = ("network", "activation", "rate", "seed", "iteration", "loss")
    points = [
        ("mlp", "sigmoid", 2, 0, 45, 2.0),
        ("mlp", "sigmoid", 2, 0, 90, 1.0),
        ("mlp", "sigmoid", 2, 1, 45, 1.5),
        ("mlp", "relu", 0.5, 0, 45, 1.0),
        ("convnet", "relu", 0.25, 0, 45, 3.0),
    ]
    rows = [dict(zip(columns, point, strict=True)) for point in points]
    mlp, convnet = draw_losses("plots/activations.png", rows, converged=0.1).axes
    assert (mlp.get_title(), convnet.get_title()) == ("mlp", "convnet")
    first, second, relu, limit = mlp.lines
    assert first.get_xydata().tolist() == [[45, 2.0], [90, 1.0]]
    assert second.get_xydata().tolist() == [[45, 1.5]]
    assert first.get_color() == second.get_color() != relu.get_color() == convnet.lines[0].get_color()
    assert set(limit.get_ydata()) == {0.1}
    legend = ["sigmoid, learning rate 2", "relu, learning rate 0.5", "converged: 0.1"]
    assert legend_texts(mlp.get_legend()) == legend
    assert [first.get_color(), relu.get_color()] == [activation_colour("sigmoid"), activation_colour("relu")]


@pytest.mark.slow  # loads TensorFlow, which decodes the images
def test_the_tile_sheet_has_a_row_per_class():
    red, blue = (encoded(colour, "PNG", size=(64, 64)) for colour in ((255, 0, 0), (0, 0, 255)))
    draw_tile_sheet("plots/tiles.png", {"Forest": [red, red, red], "SeaLake": [blue]})
    width, height = Image.open("plots/tiles.png").size
    assert (height, width) == (2 * 64, 3 * 64 + 2 * 80)
    pixels = np.asarray(Image.open("plots/tiles.png").convert("RGB"))
    columns = [160 + 32, 160 + 96, 160 + 160]
    assert pixels[32, columns].tolist() == [[255, 0, 0]] * 3
    assert pixels[96, columns].tolist() == [[0, 0, 255], [255, 255, 255], [255, 255, 255]]


def test_a_picture_has_the_same_bytes_each_time():
    pictures = []
    for _ in range(2):
        draw_label_curve("plots/labels.png", {"svm": [{"images": 10, "mean": 0.5, "sd": 0.1}]})
        pictures.append(Path("plots/labels.png").read_bytes())
    assert pictures[0] == pictures[1]
