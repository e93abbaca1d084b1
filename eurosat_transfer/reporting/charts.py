"""Charts of the report, as Vega-Lite specifications."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt

from eurosat_transfer.reporting.results import Rows, RunResults

ALL_CLASSES = "all classes"  # choices of the explorer's menus
ALL_IMAGES, SOME_WRONG, ALL_WRONG = "all images", "at least one classifier wrong", "all classifiers wrong"


def make_charts(results: RunResults, classes: Sequence[str], train_images: int) -> dict[str, dict[str, Any]]:
    """Make all charts of the report.

    Args:
        results: results of the run.
        classes: names of the classes, in the order in which the charts show them.
        train_images: number of training images.

    Returns:
        By name of the chart, which is its id in the page: the Vega-Lite specification.
    """
    tests = [{"name": name} | metrics["test"] for name, metrics in results.metrics.items()]
    pairs = [{"pair": f"{pair['better']} - {pair['worse']}"} | pair for pair in results.pairs]
    charts: dict[str, alt.TopLevelMixin] = {
        "accuracies": accuracy_chart(tests),
        "differences": difference_chart(pairs),
        "labels": label_curve_chart(label_curve_points(results, train_images)),
        "tsne-features": projection_chart(results.points, classes, "feature_x", "feature_y"),
        "tsne-pixels": projection_chart(results.points, classes, "pixel_x", "pixel_y"),
    }
    for name, rows in results.predictions.items():
        charts[f"confusion-{name}"] = confusion_chart(rows, classes)
    for name, history in results.history.items():
        for quantity in ("accuracy", "loss"):
            charts[f"{quantity}-{name}"] = learning_curve_chart(history, quantity)
    for network in results.activations:
        curves = [row for row in results.curves if row["network"] == network]
        charts[f"activations-{network}"] = activation_chart(curves)
    return {name: chart.to_dict() for name, chart in charts.items()}


def label_curve_points(results: RunResults, train_images: int) -> Rows:
    """Collect the points of the label curves.

    A classifier that fits subsets in its own stage has a curve, too. The last point of that curve is its test accuracy,
    for which it was trained on all images.

    Args:
        results: results of the run.
        train_images: number of training images.

    Returns:
        A row for each classifier and number of images: name, images, mean, sd, low, high.
    """
    points: Rows = [{"name": name} | point for name, curve in results.labels.items() for point in curve]
    for name, fits in results.subset_fits.items():
        accuracies = {fit["images"]: fit["accuracy"] for fit in fits}
        if accuracies:
            accuracies[train_images] = results.metrics[name]["test"]["accuracy"]
        points += [{"name": name, "images": images, "mean": mean, "sd": 0.0} for images, mean in accuracies.items()]
    return [point | {"low": point["mean"] - point["sd"], "high": point["mean"] + point["sd"]} for point in points]


def accuracy_chart(rows: Rows) -> alt.LayerChart:
    """Draw the test accuracy of each classifier with its interval.

    Args:
        rows: a row per classifier: name, accuracy, accuracy_low, accuracy_high.
    """
    chart = _chart(rows, 28 * len(rows))
    x = alt.X("accuracy_low:Q", title="test accuracy, 95 % interval", scale=alt.Scale(zero=False))
    y = alt.Y("name:N", title=None, sort=None)
    figures = [alt.Tooltip(f"{key}:Q", format=".3f") for key in ("accuracy", "accuracy_low", "accuracy_high")]
    points = chart.mark_point(filled=True, size=70).encode(
        x="accuracy:Q", y=y, tooltip=[alt.Tooltip("name:N"), *figures]
    )
    return chart.mark_rule(strokeWidth=2).encode(x=x, x2="accuracy_high:Q", y=y) + points


def difference_chart(rows: Rows) -> alt.LayerChart:
    """Draw the difference of each pair of classifiers with its interval, and a line at zero.

    Args:
        rows: a row per pair: pair, difference, low, high.
    """
    chart = _chart(rows, 24 * len(rows))
    x = alt.X("low:Q", title="difference of test accuracies, 95 % interval")
    y = alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelLimit=160))
    figures = [alt.Tooltip(f"{key}:Q", format=".3f") for key in ("difference", "low", "high")]
    zero = chart.mark_rule(strokeDash=[4, 4], color="grey").encode(x=alt.datum(0))
    points = chart.mark_point(filled=True, size=60).encode(
        x="difference:Q", y=y, tooltip=[alt.Tooltip("pair:N"), *figures]
    )
    return zero + chart.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", y=y) + points


def confusion_chart(predictions: Rows, classes: Sequence[str]) -> alt.LayerChart:
    """Draw a confusion matrix, in % of the images of the true class.

    Args:
        predictions: a row per image: actual, predicted.
        classes: names of the classes, in the order of rows and columns.
    """
    cells = confusion_cells(predictions, classes)
    chart = _chart(cells, 26 * len(classes)).encode(
        x=alt.X("predicted:N", sort=list(classes), axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("actual:N", sort=list(classes)),
    )
    squares = chart.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None),
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


def label_curve_chart(rows: Rows) -> alt.LayerChart:
    """Draw the test accuracy of each classifier by number of labelled images.

    Args:
        rows: name, images, mean, sd, low, high.
    """
    colour = alt.Color("name:N", title=None, legend=alt.Legend(orient="top"), sort=None)
    chart = _chart(rows, 260).encode(
        x=alt.X("images:Q", title="labelled training images", scale=alt.Scale(type="log")), color=colour
    )
    band = chart.mark_area(opacity=0.2).encode(
        y=alt.Y("low:Q", title="test accuracy", scale=alt.Scale(zero=False)), y2="high:Q"
    )
    details = ["name:N", "images:Q", alt.Tooltip("mean:Q", format=".3f"), alt.Tooltip("sd:Q", format=".3f")]
    return band + chart.mark_line(point=True).encode(y="mean:Q", tooltip=details)


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
    """Draw the training loss of each activation by iteration.

    Args:
        rows: activation, iteration, loss.
    """
    return (
        _chart(rows, 220)
        .mark_line()
        .encode(
            x=alt.X("iteration:Q", title="iterations"),
            y=alt.Y("loss:Q", title="training loss", scale=alt.Scale(type="log")),
            color=alt.Color("activation:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["activation:N", "iteration:Q", alt.Tooltip("loss:Q", format=".3f")],
        )
    )


def explorer_chart(rows: Rows, classes: Sequence[str], classifiers: Sequence[str]) -> alt.Chart:
    """Draw images as points that show their tile, class and predictions, with menus to filter by class and mistake.

    Args:
        rows: a row per image: x, y, class, image (a data URI), and under the name of each classifier its prediction.
        classes: names of the classes.
        classifiers: names of the classifiers.
    """
    of_class = alt.param(
        "of", value=ALL_CLASSES, bind=alt.binding_select(options=[ALL_CLASSES, *classes], name="class ")
    )
    is_wrong = {f"{name} wrong": f"datum['{name}'] != datum['class']" for name in classifiers}
    filters = {
        ALL_IMAGES: "true",
        SOME_WRONG: " || ".join(is_wrong.values()),
        ALL_WRONG: " && ".join(is_wrong.values()),
    } | is_wrong
    shown = alt.param("shown", value=ALL_IMAGES, bind=alt.binding_select(options=list(filters), name="show "))
    by_mistake = " || ".join(f"(shown == '{choice}' && ({test}))" for choice, test in filters.items())
    return (
        _chart(rows, 520)
        .add_params(of_class, shown)
        .transform_filter(f"of == '{ALL_CLASSES}' || datum['class'] == of")
        .transform_filter(by_mistake)
        .mark_circle(size=45, opacity=0.85)
        .encode(
            x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=_range_of(rows, "x"))),
            y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=_range_of(rows, "y"))),
            color=_class_colour(classes),
            tooltip=[alt.Tooltip(f"{name}:N") for name in ("image", "class", *classifiers)],
        )
    )


def _chart(rows: Rows, height: int) -> alt.Chart:
    """Start a chart that is as wide as the page allows."""
    return alt.Chart(alt.Data(values=rows), width="container", height=height)


def _class_colour(classes: Sequence[str]) -> alt.Color:
    scheme: Literal["tableau10", "tableau20", "sinebow"] = "sinebow"  # for any number of classes
    if len(classes) <= 20:
        scheme = "tableau10" if len(classes) <= 10 else "tableau20"
    legend = alt.Legend(orient="bottom", columns=2, symbolSize=90)
    return alt.Color(
        "class:N", title=None, sort=None, scale=alt.Scale(domain=list(classes), scheme=scheme), legend=legend
    )


def _range_of(rows: Rows, key: str) -> list[float]:
    """Fix the range of an axis, so that it stays the same when a filter hides points."""
    values = [row[key] for row in rows]
    return [min(values), max(values)]
