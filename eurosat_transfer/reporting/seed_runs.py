"""Sentences about the runs of the command seeds."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class SeedRuns(NamedTuple):
    """The runs of the command seeds.

    Attributes:
        splits: number of different splits.
        trainings: number of runs on each split, each with its own training seed.
    """

    splits: int
    trainings: int

    def vary(self, random_training: bool) -> bool:
        """Tell whether the runs differ for a classifier.

        Args:
            random_training: whether the classifier depends on a training seed.
        """
        return self.splits > 1 or (random_training and self.trainings > 1)


def describe_seed_runs(name: str, figures: Mapping[str, Any], runs: SeedRuns, random_training: bool) -> str:
    """Say what several runs have shown of a classifier.

    Args:
        name: of the classifier.
        figures: mean, low, high, sd_split. sd_split is None where it was not measured.
        runs: which differ for this classifier.
        random_training: whether the classifier depends on a training seed.

    Returns:
        One or two sentences.
    """
    spread = "" if figures["sd_split"] is None else f"; standard deviation {figures['sd_split']:.3f} between splits"
    sentence = (
        f"{_describe_runs(runs, random_training)}, {name} has a mean test accuracy of {figures['mean']:.3f} "
        f"(95 % interval {figures['low']:.3f} to {figures['high']:.3f}{spread})."
    )
    if runs.splits == 1:
        return f"{sentence} This interval does not contain the choice of the training images."
    return sentence


def _describe_runs(runs: SeedRuns, random_training: bool) -> str:
    if not random_training:  # trainings on the same split give the same result
        return f"Over {runs.splits} different splits"
    if runs.splits == 1:
        return f"Over {runs.trainings} trainings with different seeds on the same split"
    if runs.trainings == 1:
        return f"Over {runs.splits} runs, each with another split and training seed"
    return f"Over {runs.splits * runs.trainings} runs ({runs.splits} splits, each with {runs.trainings} training seeds)"
