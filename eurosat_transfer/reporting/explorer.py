"""The chart of the interactive page, as a Vega-Lite specification."""

from collections.abc import Sequence

import altair as alt

from eurosat_transfer.reporting.palette import class_colours
from eurosat_transfer.reporting.results import Rows

ALL_CLASSES = "all classes"  # choices of the menus
ALL_IMAGES, SOME_WRONG, ALL_WRONG = "all images", "at least one classifier wrong", "all classifiers wrong"
HEIGHT = 560
MARGIN = 0.04  # between the outermost points and the frame, as a share of the range
GREY = "#d0d7de"


def explorer_chart(rows: Rows, classes: Sequence[str], classifiers: Sequence[str]) -> alt.LayerChart:
    """Draw images as points, with menus that choose by class and by mistake.

    Chosen images have the colour of their class, and the others are grey. A line of text counts the chosen ones. The
    wheel zooms, dragging moves the picture. The page itself fills the parameter pins, with the rows of the images that
    have a ring.

    Args:
        rows: a row per image: row, x, y, file, class, image (a data URI), and under the name of each classifier its
            prediction.
        classes: names of the classes.
        classifiers: names of the classifiers.
    """
    filters = mistake_filters(classifiers)
    everything = ALL_CLASSES
    while everything in classes:
        everything = f"({everything})"
    menus = [
        _menu("of", "class ", [everything, *classes]),
        _menu("shown", "show ", list(filters)),
        alt.VariableParameter(name="pins", value=[]),
    ]
    by_mistake = " || ".join(f"(shown == '{choice}' && ({test}))" for choice, test in filters.items())
    chosen = f"(of == '{everything}' || datum['class'] == of) && ({by_mistake})"
    x = alt.X("x:Q", axis=None, scale=_scale([row["x"] for row in rows]))
    y = alt.Y("y:Q", axis=None, scale=_scale([row["y"] for row in rows]))
    points = alt.Chart().encode(x=x, y=y)
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("image", "file", "class", *classifiers)]
    scale = alt.Scale(domain=list(classes), range=class_colours(classes))
    colour = alt.Color("class:N", title=None, sort=None, scale=scale, legend=alt.Legend(orient="bottom", columns=2))
    layers = [
        points.transform_filter("!datum.chosen").mark_circle(size=25, color=GREY, clip=True),
        points.transform_filter("datum.chosen")
        .mark_circle(size=45, opacity=0.85, clip=True, cursor="pointer")
        .encode(color=colour, tooltip=tooltip)
        .add_params(alt.selection_interval(bind="scales", name="zoom"))
        .properties(name="points"),
        points.transform_filter("indexof(pins, datum.row) >= 0").mark_point(
            size=160, color="black", strokeWidth=2, clip=True
        ),
        alt.Chart()
        .transform_aggregate(chosen="sum(chosen)", total="count()")
        .transform_calculate(text="datum.chosen + ' of ' + datum.total + ' images'")
        .mark_text(align="left", baseline="top", fontSize=13)
        .encode(x=alt.value(8), y=alt.value(8), text="text:N"),
    ]
    return alt.LayerChart(
        layer=layers,
        data=alt.Data(values=rows),
        transform=[alt.CalculateTransform(calculate=f"{chosen} ? 1 : 0", **{"as": "chosen"})],
        params=menus,
        width="container",
        height=HEIGHT,
    )


def mistake_filters(classifiers: Sequence[str]) -> dict[str, str]:
    """List the choices of the menu of mistakes, each with a Vega expression that says whether an image is chosen.

    Args:
        classifiers: names of the classifiers.
    """
    is_wrong = {f"{name} wrong": f"datum['{name}'] != datum['class']" for name in classifiers}
    some, every = " || ".join(is_wrong.values()), " && ".join(is_wrong.values())
    return {ALL_IMAGES: "true", SOME_WRONG: some, ALL_WRONG: every} | is_wrong


def _menu(name: str, label: str, options: Sequence[str]) -> alt.VariableParameter:
    """Make a menu whose first option is chosen."""
    return alt.VariableParameter(name=name, value=options[0], bind=alt.binding_select(options=options, name=label))


def _scale(values: Sequence[float]) -> alt.Scale:
    """Fix the range of an axis: it stays the same for every choice, and no point touches the frame."""
    margin = MARGIN * (max(values) - min(values)) or 1
    return alt.Scale(domain=[min(values) - margin, max(values) + margin], nice=False, zero=False)
