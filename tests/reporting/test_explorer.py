"""The chart of the interactive page."""

import pytest

from eurosat_transfer.reporting.explorer import explorer_chart
from eurosat_transfer.reporting.palette import class_colours

POINTS = [
    {"row": 0, "x": 0.0, "y": 5.0, "file": "0.png", "class": "a", "image": "data:,", "svm": "a", "knn": "a"},
    {"row": 1, "x": 1.0, "y": 4.0, "file": "1.png", "class": "a", "image": "data:,", "svm": "b", "knn": "a"},
    {"row": 2, "x": 2.0, "y": 3.0, "file": "2.png", "class": "b", "image": "data:,", "svm": "b", "knn": "a"},
    {"row": 3, "x": 3.0, "y": 2.0, "file": "3.png", "class": "b", "image": "data:,", "svm": "a", "knn": "a"},
]


@pytest.fixture(scope="module")
def explorer() -> dict:
    """Make the chart. Altair checks it against the schema of Vega-Lite."""
    return explorer_chart(POINTS, ["a", "b"], ["svm", "knn"]).to_dict()


def menu(chart: dict, name: str) -> list[str]:
    return next(param for param in chart["params"] if param["name"] == name)["bind"]["options"]


def chosen(chart: dict, **menus: str) -> list[int]:
    """Evaluate the choice for each point, as Vega does, and return the rows of the chosen points."""
    values = {param["name"]: param["value"] for param in chart["params"] if "value" in param} | menus
    test = chart["transform"][0]["calculate"].removesuffix(" ? 1 : 0").replace("||", "or").replace("&&", "and")
    return [point["row"] for point in POINTS if eval(test, {"datum": point, "true": True}, values)]


def test_all_images_are_chosen_first(explorer):
    assert chosen(explorer) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("all images", [0, 1, 2, 3]),
        ("at least one classifier wrong", [1, 2, 3]),
        ("all classifiers wrong", [3]),
        ("svm wrong", [1, 3]),
        ("knn wrong", [2, 3]),
    ],
)
def test_images_are_chosen_by_mistake(explorer, choice, expected):
    assert choice in menu(explorer, "shown")
    assert chosen(explorer, shown=choice) == expected


def test_images_are_chosen_by_class_and_mistake(explorer):
    assert menu(explorer, "of") == ["all classes", "a", "b"]
    assert chosen(explorer, of="b") == [2, 3]
    assert chosen(explorer, of="b", shown="svm wrong") == [3]


def test_a_class_may_have_the_name_of_the_first_choice():
    chart = explorer_chart(POINTS, ["a", "b", "all classes"], ["svm", "knn"]).to_dict()
    assert menu(chart, "of") == ["(all classes)", "a", "b", "all classes"]
    assert chosen(chart) == [0, 1, 2, 3]
    assert chosen(chart, of="all classes") == []


def test_the_images_that_are_not_chosen_are_grey(explorer):
    rest, points, *_ = explorer["layer"]
    assert (rest["transform"], points["transform"]) == ([{"filter": "!datum.chosen"}], [{"filter": "datum.chosen"}])
    assert "color" not in rest["encoding"]
    assert points["encoding"]["color"]["scale"] == {"domain": ["a", "b"], "range": class_colours("ab")}


def test_no_point_touches_the_frame(explorer):
    for layer in explorer["layer"][:3]:
        for axis, (low, high) in {"x": (0.0, 3.0), "y": (2.0, 5.0)}.items():
            start, end = layer["encoding"][axis]["scale"]["domain"]
            assert (start, end) == pytest.approx((low - 0.12, high + 0.12))


def test_the_picture_can_be_zoomed(explorer):
    zoom = next(param for param in explorer["params"] if param["name"] == "zoom")
    assert (zoom["select"]["type"], zoom["bind"], zoom["views"]) == ("interval", "scales", ["points"])


def test_a_point_shows_its_tile_file_class_and_predictions(explorer):
    tooltip = explorer["layer"][1]["encoding"]["tooltip"]
    assert [item["field"] for item in tooltip] == ["image", "file", "class", "svm", "knn"]


def test_one_point_alone_has_a_range():
    chart = explorer_chart(POINTS[:1], ["a"], ["svm"]).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-1, 1]


def test_the_chart_is_the_same_each_time(explorer):
    assert explorer_chart(POINTS, ["a", "b"], ["svm", "knn"]).to_dict() == explorer
