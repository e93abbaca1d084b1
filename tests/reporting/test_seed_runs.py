"""Sentences about the runs of the command seeds."""

import pytest

from eurosat_transfer.reporting.seed_runs import SeedRuns, describe_seed_runs

FIGURES = {"mean": 0.75, "low": 0.7, "high": 0.8, "sd_split": 0.01}


@pytest.mark.parametrize(
    ("split", "words"), [(0.01, " to 0.800; standard deviation 0.010 between splits)."), (None, " to 0.800).")]
)
def test_the_sentence_says_what_was_measured(split, words):
    assert describe_seed_runs("svm", FIGURES | {"sd_split": split}, SeedRuns(6, 1), False).endswith(words)


@pytest.mark.parametrize(
    ("runs", "random", "words"),
    [
        (SeedRuns(3, 1), True, "Over 3 runs, each with another split and training seed, a has"),
        (SeedRuns(3, 2), True, "Over 6 runs (3 splits, each with 2 training seeds), a has"),
        (SeedRuns(3, 2), False, "Over 3 different splits, a has"),
        (SeedRuns(1, 3), True, "Over 3 trainings with different seeds on the same split, a has"),
    ],
)
def test_the_sentence_says_how_the_runs_differ(runs, random, words):
    sentence = describe_seed_runs("a", FIGURES, runs, random)
    assert sentence.startswith(words)
    assert ("does not contain the choice of the training images" in sentence) == (runs.splits == 1)


def test_runs_differ_for_a_classifier_by_split_or_by_its_training():
    assert not SeedRuns(1, 1).vary(True)
    assert SeedRuns(1, 2).vary(True)
    assert not SeedRuns(1, 2).vary(False)
    assert SeedRuns(2, 1).vary(False)
