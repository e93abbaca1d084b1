"""Classes that a classifier predicts badly."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_NAMED = 3  # classes in a sentence
LEAST_SHARE = 0.05  # of a class, for which a wrong prediction is named


class WeakClass(NamedTuple):
    """A class that a classifier predicts badly.

    Attributes:
        name: of the class.
        f1: 0 to 1.
        images: number of its test images.
        taken_for: share of its images by wrongly predicted class, the most frequent first, two at most.
    """

    name: str
    f1: float
    images: int
    taken_for: dict[str, float]


def find_weakest_classes(
    per_class: Mapping[str, Mapping[str, Any]], predictions: Sequence[Mapping[str, Any]]
) -> list[WeakClass]:
    """Find the classes with the lowest F1, MOST_NAMED at most.

    Classes without test images are left out, and classes without mistakes.

    Args:
        per_class: by class: f1, images.
        predictions: a row per test image: actual, predicted.

    Returns:
        The classes, with the lowest F1 first.
    """
    mistakes = Counter((row["actual"], row["predicted"]) for row in predictions if row["actual"] != row["predicted"])
    weak = []
    for name, figures in per_class.items():
        if not figures["images"] or figures["f1"] >= 1:
            continue
        taken_for = {
            predicted: count / figures["images"]
            for (actual, predicted), count in mistakes.most_common()
            if actual == name and count / figures["images"] >= LEAST_SHARE
        }
        weak.append(WeakClass(name, figures["f1"], int(figures["images"]), dict(list(taken_for.items())[:2])))
    return sorted(weak, key=lambda weak_class: weak_class.f1)[:MOST_NAMED]


def describe_weak_class(weak: WeakClass) -> str:
    """Describe a class that is predicted badly, without a full stop.

    Args:
        weak: the class.
    """
    taken_for = " and ".join(f"{name} ({100 * share:.0f} %)" for name, share in weak.taken_for.items())
    return f"{weak.name} has F1 {weak.f1:.3f}" + (f": its images are taken for {taken_for}" if taken_for else "")
