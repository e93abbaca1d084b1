"""The table of the command `seeds`."""

from eurosat_transfer.commands.seed_table import describe_findings
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS

RUNS = [{"split_seed": 0, "training_seed": 0, "accuracy": 0.7}, {"split_seed": 1, "training_seed": 1, "accuracy": 0.9}]


def figures(mean: float, **changes) -> dict:
    usual = {"mean": mean, "low": 0.5, "high": 0.9, "sd_split": 0.125, "sd_training": None, "accuracies": RUNS}
    return usual | changes


def findings(splits=2, trainings=1, **classifiers) -> dict:
    seeds = {"splits": splits, "trainings": trainings, "images": 40, "shared_images": 10}
    return {"parameters": {}, "seeds": seeds, **classifiers}


def test_table_has_a_line_per_run_and_the_best_classifier_first():
    table = describe_findings(findings(svm=figures(0.6), finetune=figures(0.8, sd_training=0.01)))
    assert table.splitlines()[:8] == [
        "test accuracy",
        "split  training  finetune       svm",
        "    0         0     0.700     0.700",
        "    1         1     0.900     0.900",
        "mean                0.800     0.600",
        "95 % from           0.500     0.500",
        "95 % to             0.900     0.900",
        "sd by split         0.125     0.125",
    ]
    assert table.splitlines()[8] == "sd by training      0.010         -"


def test_a_spread_that_was_not_measured_has_no_figure():
    one = findings(splits=1, svm=figures(0.6, sd_split=None))
    assert describe_findings(one).splitlines()[7].split() == ["sd", "by", "split", "-"]


def unwrapped(**changes) -> str:
    return " ".join(describe_findings(findings(svm=figures(0.6), **changes)).partition("\n\n")[2].split())


def test_text_says_that_splits_share_images():
    text = unwrapped(trainings=2)
    assert text == (
        "Splits share images: 10 of 40 test images are in more than one split. So the runs are not independent, and "
        "the interval resamples splits, trainings and images together."
    )


def test_text_says_what_one_split_or_one_training_cannot_show():
    assert unwrapped(trainings=1).endswith("so the spread by split contains the spread by training.")
    assert unwrapped(splits=1) == (
        "There is one split, so the interval does not contain how much another split changes the accuracy."
    )


def test_table_fits_100_columns():
    table = describe_findings(findings(**{name: figures(0.5, accuracies=RUNS * 9) for name in CLASSIFIERS}))
    assert max(map(len, table.splitlines())) <= 100
