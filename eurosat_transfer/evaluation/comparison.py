"""Paired comparison of classifiers on the same test images."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.paired_tests import judge_pairs

SMALLEST_PRINTED_P = 1e-12
SMALL_CLASS = 10  # with fewer test images, the figures of a class say little


class Candidate(NamedTuple):
    """A classifier that takes part in the comparison.

    Attributes:
        predictions: a row per test image, with the columns file, actual and predicted.
        images_per_class: numbers of test images by class, with classes that have none.
        training_labels: number of labels that the classifier was trained on.
        random_training: whether another training seed would give other predictions.
        saw_test: whether the classifier was made from the test images, without their labels.
    """

    predictions: Sequence[Mapping[str, str]]
    images_per_class: Mapping[str, int]
    training_labels: int
    random_training: bool = False
    saw_test: bool = False


def compare_classifiers(candidates: Mapping[str, Candidate]) -> dict[str, Any]:
    """Compare every pair of classifiers.

    Args:
        candidates: by classifier, two or more, from the cheapest to the most expensive.

    Returns:
        images: number of test images.
        small_classes: numbers of test images of those classes that have fewer than SMALL_CLASS.
        best: the most accurate classifier. Of equally accurate classifiers, this is the cheapest one.
        tied: the classifiers that cannot be told apart from the best one, the most accurate ones first.
        recommended: the cheapest of the best classifier and those that are tied with it.
        random_training: the classifiers that another training seed would change, in the given order.
        saw_test: the classifiers that were made from the test images, without their labels.
        words: the sentence of describe_recommendation; then those of describe_seen_test and describe_small_classes, if
            they are not empty. Without a full stop at the end.
        pairs: the result of compare_pairs.

    Raises:
        UserError: the classifiers predicted different images.
    """
    first, *others = candidates
    for name in others:
        if _images(candidates[name]) != _images(candidates[first]):
            raise UserError(
                f"plots/{name}_predictions.csv and plots/{first}_predictions.csv have different images; "
                "`dvc repro` computes both from the same ones"
            )
    correct = {
        name: np.array([row["actual"] == row["predicted"] for row in candidate.predictions])
        for name, candidate in candidates.items()
    }
    labels = {name: candidate.training_labels for name, candidate in candidates.items()}
    random_training = [name for name, candidate in candidates.items() if candidate.random_training]
    pairs = compare_pairs(correct, labels, random_training)
    best = pairs[0]["better"]
    tied = [pair["worse"] for pair in pairs if pair["better"] == best and not pair["is_better"]]
    per_class = candidates[first].images_per_class
    small_classes = {name: images for name, images in per_class.items() if images < SMALL_CLASS}
    recommended = next(name for name in candidates if name == best or name in tied)
    saw_test = [name for name, candidate in candidates.items() if candidate.saw_test]
    sentences = [
        describe_recommendation(best, tied, recommended),
        describe_seen_test(saw_test),
        describe_small_classes(small_classes),
    ]
    return {
        "images": len(candidates[first].predictions),
        "small_classes": small_classes,
        "best": best,
        "tied": tied,
        "recommended": recommended,
        "random_training": random_training,
        "saw_test": saw_test,
        "words": ". ".join(filter(None, sentences)),
        "pairs": pairs,
    }


def describe_recommendation(best: str, tied: Sequence[str], recommended: str) -> str:
    """Say which classifier to use, and why.

    Args:
        best: the most accurate classifier.
        tied: the classifiers that cannot be told apart from the best one.
        recommended: the cheapest of these and the best one.

    Returns:
        One sentence, without a full stop.
    """
    if not tied:
        return f"Use {best}: it is better than every other classifier"
    if recommended != best:
        return f"Use {recommended}: it is the cheapest classifier that cannot be told apart from the best one, {best}"
    others = f"{', '.join(tied[:-1])} and {tied[-1]}" if tied[1:] else tied[0]
    return f"Use {best}: it is the most accurate, and cheaper than {others}, which cannot be told apart from it"


def describe_seen_test(saw_test: Sequence[str]) -> str:
    """Say which classifiers have seen the test images without their labels.

    Args:
        saw_test: their names.

    Returns:
        One sentence, without a full stop. Empty if there are no such classifiers.
    """
    if not saw_test:
        return ""
    return (
        f"{' and '.join(saw_test)} learned from the test images too, without their labels (split.unlabelled=test), so "
        "the accuracy holds for these images, and not for new ones"
    )


def describe_small_classes(small_classes: Mapping[str, int]) -> str:
    """Name the classes that have too few test images for a conclusion.

    Args:
        small_classes: numbers of test images by class. See compare_classifiers.

    Returns:
        One sentence, without a full stop. Empty if there are no such classes.
    """
    if not small_classes:
        return ""
    named = ", ".join(f"{name} ({images})" for name, images in small_classes.items())
    return f"These classes have fewer than {SMALL_CLASS} test images, too few for a conclusion about them: {named}"


def _images(candidate: Candidate) -> list[tuple[str, str]]:
    return [(row["file"], row["actual"]) for row in candidate.predictions]


def compare_pairs(
    correct: Mapping[str, np.ndarray], labels: Mapping[str, int], random_training: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Compare every pair of classifiers by tests and intervals that hold for all pairs together.

    Args:
        correct: by classifier, two or more: which predictions are correct: bool, (n,), n of 1 or more.
        labels: by classifier: the number of labels that it was trained on.
        random_training: the classifiers that another training seed would change.

    Returns:
        For each pair, those of the most accurate classifiers first (of equally accurate ones, in the given order):
        better, worse: the names, with the more accurate classifier first.
        difference: of the accuracies, 0 to 1.
        low, high: the simultaneous 95 % interval of the difference, -1 to 1.
        only_better, only_worse: numbers of images that only this classifier predicts correctly.
        p_value: of McNemar's exact test, two-sided, 0 to 1.
        p_holm: p_value with Holm's correction for the number of pairs.
        better_labels, worse_labels: numbers of labels that the classifiers were trained on.
        is_better: whether p_holm is below 0.05 and the interval lies above 0.
        words: one sentence, see describe_pair.
    """
    ranked = sorted(correct, key=lambda name: -correct[name].sum())
    pairs = list(combinations(ranked, 2))
    better, worse = (np.array([correct[name] for name in names]) for names in zip(*pairs, strict=True))
    only_better, only_worse = (better & ~worse).sum(axis=1), (worse & ~better).sum(axis=1)
    count = better.shape[1]
    tests = judge_pairs((better & worse).sum(axis=1), only_better, only_worse, count)
    compared = []
    for number, names in enumerate(pairs):
        figures = {
            "better": names[0],
            "worse": names[1],
            "difference": int(only_better[number] - only_worse[number]) / count,
            "low": float(tests.low[number]),
            "high": float(tests.high[number]),
            "only_better": int(only_better[number]),
            "only_worse": int(only_worse[number]),
            "p_value": float(tests.p_value[number]),
            "p_holm": float(tests.p_holm[number]),
            "better_labels": labels[names[0]],
            "worse_labels": labels[names[1]],
            "is_better": bool(tests.differs[number]),
        }
        compared.append(
            figures | {"words": describe_pair(figures, [name for name in names if name in random_training])}
        )
    return compared


def describe_pair(figures: Mapping[str, Any], random_training: Sequence[str] = ()) -> str:
    """Describe in one sentence whether a classifier is better than another one.

    Args:
        figures: as compare_pairs returns them, without words.
        random_training: those of the two classifiers that another training seed would change. This randomness is not in
            the interval, so the sentence names them.

    Returns:
        The sentence, without a full stop.
    """
    p = f"= {figures['p_holm']:.2g}" if figures["p_holm"] > SMALLEST_PRINTED_P else f"< {SMALLEST_PRINTED_P:g}"
    evidence = f"simultaneous 95 % interval {figures['low']:.3f} to {figures['high']:.3f}, Holm's p {p}"
    better, worse = figures["better"], figures["worse"]
    if figures["better_labels"] == figures["worse_labels"]:
        labels = f"both trained on {figures['better_labels']} labels"
    else:
        labels = f"{better} trained on {figures['better_labels']} labels, {worse} on {figures['worse_labels']}"
    if random_training:  # true for one training in each fold, too
        labels += f"; {' and '.join(random_training)} trained with one seed"
    if figures["is_better"]:
        return f"{better} is better than {worse} by {figures['difference']:.3f} ({evidence}; {labels})"
    return (
        f"{better} and {worse} cannot be told apart: they differ by {figures['difference']:.3f} ({evidence}; {labels})"
    )
