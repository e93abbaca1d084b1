"""Charts of the report, as Vega-Lite specifications."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from eurosat_transfer.reporting.palette import activation_colour, class_colours, classifier_colour
from eurosat_transfer.reporting.results import Rows, RunResults

WHITE_TO_BLUE = ["#ffffff", "#08519c"]


def make_charts(results: RunResults, classes: Sequence[str], curves: Mapping[str, Rows]) -> dict[str, dict[str, Any]]:
    """Make all charts of the report.

    Args:
        results: results of the run.
        classes: names of the classes, in the order in which the charts show them.
        curves: label curves by classifier, as join_label_curves returns them.

    Returns:
        By name of the chart, which is its id in the page: the Vega-Lite specification.
    """
    tests = [{"name": name} | metrics["test"] for name, metrics in results.metrics.items()]
    pairs = [{"pair": f"{pair['better']} - {pair['worse']}"} | pair for pair in results.comparison["pairs"]]
    charts: dict[str, alt.TopLevelMixin] = {
        "accuracies": accuracy_chart(tests),
        "differences": difference_chart(pairs),
        "tsne-features": projection_chart(results.points, classes, "feature_x", "feature_y"),
        "tsne-pixels": projection_chart(results.points, classes, "pixel_x", "pixel_y"),
    }
    if curves:
        charts["labels"] = label_curve_chart([{"name": name} | point for name in curves for point in curves[name]])
        if results.chosen["differences"]:
            rows = [{"name": name} | point for name in ("chosen", "drawn") for point in results.chosen[name]]
            charts["chosen"] = label_curve_chart(rows)
    for name, rows in results.predictions.items():
        charts[f"confusion-{name}"] = confusion_chart(rows, classes)
    for name, history in results.history.items():
        for quantity in ("accuracy", "loss"):
            charts[f"{quantity}-{name}"] = learning_curve_chart(history, quantity)
    for network in results.activations:
        rows = [row for row in results.curves if row["network"] == network]
        charts[f"activations-{network}"] = activation_chart(rows)
    # A test checks the charts against Vega-Lite's schema. Doing it here would take a third of the time.
    return {name: chart.to_dict(validate=False) for name, chart in charts.items()}


def accuracy_chart(rows: Rows) -> alt.LayerChart:
    """Draw the test accuracy of each classifier with its interval.

    Args:
        rows: a row per classifier: name, accuracy, accuracy_low, accuracy_high.
    """
    chart = _chart(rows, 28 * len(rows))
    x = alt.X("accuracy_low:Q", title="test accuracy, 95 % interval", scale=alt.Scale(zero=False))
    y = alt.Y("name:N", title=None, sort=None)
    colour = _colour("name", {row["name"]: classifier_colour(row["name"]) for row in rows}).legend(None)
    figures = [alt.Tooltip(f"{key}:Q", format=".3f") for key in ("accuracy", "accuracy_low", "accuracy_high")]
    points = chart.mark_point(filled=True, size=70).encode(
        x="accuracy:Q", y=y, color=colour, tooltip=[alt.Tooltip("name:N"), *figures]
    )
    return chart.mark_rule(strokeWidth=2).encode(x=x, x2="accuracy_high:Q", y=y, color=colour) + points


def difference_chart(rows: Rows) -> alt.LayerChart:
    """Draw the difference of each pair of classifiers with its interval, and a line at zero.

    Args:
        rows: a row per pair: pair, difference, low, high, is_better, words. Pairs that cannot be told apart are grey.
    """
    chart = _chart(rows, 24 * len(rows))
    x = alt.X("low:Q", title="difference of test accuracies, simultaneous 95 % intervals")
    y = alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelLimit=160))
    colour = alt.condition("datum.is_better", alt.value("#1f2328"), alt.value("#9aa4ae"))
    zero = chart.mark_rule(strokeDash=[4, 4], color="grey").encode(x=alt.datum(0))
    points = chart.mark_point(filled=True, size=60).encode(
        x="difference:Q", y=y, color=colour, tooltip=[alt.Tooltip("words:N", title=" ")]
    )
    return zero + chart.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", y=y, color=colour) + points


def confusion_chart(predictions: Rows, classes: Sequence[str]) -> alt.LayerChart:
    """Draw a confusion matrix, in % of the images of the true class.

    Args:
        predictions: a row per image: actual, predicted.
        classes: names of the classes, in the order of rows and columns.
    """
    cells = confusion_cells(predictions, classes)
    chart = _chart(cells, 26 * len(classes)).encode(
        x=alt.X("predicted:N", title="predicted class", sort=list(classes), axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("actual:N", title="actual class", sort=list(classes)),
    )
    squares = chart.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(range=WHITE_TO_BLUE, domain=[0, 1], interpolate="rgb"), legend=None),
        tooltip=["actual:N", "predicted:N", "images:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    percent = chart.transform_calculate(percent="round(100 * datum.share)").transform_filter("datum.percent > 0")
    colour = alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black"))
    return squares + percent.mark_text(fontSize=10).encode(text="percent:Q", color=colour)


def confusion_cells(predictions: Rows, classes: Sequence[str]) -> Rows:
    """Count how often each class is predicted as each class.

    Args:
        predictions: a row per image: actual, predicted.
        classes: names of the classes.

    Returns:
        A row per pair of classes: actual, predicted, images, and share: of the images of the actual class, 0 to 1.
    """
    counts = Counter((row["actual"], row["predicted"]) for row in predictions)
    totals = Counter(row["actual"] for row in predictions)
    return [
        {
            "actual": actual,
            "predicted": predicted,
            "images": counts[actual, predicted],
            "share": counts[actual, predicted] / max(totals[actual], 1),  # a class can be without test images
        }
        for actual in classes
        for predicted in classes
    ]


def learning_curve_chart(history: Rows, quantity: str) -> alt.Chart:
    """Draw accuracy or loss on train and val by epoch.

    Args:
        history: a row per epoch: epoch, loss, accuracy, val_loss, val_accuracy.
        quantity: accuracy or loss.
    """
    rows = [
        {"epoch": row["epoch"], "value": row[key], "on": subset}
        for row in history
        for key, subset in ((quantity, "train"), (f"val_{quantity}", "val"))
    ]
    return (
        _chart(rows, 180)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=quantity, scale=alt.Scale(zero=False)),
            color=alt.Color("on:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["on:N", "epoch:Q", alt.Tooltip("value:Q", format=".3f")],
        )
    )


def label_curve_chart(rows: Rows) -> alt.Chart | alt.LayerChart:
    """Draw the test accuracy of each classifier by number of labelled images.

    Args:
        rows: name, images, mean, sd, se, draws. sd and se are None for a single fit, which has no band.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    colour = _colour("name", {name: classifier_colour(name) for name in names}, orient="top")
    chart = _chart(rows, 260).encode(
        x=alt.X("images:Q", title="labelled training images", scale=alt.Scale(type="log")), color=colour
    )
    band = (
        chart.transform_filter("isValid(datum.sd)")
        .transform_calculate(low="datum.mean - datum.sd", high="datum.mean + datum.sd")
        .mark_area(opacity=0.2)
        .encode(y=alt.Y("low:Q", title="test accuracy (band: ± 1 sd)", scale=alt.Scale(zero=False)), y2="high:Q")
    )
    figures = [alt.Tooltip(f"{key}:Q", format=".3f") for key in ("mean", "sd", "se")]
    details = ["name:N", "images:Q", *figures, "draws:Q"]
    lines = chart.mark_line(point=True).encode(tooltip=details)
    if any(row["sd"] is not None for row in rows):
        return band + lines.encode(y="mean:Q")
    # Vega warns of a layer without data.
    return lines.encode(y=alt.Y("mean:Q", title="test accuracy", scale=alt.Scale(zero=False)))


def projection_chart(rows: Rows, classes: Sequence[str], x: str, y: str) -> alt.Chart:
    """Draw a t-SNE projection, coloured by class.

    Args:
        rows: a row per image: class, and the columns x and y.
        classes: names of the classes.
        x: name of the column with the horizontal positions.
        y: name of the column with the vertical positions.
    """
    return (
        _chart(rows, 340)
        .mark_circle(size=22, opacity=0.8)
        .encode(
            x=alt.X(f"{x}:Q", axis=None),
            y=alt.Y(f"{y}:Q", axis=None),
            color=_class_colour(classes),
            tooltip=["class:N"],
        )
    )


def activation_chart(rows: Rows) -> alt.Chart:
    """Draw the training loss of each activation by iteration, one line per seed.

    Args:
        rows: activation, rate, seed, iteration, loss.
    """
    names = list(dict.fromkeys(row["activation"] for row in rows))
    details = ["activation:N", "rate:Q", "seed:N", "iteration:Q", alt.Tooltip("loss:Q", format=".3f")]
    return (
        _chart(rows, 220)
        .mark_line(opacity=0.6)
        .encode(
            x=alt.X("iteration:Q", title="iterations (one line per seed)", scale=alt.Scale(type="log")),
            y=alt.Y("loss:Q", title="training loss", scale=alt.Scale(type="log")),
            color=_colour("activation", {name: activation_colour(name) for name in names}, orient="top"),
            detail="seed:N",
            tooltip=details,
        )
    )


def _chart(rows: Rows, height: int) -> alt.Chart:
    """Start a chart that is as wide as the page allows."""
    return alt.Chart(alt.Data(values=rows), width="container", height=height)


def _class_colour(classes: Sequence[str]) -> alt.Color:
    return _colour("class", dict(zip(classes, class_colours(classes), strict=True)), orient="bottom", columns=2)


def _colour(field: str, colours: Mapping[str, str], **legend: Any) -> alt.Color:
    """Colour a column by fixed colours, with a legend in their order."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    key = alt.Legend(symbolSize=90, symbolOpacity=1, **legend)
    return alt.Color(f"{field}:N", title=None, sort=None, scale=scale, legend=key)
