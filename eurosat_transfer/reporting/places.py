"""The part of the report about images of one place on both sides of a split."""

from collections.abc import Mapping
from typing import Any

UNKNOWN = (
    "It is not known which images are of one place. Neighbours look alike, so if some are in train and others in test, "
    "the accuracies above are too high for new places. Set split.groups if the files tell the place."
)


def describe_leak(figures: Mapping[str, Any]) -> list[str]:
    """Put the accuracy of random splits and that of splits by place side by side.

    Args:
        figures: as in metrics/groups.json.

    Returns:
        Sentences.
    """
    if not figures:
        return [UNKNOWN]
    if "random" not in figures:
        return [
            f"The {figures['images']:,} images are of {figures['places']:,} places. These are too few to compare "
            "random splits with splits by place: a half would have one class only."
        ]
    random, grouped, difference = (figures[kind] for kind in ("random", "grouped", "difference"))
    sizes = (
        f"The {figures['images']:,} images are of {figures['places']:,} places. An SVM was fitted on "
        f"{figures['train']:,} of them and tested on {figures['test']:,}, {figures['draws']} times for each kind of "
        "split."
    )
    sides = (
        f"Split at random, it is right for {random['mean']:.3f} of the test images (sd {random['sd']:.3f}). Split by "
        f"place, for {grouped['mean']:.3f} (sd {grouped['sd']:.3f})."
    )
    gap = f"{difference['mean']:.3f} (sd {difference['sd']:.3f})"
    if difference["mean"] > 2 * difference["sd"]:
        verdict = f"So a random split overstates the accuracy at new places, here by {gap}."
    else:
        verdict = f"The difference is {gap}, which is no more than two standard deviations of the draws."
    return [sizes, sides, verdict]
