"""The first screen of the report."""

import pytest
from example_run import accuracy, write_comparison, write_run

from eurosat_transfer.reporting.changed_parameters import default_parameters
from eurosat_transfer.reporting.conclusions import Run, cost_of, describe_unlabelled, draw_conclusions
from eurosat_transfer.reporting.cost import count_cost
from eurosat_transfer.reporting.label_curves import join_label_curves
from eurosat_transfer.reporting.results import load_results

FOLDS = [{"train": 40, "val": 1, "test": 4}]
IMAGES = 45


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(svm=["SeaLake", "Forest", "SeaLake", "SeaLake"])


def conclude(**changes) -> dict[str, tuple[str, str]]:
    """Draw conclusions of the example run, by subject: the sentences, joined, and the command."""
    results = load_results()._replace(**changes)
    run = Run(default_parameters(), results, join_label_curves(results), FOLDS, IMAGES)
    return {found.subject: (" ".join(found.sentences), found.command) for found in draw_conclusions(run)}


def seeds(splits: int = 6, trainings: int = 1, **figures) -> dict:
    """Write what the command seeds finds with the default parameters."""
    classifiers = ("svm", "finetune")
    accuracies = {name: [{"split_seed": 0, "training_seed": 0, "accuracy": accuracy(name)}] for name in classifiers}
    common = {
        "runs": splits * trainings,
        "mean": 0.75,
        "low": 0.7,
        "high": 0.8,
        "sd_split": 0.01,
        "sd_training": None,
    } | figures
    counts = {"splits": splits, "trainings": trainings}
    return {"parameters": default_parameters(), "seeds": counts} | {
        name: common | {"accuracies": accuracies[name]} for name in classifiers
    }


def test_every_subject_has_its_answer():
    assert list(conclude()) == [
        "Which classifier", "How sure", "More labels", "Unlabelled images", "Weakest classes", "Features or raw pixels",
        "What the bands say", "Cost", "Next",
    ]  # fmt: skip


def test_the_choice_is_that_of_the_comparison_with_the_closest_rival():
    sentences, _ = conclude()["Which classifier"]
    assert sentences.startswith("Use finetune. finetune is the network itself")
    assert f"Its test accuracy is {accuracy('finetune'):.3f}." in sentences
    assert sentences.endswith("finetune is better than spread.")


def test_a_cheaper_classifier_is_recommended_with_its_comparison_with_the_best_one():
    write_comparison(recommended="svm")
    found = conclude()
    assert found["Which classifier"][0].endswith(
        f"Its test accuracy is {accuracy('svm'):.3f}. finetune and svm cannot be told apart."
    )
    weak = f"Forest has F1 {accuracy('svm') + 0.2:.3f}: its images are taken for SeaLake (50 %)."
    assert weak in found["Weakest classes"][0]
    assert "svm took" in found["Cost"][0]
    assert "finetune took" in found["Cost"][0]


def test_one_run_says_what_its_interval_leaves_out():
    sentences, _ = conclude()["How sure"]
    assert "The 95 % interval of this accuracy is 0.300 to 0.950, from 4 test images." in sentences
    assert "The results of finetune come from one run, whose intervals do not contain the choice of the" in sentences
    assert "finetune was trained with one seed" in sentences
    assert conclude()["Next"][1] == "python -m eurosat_transfer seeds 3"


def certainty(params: dict) -> str:
    results = load_results()
    found = draw_conclusions(Run(params, results, join_label_curves(results), FOLDS, IMAGES))
    return " ".join(next(conclusion for conclusion in found if conclusion.subject == "How sure").sentences)


def test_only_random_training_is_mentioned():
    write_comparison(recommended="probe")
    params = default_parameters()
    assert "probe was trained with one seed" in certainty(params | {"probe": {"seed": 0, "solver": "sgd"}})
    assert "probe was trained with one seed" not in certainty(params | {"probe": {"seed": 0, "solver": "lbfgs"}})
    assert "probe was trained with one seed" not in certainty(params | {"probe": {"k": 1}})


def test_several_seeds_are_taken_in():
    found = conclude(seeds=seeds())
    words = "Over 6 runs, each with another split and training seed, finetune has a mean test accuracy of 0.750"
    assert words in found["How sure"][0]
    assert "from one run" not in found["How sure"][0]
    assert "trained once on each split" in found["How sure"][0]
    assert "seeds" not in found["Next"][1]


def test_seeds_of_other_parameters_are_left_out():
    other = seeds()
    other["parameters"]["finetune"] = other["parameters"]["finetune"] | {"epochs": 3}
    assert "Over 6 runs" not in conclude(seeds=other)["How sure"][0]


def test_seeds_of_one_of_two_candidates_do_not_speak_for_the_other():
    write_comparison(recommended="svm")
    other = seeds()
    other["parameters"]["finetune"] = other["parameters"]["finetune"] | {"epochs": 3}
    found = conclude(seeds=other)
    assert "Over 6 different splits, svm has" in found["How sure"][0]
    assert "The results of finetune come from one run" in found["How sure"][0]
    assert found["Next"][1] == "python -m eurosat_transfer seeds 3"


def test_one_run_of_the_command_seeds_measures_nothing():
    found = conclude(seeds=seeds(splits=1, sd_split=None))
    assert "Over" not in found["How sure"][0]
    assert "The results of finetune come from one run" in found["How sure"][0]
    assert "finetune was trained with one seed" in found["How sure"][0]
    assert found["Next"][1] == "python -m eurosat_transfer seeds 3"


def test_trainings_on_one_split_measure_the_training_only():
    write_comparison(recommended="svm")
    found = conclude(seeds=seeds(splits=1, trainings=3, sd_split=None, sd_training=0.02))
    assert "Over 3 trainings with different seeds on the same split, finetune has" in found["How sure"][0]
    assert "This interval does not contain the choice of the training images." in found["How sure"][0]
    assert "a standard deviation of 0.020" in found["How sure"][0]
    assert "The results of svm come from one run" in found["How sure"][0]
    assert found["Next"][1] == "python -m eurosat_transfer seeds 3"


def test_the_training_randomness_of_a_tied_classifier_is_named():
    write_comparison(recommended="svm", tied=["probe"])
    results = load_results()
    params = default_parameters()
    params["probe"] |= {"solver": "sgd"}
    assert "probe was trained with one seed, probe.seed=0" in certainty(params)
    results.comparison["tied"].remove("probe")
    assert "probe" not in conclude(comparison=results.comparison)["How sure"][0]


def test_small_classes_are_named_once_in_the_first_answer():
    write_comparison(small_classes={"Forest": 2})
    found = conclude()
    assert "fewer than 10 test images, too few for a conclusion about them: Forest (2)." in found["Which classifier"][0]
    assert " ".join(sentences for sentences, _ in found.values()).count("Forest (2)") == 1


def test_the_label_curve_of_one_fold_is_not_compared_with_all_folds():
    results = load_results()
    run = Run(default_parameters(), results, {}, FOLDS * 2, IMAGES)
    (found,) = (conclusion for conclusion in draw_conclusions(run) if conclusion.subject == "More labels")
    assert found.sentences == [
        "The label curve is of the first fold only, so it is not compared with the pooled accuracy."
    ]
    assert found.command == ""


def test_more_labels_are_described_for_the_best_classifier_too():
    write_comparison(recommended="svm")
    sentences, command = conclude()["More labels"]
    assert "svm: 2 times as many labels (20 to 40 images)" in sentences
    assert "finetune: 4 times as many labels (10 to 40 images)" in sentences
    assert command == ""


def test_a_missing_label_curve_comes_with_the_command_that_measures_it():
    sentences, command = conclude(subset_fits={})["More labels"]
    assert sentences == "This run has not measured what more labels bring to finetune. This command does:"
    assert command == "dvc exp run -S 'finetune.label_sizes=[10]'"  # half of 40 images, of two classes


def test_a_classifier_without_mistakes_has_no_weak_class():
    results = load_results()
    perfect = {name: figures | {"f1": 1.0} for name, figures in results.per_class["finetune"].items()}
    found = conclude(per_class=results.per_class | {"finetune": perfect})
    assert found["Weakest classes"][0] == "finetune makes no mistake on the test images."


def test_features_are_compared_with_raw_pixels_by_the_same_kind_of_classifier():
    assert conclude()["Features or raw pixels"][0].startswith("svm is better than pixels. Both are support vector")


def test_what_spread_learned_from_is_named_and_whether_it_is_better_than_svm():
    sentences, _ = conclude()["Unlabelled images"]
    assert sentences == (
        "spread learned from 1,700 images without labels: the rest of the half that train and val come from "
        "(`split.unlabelled=rest`). spread is better than svm."
    )


def test_without_a_better_accuracy_spread_is_not_better():
    comparison = load_results().comparison
    (pair,) = (pair for pair in comparison["pairs"] if {pair["better"], pair["worse"]} == {"spread", "svm"})
    for changes, words in (
        ({"is_better": False, "words": "spread and svm cannot be told apart"}, "spread and svm cannot be told apart"),
        ({"better": "svm", "worse": "spread", "words": "svm is better than spread"}, "svm is better than spread"),
    ):
        changed = comparison | {"pairs": [pair | changes if of is pair else of for of in comparison["pairs"]]}
        sentences, _ = conclude(comparison=changed)["Unlabelled images"]
        assert sentences.endswith(f" spread is not better than svm here: {words}.")


@pytest.mark.parametrize(
    ("unlabelled", "metrics", "words"),
    [
        (
            "none",
            {"unlabelled": 0, "saw_test": False},
            "from labelled images only (`split.unlabelled=none`). spread is",
        ),
        (
            "rest",
            {"unlabelled": 0, "saw_test": False},
            "from labelled images only (`split.unlabelled=rest`). spread is",
        ),
        (
            "test",
            {"unlabelled": 5, "saw_test": True},
            "from 5 images without labels: those of val and test (`split.unlabelled=test`). So its accuracy holds for "
            "these images, and not for new ones. spread is",
        ),
    ],
)
def test_the_images_without_labels_are_those_of_the_parameter(unlabelled, metrics, words):
    results = load_results()
    results.metrics["spread"].update(metrics)
    comparison = results.comparison | {"saw_test": ["spread"] if metrics["saw_test"] else []}
    params = default_parameters()
    params["split"]["unlabelled"] = unlabelled
    run = Run(params, results._replace(comparison=comparison), join_label_curves(results), FOLDS, IMAGES)
    assert f"spread learned {words}" in " ".join(describe_unlabelled(run))


def test_a_recommendation_without_a_network_costs_nothing():
    write_comparison(recommended="pixels")
    assert conclude()["Cost"][0].startswith("pixels needs no network.")


def test_self_training_says_how_many_pseudo_labels_it_used_and_what_it_cost():
    metrics = load_results().metrics
    assert "pseudo-labels" not in conclude()["Unlabelled images"][0]
    used = {"unlabelled": 1700, "saw_test": False, "pseudo_labels": 1275, "pseudo_label_share": 0.75}
    metrics["finetune"] |= used | {"pseudo_labels_by_round": [850, 1275]}
    folds = [FOLDS[0] | {"unlabelled": 1700}]
    run = Run(default_parameters(), load_results()._replace(metrics=metrics), {}, folds, IMAGES)
    found = {answer.subject: " ".join(answer.sentences) for answer in draw_conclusions(run)}
    assert "finetune learned from 1,275 pseudo-labels too, for 75.0 % of the 1,700 images" in found["Unlabelled images"]
    assert f"{cost_of('finetune', run).steps:,} training steps" in found["Cost"]
    without = count_cost("finetune", default_parameters(), folds, IMAGES)
    assert cost_of("finetune", run).trained > 5 * without.trained
