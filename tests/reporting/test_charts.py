"""Charts of the report."""

import pytest
from example_run import ACTUAL, CLASSES, accuracy, write_classifier, write_run

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.reporting import charts
from eurosat_transfer.reporting.results import load_results

TRAIN_IMAGES = 640


@pytest.fixture(scope="module")
def specifications(tmp_path_factory) -> dict[str, dict]:
    """Make all charts of the example run once. Altair checks them against the schema of Vega-Lite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("charts"))
        write_run()
        return charts.make_charts(load_results(), CLASSES, TRAIN_IMAGES)


def rows(chart: dict) -> list[dict]:
    return chart["data"]["values"]


def encodings(chart: dict) -> list[dict]:
    """Find the columns that each layer shows by each channel."""
    layers = chart.get("layer", [chart])
    fields = [
        {key: value.get("field") for key, value in layer["encoding"].items() if "field" in value} for layer in layers
    ]
    shared = {key: value.get("field") for key, value in chart.get("encoding", {}).items() if "field" in value}
    return [shared | own for own in fields]


def test_every_result_has_a_chart(specifications):
    assert set(specifications) == {
        "accuracies",
        "differences",
        "labels",
        "tsne-features",
        "tsne-pixels",
        *(f"confusion-{name}" for name in CLASSIFIERS),
        *(f"{quantity}-{name}" for quantity in ("accuracy", "loss") for name in ("probe", "finetune")),
        "activations-mlp",
        "activations-convnet",
    }


def test_a_new_classifier_has_its_charts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(CLASSIFIERS, "newcomer", "a linear discriminant analysis")
    write_run()
    write_classifier("newcomer", CLASSES, ACTUAL, ACTUAL)
    made = charts.make_charts(load_results(), CLASSES, TRAIN_IMAGES)
    assert "confusion-newcomer" in made
    assert [row["name"] for row in rows(made["accuracies"])] == list(reversed(CLASSIFIERS))


def test_accuracies_have_their_intervals(specifications):
    chart = specifications["accuracies"]
    assert {row["name"]: row["accuracy"] for row in rows(chart)} == {name: accuracy(name) for name in CLASSIFIERS}
    rule, point = encodings(chart)
    assert (rule["x"], rule["x2"], rule["y"]) == ("accuracy_low", "accuracy_high", "name")
    assert (point["x"], point["y"]) == ("accuracy", "name")


def test_differences_have_their_intervals_and_a_line_at_zero(specifications):
    chart = specifications["differences"]
    first, second, *_ = reversed(CLASSIFIERS)
    assert rows(chart)[0]["pair"] == f"{first} - {second}"
    zero, rule, point = chart["layer"]
    assert zero["encoding"]["x"]["datum"] == 0
    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("low", "high")
    assert point["encoding"]["x"]["field"] == "difference"


def test_confusion_is_counted_by_actual_and_predicted_class():
    predictions = [{"actual": a, "predicted": p} for a, p in ("xx", "xy", "xy", "xy", "yy")]
    cells = {
        (c["actual"], c["predicted"]): (c["images"], c["share"]) for c in charts.confusion_cells(predictions, "xyz")
    }
    assert len(cells) == 9
    assert (cells["x", "x"], cells["x", "y"]) == ((1, 0.25), (3, 0.75))
    assert (cells["y", "y"], cells["y", "x"]) == ((1, 1.0), (0, 0.0))
    assert cells["z", "z"] == (0, 0.0)


def test_rows_of_the_confusion_matrix_are_actual_classes(specifications):
    squares, numbers = encodings(specifications["confusion-svm"])
    assert (squares["x"], squares["y"], squares["color"]) == ("predicted", "actual", "share")
    assert numbers["text"] == "percent"


def test_learning_curves_show_train_and_val(specifications):
    chart = specifications["loss-probe"]
    assert [(row["epoch"], row["on"], row["value"]) for row in rows(chart)] == [
        (1, "train", 2.0),
        (1, "val", 2.5),
        (2, "train", 1.0),
        (2, "val", 1.5),
    ]
    assert encodings(chart) == [{"x": "epoch", "y": "value", "color": "on"}]
    assert [row["value"] for row in rows(specifications["accuracy-probe"])] == [0.25, 0.125, 0.75, 0.625]


def test_label_curves_have_one_standard_deviation_to_either_side(specifications):
    chart = specifications["labels"]
    points = {(row["name"], row["images"]): row for row in rows(chart)}
    assert points["probe", 10] == {
        "name": "probe",
        "images": 10,
        "mean": 0.4,
        "sd": 0.02,
        "low": pytest.approx(0.38),
        "high": pytest.approx(0.42),
    }
    band, line = encodings(chart)
    assert (band["x"], band["y"], band["y2"], band["color"]) == ("images", "low", "high", "name")
    assert (line["x"], line["y"], line["color"]) == ("images", "mean", "name")


def test_label_curve_of_finetune_ends_with_all_training_images(specifications):
    points = [(row["images"], row["mean"]) for row in rows(specifications["labels"]) if row["name"] == "finetune"]
    assert points == [(10, 0.45), (TRAIN_IMAGES, accuracy("finetune"))]


def test_a_classifier_without_fits_of_subsets_has_no_label_curve(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run()
    results = load_results()._replace(subset_fits={"finetune": []})
    assert {row["name"] for row in charts.label_curve_points(results, TRAIN_IMAGES)} == {"probe", "svm"}


def test_each_projection_chart_shows_the_columns_of_its_data(specifications):
    for name, x, y in (("features", "feature_x", "feature_y"), ("pixels", "pixel_x", "pixel_y")):
        assert encodings(specifications[f"tsne-{name}"]) == [{"x": x, "y": y, "color": "class"}]


def test_activation_curves_are_of_one_network(specifications):
    chart = specifications["activations-mlp"]
    assert {row["network"] for row in rows(chart)} == {"mlp"}
    assert encodings(chart) == [{"x": "iteration", "y": "loss", "color": "activation"}]


POINTS = [
    {"x": 0.0, "y": 5.0, "class": "a", "image": "data:,", "svm": "a", "knn": "a"},
    {"x": 1.0, "y": 4.0, "class": "a", "image": "data:,", "svm": "b", "knn": "a"},
    {"x": 2.0, "y": 3.0, "class": "b", "image": "data:,", "svm": "b", "knn": "a"},
    {"x": 3.0, "y": 2.0, "class": "b", "image": "data:,", "svm": "a", "knn": "a"},
]


def shown(chart: dict, **menus: str) -> list[float]:
    """Evaluate the filters for each point, as Vega does, and return the x of the points that stay."""
    values = {param["name"]: param["value"] for param in chart["params"]} | menus
    tests = [step["filter"].replace("||", "or").replace("&&", "and") for step in chart["transform"]]
    return [
        point["x"] for point in rows(chart) if all(eval(test, {"datum": point, "true": True}, values) for test in tests)
    ]


@pytest.fixture
def explorer():
    return charts.explorer_chart(POINTS, ["a", "b"], ["svm", "knn"]).to_dict()


def test_the_explorer_shows_all_images_first(explorer):
    assert shown(explorer) == [0, 1, 2, 3]


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
def test_the_explorer_filters_by_mistake(explorer, choice, expected):
    menu = next(param for param in explorer["params"] if param["name"] == "shown")
    assert choice in menu["bind"]["options"]
    assert shown(explorer, shown=choice) == expected


def test_the_explorer_filters_by_class_and_mistake(explorer):
    assert shown(explorer, of="b") == [2, 3]
    assert shown(explorer, of="b", shown="svm wrong") == [3]
    menu = next(param for param in explorer["params"] if param["name"] == "of")
    assert menu["bind"]["options"] == ["all classes", "a", "b"]


def test_the_axes_of_the_explorer_do_not_depend_on_the_filter(explorer):
    assert explorer["encoding"]["x"]["scale"]["domain"] == [0.0, 3.0]
    assert explorer["encoding"]["y"]["scale"]["domain"] == [2.0, 5.0]


def test_the_explorer_shows_tile_class_and_predictions(explorer):
    assert [tooltip["field"] for tooltip in explorer["encoding"]["tooltip"]] == ["image", "class", "svm", "knn"]


@pytest.mark.parametrize(
    ("classes", "scheme"), [(10, "tableau10"), (11, "tableau20"), (20, "tableau20"), (21, "sinebow")]
)
def test_there_are_colours_for_any_number_of_classes(classes, scheme):
    names = [str(i) for i in range(classes)]
    colour = charts.projection_chart([], names, "x", "y").to_dict()["encoding"]["color"]
    assert colour["scale"] == {"domain": names, "scheme": scheme}
