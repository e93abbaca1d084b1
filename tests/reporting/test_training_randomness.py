"""What the report says about the training seed."""

from eurosat_transfer.reporting.training_randomness import describe_training_randomness


def test_one_run_says_that_its_interval_leaves_the_training_out():
    assert describe_training_randomness("finetune", {"seed": 3, "lr": 0.1}) == (
        "finetune was trained with one seed, finetune.seed=3. Another seed gives another accuracy, and this randomness "
        "is not in the interval; `python -m eurosat_transfer seeds 3` measures it."
    )


def test_a_classifier_without_a_seed_has_no_training_randomness():
    assert describe_training_randomness("svm", {"C": 10}) == ""
    assert describe_training_randomness("probe", {"solver": "lbfgs", "seed": 0}) == ""
    assert describe_training_randomness("probe", {"solver": "sgd", "seed": 0}) != ""


def test_several_seeds_give_the_spread_by_training():
    sentence = describe_training_randomness("finetune", {"seed": 0}, {"sd_training": 0.0123})
    assert sentence.endswith("finetune differs with a standard deviation of 0.012.")
    assert "not separated" in describe_training_randomness("finetune", {"seed": 0}, {"sd_training": None})
