"""The charts of the report, as Vega-Lite specifications."""

from collections import Counter
from collections.abc import Sequence

import altair as alt

from stages.reporting.results import Results, Rows

FULL = "container"  # as wide as the page lets it be


def _chart(rows: Rows, height: int | None = None) -> alt.Chart:
    sizes = {} if height is None else {"height": height}
    return alt.Chart(alt.Data(values=rows), width=FULL, **sizes)


def for_report(results: Results, classes: Sequence[str]) -> dict[str, dict]:
    """Make every chart of the report: {id: Vega-Lite specification}."""
    tests = {name: figures["test"] for name, figures in results.metrics.items()}
    made = {
        "accuracies": accuracies([{"name": name} | test for name, test in tests.items()]),
        "differences": differences([{"pair": f"{pair['better']} - {pair['worse']}"} | pair for pair in results.pairs]),
        "labels": label_curve(_label_points(results)),
        "tsne-features": projection(results.points, classes, "feature_x", "feature_y"),
        "tsne-pixels": projection(results.points, classes, "pixel_x", "pixel_y"),
    }
    made |= {f"confusion-{name}": confusion(rows, classes) for name, rows in results.said.items()}
    for name, history in results.history.items():
        made |= {f"{quantity}-{name}": learning_curve(history, quantity) for quantity in ("accuracy", "loss")}
    for network in results.activations:
        rows = [row for row in results.curves if row["network"] == network]
        made[f"activations-{network}"] = activation_curve(rows)
    return {name: chart.to_dict() for name, chart in made.items()}


def _label_points(results: Results) -> Rows:
    points = [{"name": name} | point for name, curve in results.labels.items() for point in curve]
    if results.tuned:  # and the network tuned on all of them
        train = sum(row["subset"] == "train" for row in results.split)
        everything = {"images": train, "accuracy": results.metrics["finetune"]["test"]["accuracy"]}
        points += [
            {"name": "finetune", "images": row["images"], "mean": row["accuracy"], "sd": 0.0}
            for row in [*results.tuned, everything]
        ]
    return [point | {"low": point["mean"] - point["sd"], "high": point["mean"] + point["sd"]} for point in points]


def accuracies(rows: Rows) -> alt.LayerChart:
    """Test accuracy of each classifier (name, accuracy, accuracy_low, accuracy_high) with its interval."""
    chart = _chart(rows, 28 * len(rows))
    x = alt.X("accuracy_low:Q", title="test accuracy, 95 % interval", scale=alt.Scale(zero=False))
    y = alt.Y("name:N", title=None, sort=None)
    details = [
        "name:N",
        *(alt.Tooltip(f"{key}:Q", format=".3f") for key in ("accuracy", "accuracy_low", "accuracy_high")),
    ]
    points = chart.mark_point(filled=True, size=70).encode(x="accuracy:Q", y=y, tooltip=details)
    return chart.mark_rule(strokeWidth=2).encode(x=x, x2="accuracy_high:Q", y=y) + points


def differences(rows: Rows) -> alt.LayerChart:
    """Difference of each pair (pair, difference, low, high) with its interval, and a line at none."""
    chart = _chart(rows, 24 * len(rows))
    x = alt.X("low:Q", title="difference of test accuracies, 95 % interval")
    y = alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelLimit=160))
    details = ["pair:N", *(alt.Tooltip(f"{key}:Q", format=".3f") for key in ("difference", "low", "high"))]
    none = chart.mark_rule(strokeDash=[4, 4], color="grey").encode(x=alt.datum(0))
    points = chart.mark_point(filled=True, size=60).encode(x="difference:Q", y=y, tooltip=details)
    return none + chart.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", y=y) + points


def confusion(said: Rows, classes: Sequence[str]) -> alt.LayerChart:
    """How often each class (actual) was called which (predicted); in % of the class."""
    counts = Counter((row["actual"], row["predicted"]) for row in said)
    totals = Counter(row["actual"] for row in said)
    cells = [
        {"actual": a, "predicted": p, "images": counts[a, p], "share": counts[a, p] / totals[a] if totals[a] else 0.0}
        for a in classes
        for p in classes
    ]
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
    numbers = percent.mark_text(fontSize=10).encode(text="percent:Q", color=colour)
    return squares + numbers


def learning_curve(history: Rows, quantity: str) -> alt.Chart:
    """A quantity of a fit (accuracy, loss) by epoch, on train and val."""
    rows = [
        {"epoch": row["epoch"], "value": row[key], "on": on}
        for row in history
        for key, on in ((quantity, "train"), (f"val_{quantity}", "val"))
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


def label_curve(rows: Rows) -> alt.LayerChart:
    """Test accuracy (mean, low, high) of each classifier (name) by labelled images."""
    colour = alt.Color("name:N", title=None, legend=alt.Legend(orient="top"), sort=None)
    chart = _chart(rows, 260).encode(
        x=alt.X("images:Q", title="labelled training images", scale=alt.Scale(type="log")), color=colour
    )
    band = chart.mark_area(opacity=0.2).encode(
        y=alt.Y("low:Q", title="test accuracy", scale=alt.Scale(zero=False)), y2="high:Q"
    )
    details = ["name:N", "images:Q", alt.Tooltip("mean:Q", format=".3f"), alt.Tooltip("sd:Q", format=".3f")]
    return band + chart.mark_line(point=True).encode(y="mean:Q", tooltip=details)


def projection(rows: Rows, classes: Sequence[str], x: str, y: str) -> alt.Chart:
    """Points (x, y) coloured by class."""
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


def activation_curve(rows: Rows) -> alt.Chart:
    """Training loss by iteration of each activation."""
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


def explorer(rows: Rows, classes: Sequence[str], classifiers: Sequence[str]) -> alt.Chart:
    """Points (x, y) that show their tile (image), class and what each classifier said; filters by class and error.

    Args:
        rows: x, y, class, image (a data URI), and each classifier's answer under its name.
    """
    every = "every class", "right or wrong"
    of_class = alt.param("of", value=every[0], bind=alt.binding_select(options=[every[0], *classes], name="class "))
    choices = [every[1], "somebody wrong", "all wrong", *(f"{name} wrong" for name in classifiers)]
    wrong = alt.param("wrong", value=every[1], bind=alt.binding_select(options=choices, name="show "))
    tests = [f"datum['{name}'] != datum['class']" for name in classifiers]
    shown = {every[1]: "true", "somebody wrong": " || ".join(tests), "all wrong": " && ".join(tests)}
    shown |= {f"{name} wrong": test for name, test in zip(classifiers, tests, strict=True)}
    by_error = " || ".join(f"(wrong == '{choice}' && ({test}))" for choice, test in shown.items())
    return (
        _chart(rows, 520)
        .add_params(of_class, wrong)
        .transform_filter(f"of == '{every[0]}' || datum['class'] == of")
        .transform_filter(by_error)
        .mark_circle(size=45, opacity=0.85)
        .encode(
            x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=_span(rows, "x"))),
            y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=_span(rows, "y"))),
            color=_class_colour(classes),
            tooltip=[alt.Tooltip(f"{name}:N") for name in ("image", "class", *classifiers)],
        )
    )


def _class_colour(classes: Sequence[str]) -> alt.Color:
    scheme = "tableau10" if len(classes) <= 10 else "tableau20" if len(classes) <= 20 else "sinebow"
    legend = alt.Legend(orient="bottom", columns=2, symbolSize=90)
    scale = alt.Scale(domain=list(classes), scheme=scheme)
    return alt.Color("class:N", title=None, sort=None, scale=scale, legend=legend)


def _span(rows: Rows, key: str) -> list[float]:
    values = [row[key] for row in rows]
    return [min(values), max(values)]
