"""Charts of the report."""

import altair as alt
import pytest
from example_run import ACTUAL, CLASSES, accuracy, write_classifier, write_run

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.reporting import charts
from eurosat_transfer.reporting.label_curves import join_label_curves
from eurosat_transfer.reporting.palette import activation_colour, class_colours, classifier_colour
from eurosat_transfer.reporting.results import load_results


@pytest.fixture(scope="module")
def specifications(tmp_path_factory) -> dict[str, dict]:
    """Make all charts of the example run once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("charts"))
        write_run()
        return make_charts()


def make_charts() -> dict[str, dict]:
    results = load_results()
    return charts.make_charts(results, CLASSES, join_label_curves(results))


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


def test_charts_are_valid_vega_lite(specifications):
    for chart in specifications.values():
        alt.Chart.from_dict(chart)  # raises an error if it does not fit the schema


def test_every_result_has_a_chart(specifications):
    assert set(specifications) == {
        "accuracies",
        "differences",
        "labels",
        "chosen",
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
    made = make_charts()
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
        "se": 0.005,
        "draws": 20,
        "gain": None,
    }
    assert chart["layer"][0]["encoding"]["y"]["title"] == "test accuracy (band: ± 1 sd)"
    band, line = encodings(chart)
    assert (band["x"], band["y"], band["y2"], band["color"]) == ("images", "low", "high", "name")
    assert (line["x"], line["y"], line["color"]) == ("images", "mean", "name")
    only_several, limits, *_ = chart["layer"][0]["transform"]
    assert only_several == {"filter": "isValid(datum.sd)"}
    assert limits["calculate"] in ("datum.mean - datum.sd", "datum.mean + datum.sd")


def test_without_label_curves_there_is_no_chart_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run()
    assert "labels" not in charts.make_charts(load_results(), CLASSES, {})


def test_each_projection_chart_shows_the_columns_of_its_data(specifications):
    for name, x, y in (("features", "feature_x", "feature_y"), ("pixels", "pixel_x", "pixel_y")):
        assert encodings(specifications[f"tsne-{name}"]) == [{"x": x, "y": y, "color": "class"}]


def test_activation_curves_are_of_one_network(specifications):
    chart = specifications["activations-mlp"]
    assert {row["network"] for row in rows(chart)} == {"mlp"}
    assert encodings(chart) == [{"x": "iteration", "y": "loss", "color": "activation", "detail": "seed"}]


def test_a_class_has_the_same_colour_in_both_projections(specifications):
    expected = {"domain": CLASSES, "range": class_colours(CLASSES)}
    for name in ("tsne-features", "tsne-pixels"):
        assert specifications[name]["encoding"]["color"]["scale"] == expected


def test_a_classifier_has_the_same_colour_in_each_chart(specifications):
    for scale in (
        specifications["accuracies"]["layer"][0]["encoding"]["color"]["scale"],
        specifications["labels"]["layer"][1]["encoding"]["color"]["scale"],
    ):
        assert scale["range"] == [classifier_colour(name) for name in scale["domain"]]


def test_an_activation_has_the_same_colour_in_each_chart(specifications):
    for network in ("mlp", "convnet"):
        scale = specifications[f"activations-{network}"]["encoding"]["color"]["scale"]
        assert scale == {
            "domain": ["sigmoid", "relu"],
            "range": [activation_colour("sigmoid"), activation_colour("relu")],
        }


def test_cells_of_no_image_are_white(specifications):
    scale = specifications["confusion-svm"]["layer"][0]["encoding"]["color"]["scale"]
    assert (scale["domain"], scale["range"][0], scale["interpolate"]) == ([0, 1], "#ffffff", "rgb")


def test_pairs_that_cannot_be_told_apart_are_grey(specifications):
    _, rule, point = specifications["differences"]["layer"]
    for layer in (rule, point):
        assert layer["encoding"]["color"]["condition"]["test"] == "datum.is_better"
