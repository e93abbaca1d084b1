"""Spread of a classifier's test accuracy over the seeds of the split and of the training."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from eurosat_transfer.evaluation.intervals import LEVEL, wilson_interval

DRAWS = 2000
CHUNK = 100  # number of draws whose image weights are in memory at the same time


class Run(NamedTuple):
    """The test of a classifier in one run.

    Attributes:
        split_seed: seed of the split.
        training_seed: seed of the training. Runs with the same pair of seeds are different trainings too.
        files: names of the n test images, each once, n of 1 or more.
        correct: bool, (n,): which predictions are correct. To compare two classifiers, give the difference of theirs:
            int, (n,), -1 to 1.
    """

    split_seed: int
    training_seed: int
    files: Sequence[str]
    correct: np.ndarray


class SeedSpread(NamedTuple):
    """The mean accuracy over the seeds, its uncertainty and its spread.

    Attributes:
        mean: of the accuracies. Each split seed counts equally.
        low, high: the 95 % interval of the mean that more seeds and more images of the same kind would give.
        training_sd: standard deviation of the accuracy over training seeds with the same split. None if no split seed
            has two runs.
        split_sd: standard deviation over split seeds, without what training seeds add. It is 0 if training alone
            explains the spread. If training_sd is None, it contains the spread of the training. None if there is only
            one split seed.
        images: number of different test images in all runs.
        shared_images: number of those that are tested with more than one split seed.
    """

    mean: float
    low: float
    high: float
    training_sd: float | None
    split_sd: float | None
    images: int
    shared_images: int


def measure_seed_spread(runs: Sequence[Run], draws: int = DRAWS) -> SeedSpread:
    """Measure the spread of the accuracy over seeds, and how sure the mean is.

    An analysis of variance separates the two kinds of seeds: runs with the same split seed differ by their training
    only.

    Runs share images, so they are not independent: ten seeds with the same test images do not make the choice of these
    images ten times more certain. So the interval comes from a bootstrap that draws seeds and images independently of
    each other. It draws the split seeds with all their runs, because their means already vary with the training seeds.
    With one split seed, it draws the runs instead. It draws one seed fewer than there are, which makes the variance
    unbiased. Few seeds leave the variance uncertain, so the interval uses Student's t distribution, with the degrees of
    freedom of Satterthwaite. The random seed of the bootstrap is fixed.

    If nearly all predictions are correct, a bootstrap of the images has nearly no spread. So the part of the images in
    the interval is at least as wide as Wilson's interval of the mean. Its number of images is that of the different
    images, or more if the bootstrap has a smaller spread, as runs on the same images can have.

    With a single run, the interval contains the choice of the images only: it is Wilson's. Differences of two
    classifiers have the interval of the bootstrap alone.

    Args:
        runs: of one classifier, 1 or more, in any order.
        draws: number of draws of the bootstrap.

    Source:
        Owen, 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1.
        Davison and Hinkley, 1997, Bootstrap Methods and their Application, section 3.8.
        Searle, Casella and McCulloch, 1992, Variance Components, section 3.6.
        Korn and Graubard, 1998, Confidence Intervals for Proportions with Small Expected Number of Positive Counts
        Estimated from Survey Data, Survey Methodology 24, for an effective number of images.
    """
    runs = sorted(runs, key=lambda run: (run.split_seed, run.training_seed))
    accuracy = np.array([run.correct.mean() for run in runs])
    split_of_run = np.unique([run.split_seed for run in runs], return_inverse=True)[1]
    training_variance, split_variance = _variance_components(accuracy, split_of_run)
    units = split_of_run if split_variance is not None else np.arange(len(runs))
    of_unit = np.eye(units.max() + 1)[units]  # (runs, units)
    of_unit /= of_unit.sum(axis=0)
    mean = float((accuracy @ of_unit).mean())
    tested = [
        {name for run in group for name in run.files} for _, group in groupby(runs, key=lambda run: run.split_seed)
    ]
    images = set().union(*tested)
    of_accuracies = runs[0].correct.dtype == bool
    if of_accuracies and len(runs) == 1:
        low, high = wilson_interval(runs[0].correct.sum(), len(images))
    else:
        low, high = _interval(mean, runs, of_unit, accuracy @ of_unit, draws, len(images))
    lowest = 0.0 if of_accuracies else -1.0
    return SeedSpread(
        mean,
        max(float(low), lowest),
        min(float(high), 1.0),
        None if training_variance is None else training_variance**0.5,
        None if split_variance is None else split_variance**0.5,
        len(images),
        sum(sum(name in files for files in tested) > 1 for name in images),
    )


def _variance_components(accuracy: np.ndarray, split_of_run: np.ndarray) -> tuple[float | None, float | None]:
    """Estimate the variances over training seeds and over split seeds, of any number of runs for each split seed."""
    sizes = np.bincount(split_of_run)
    count, splits = len(accuracy), len(sizes)
    means = np.bincount(split_of_run, accuracy) / sizes
    within = None
    if count > splits:
        within = float(np.square(accuracy - means[split_of_run]).sum() / (count - splits))
    if splits == 1:
        return within, None
    between = float((sizes * np.square(means - accuracy.mean())).sum() / (splits - 1))
    typical_size = (count - np.square(sizes).sum() / count) / (splits - 1)
    return within, max(0.0, (between - (within or 0.0)) / float(typical_size))


def _interval(
    mean: float,
    runs: Sequence[Run],
    of_unit: np.ndarray,
    unit_means: np.ndarray,
    draws: int,
    images: int,
) -> tuple[float, float]:
    of_all, of_images = _draw_means(runs, of_unit, draws)
    variance = float(np.var(of_all, ddof=1))
    units = len(unit_means)
    freedom = np.inf
    if units > 1 and (of_seeds := float(unit_means.var(ddof=1) / units)):
        freedom = (units - 1) * max(1.0, variance / of_seeds) ** 2
    factor = stdtrit(freedom, (1 + LEVEL) / 2) ** 2
    variance_of_images = float(np.var(of_images, ddof=1))
    smallest = (mean, mean)
    if runs[0].correct.dtype == bool:
        predictions = sum(len(run.files) for run in runs)
        effective = mean * (1 - mean) / variance_of_images if variance_of_images else 0.0
        count = min(max(images, effective), predictions)
        smallest = wilson_interval(mean * count, count)
    below, above = (
        (factor * variance + max(0.0, (mean - end) ** 2 - factor * variance_of_images)) ** 0.5 for end in smallest
    )
    return float(mean - below), float(mean + above)


def _draw_means(runs: Sequence[Run], of_unit: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw seeds and images, and compute the mean accuracy of each draw.

    Returns:
        float, (draws,): the means. float, (draws,): the means of all seeds for the same draws of images.

    Images get independent Poisson weights, which are nearly those of drawing with replacement. All sums are of whole
    numbers, so they are exact on any number of cores.
    """
    names, column = np.unique(np.concatenate([run.files for run in runs]), return_inverse=True)
    row = np.repeat(np.arange(len(runs)), [len(run.files) for run in runs])
    tested, correct = np.zeros((2, len(names), len(runs)))
    tested[column, row] = 1
    correct[column, row] = np.concatenate([run.correct for run in runs])
    rng = np.random.default_rng(0)
    units = of_unit.shape[1]
    means, of_images = [], []
    for start in range(0, draws, CHUNK):
        size = min(CHUNK, draws - start)
        weights = rng.poisson(1, (size, len(names))).astype(float)
        accuracy = (weights @ correct) / np.maximum(weights @ tested, 1)
        drawn = rng.multinomial(max(1, units - 1), np.full(units, 1 / units), size)
        by_unit = accuracy @ of_unit
        means.append((by_unit * drawn).sum(axis=1) / drawn.sum(axis=1))
        of_images.append(by_unit.mean(axis=1))
    return np.concatenate(means), np.concatenate(of_images)
