"""The part of the report about labels that look wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DRAWN = "landcover-demo"  # the data set whose tiles are drawn
MAX_SUSPECTS = 24  # tiles on the report's page
COMMAND = "python -m eurosat_transfer suspects"

Rows = list[dict[str, Any]]


def describe_suspects(figures: Mapping[str, Any], are_drawn: bool) -> list[str]:
    """Say how many labels look wrong, and how many would if all labels were correct.

    Args:
        figures: as in metrics/suspects.json.
        are_drawn: whether the tiles are drawn, so that no label is wrong.

    Returns:
        Sentences.
    """
    if not figures["tiles"]:
        return ["No label could be judged, because every training image is the only one of its class."]
    flagged = (
        f"{figures['flagged']:,} of {figures['tiles']:,} training images are flagged: the probability of their label "
        f"is below {100 * figures['below']:g} %, by a classifier that was not fitted on them."
    )
    chance = (
        f"If all labels were correct and the probabilities true, about {figures['expected']:.0f} would be flagged, and "
        f"more than {figures['expected_high']:,} in 2.5 % of such cases."
    )
    if are_drawn:
        verdict = "The tiles are drawn, so no label is wrong: these are tiles that can be taken for another class."
    elif is_beyond_chance(figures):
        verdict = (
            f"So some labels are probably wrong: the estimate is {100 * figures['noise']:.1f} % of them. "
            "This is a list to look at, not a list of errors."
        )
    else:
        verdict = "So the number does not show that labels are wrong. This is a list to look at, not a list of errors."
    return [flagged, chance, verdict]


def is_beyond_chance(figures: Mapping[str, Any]) -> bool:
    """Tell whether more labels are flagged than correct labels explain.

    Args:
        figures: as in metrics/suspects.json.
    """
    return bool(figures["flagged"] > figures["expected_high"])


def show_suspects(rows: Sequence[Mapping[str, Any]], show_tile: Callable[[str], str]) -> Rows:
    """Collect the most suspicious training images, MAX_SUSPECTS at most.

    Args:
        rows: of plots/suspects.csv, the most suspicious first.
        show_tile: gives the data URI of a training image by its file.

    Returns:
        The rows, each with its image, a data URI.
    """
    return [{**row, "image": show_tile(row["file"])} for row in rows[:MAX_SUSPECTS]]
