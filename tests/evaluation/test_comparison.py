"""Paired comparison of classifiers."""

import numpy as np
import pytest

from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.comparison import (
    Candidate,
    compare_classifiers,
    compare_pairs,
    describe_pair,
    describe_recommendation,
    describe_small_classes,
)
from eurosat_transfer.evaluation.paired_tests import judge_pairs

IMAGES = 200


def candidate(wrong: range, labels: int = 640, first_file: int = 0) -> Candidate:
    """Make a candidate that predicts these of 200 images of the class a wrongly. There are no images of the class b."""
    rows = [
        {"file": f"{first_file + i}.jpg", "actual": "a", "predicted": "b" if i in wrong else "a"} for i in range(IMAGES)
    ]
    return Candidate(rows, {"a": IMAGES, "b": 0}, labels)


def correct(only_first: int, only_second: int, both: int) -> dict[str, np.ndarray]:
    """Make the arrays of two classifiers from the numbers of images that they predict correctly."""
    first = np.repeat([True, False, True, False], [only_first, only_second, both, 20])
    second = np.repeat([False, True, True, False], [only_first, only_second, both, 20])
    return {"a": first, "b": second}


def compare_two(only_first: int, only_second: int, both: int, labels: tuple[int, int] = (640, 640)) -> dict:
    (pair,) = compare_pairs(correct(only_first, only_second, both), dict(zip("ab", labels, strict=True)))
    return pair


def test_classifiers_that_saw_the_test_images_are_named_in_one_sentence():
    candidates = {"cheap": candidate(range(60)), "dear": candidate(range(5))}
    assert compare_classifiers(candidates)["saw_test"] == []
    candidates["dear"] = candidates["dear"]._replace(saw_test=True)
    comparison = compare_classifiers(candidates)
    assert comparison["saw_test"] == ["dear"]
    assert comparison["words"].startswith(
        "Use dear: it is better than every other classifier. dear learned from the test images too, without their "
        "labels (split.unlabelled=test), so the accuracy holds for these images, and not for new ones. These classes"
    )


def test_classifiers_with_random_training_are_named_in_their_pairs():
    candidates = {
        "cheap": candidate(range(60)),
        "dear": candidate(range(5))._replace(random_training=True),
        "dearest": candidate(range(6))._replace(random_training=True),
    }
    comparison = compare_classifiers(candidates)
    assert comparison["random_training"] == ["dear", "dearest"]
    words = {(pair["better"], pair["worse"]): pair["words"] for pair in comparison["pairs"]}
    assert words["dear", "dearest"].endswith("; dear and dearest trained with one seed)")
    assert words["dear", "cheap"].endswith("; dear trained with one seed)")
    assert "seed" not in compare_two(30, 4, 146)["words"]


def test_more_accurate_classifier_is_named_first():
    pair = compare_two(4, 30, 146, labels=(640, 800))
    assert (pair["better"], pair["worse"]) == ("b", "a")
    assert (pair["only_better"], pair["only_worse"], pair["difference"]) == (30, 4, 26 / 200)
    assert (pair["better_labels"], pair["worse_labels"]) == (800, 640)
    assert 0 < pair["low"] < pair["difference"] < pair["high"]


def test_pairs_are_tested_together():
    arrays = correct(30, 4, 146) | {"c": np.zeros(200, bool)}
    pairs = compare_pairs(arrays, dict.fromkeys("abc", 640))
    assert [(pair["better"], pair["worse"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    tests = judge_pairs(np.array([146, 0, 0]), np.array([30, 176, 150]), np.array([4, 0, 0]), 200)
    for name in ("low", "high", "p_value", "p_holm"):
        assert [pair[name] for pair in pairs] == getattr(tests, name).tolist()
    assert [pair["is_better"] for pair in pairs] == tests.differs.tolist() == [True, True, True]


def test_comparison_depends_on_the_counts_and_not_on_the_order_of_the_images():
    shuffled = np.random.default_rng(0).permutation(200)
    arrays = correct(30, 4, 146)
    labels = dict.fromkeys(arrays, 640)
    assert compare_pairs(arrays, labels) == compare_pairs({name: row[shuffled] for name, row in arrays.items()}, labels)


def test_figures_are_plain_python_values():
    assert {type(value) for value in compare_two(30, 4, 146).values()} == {str, float, int, bool}


def test_the_best_is_the_most_accurate_classifier():
    comparison = compare_classifiers({"cheap": candidate(range(60)), "dear": candidate(range(5))})
    assert (comparison["best"], comparison["tied"], comparison["recommended"]) == ("dear", [], "dear")
    assert comparison["images"] == IMAGES


def test_the_cheapest_classifier_that_is_not_worse_is_recommended():
    comparison = compare_classifiers(
        {
            "cheapest": candidate(range(90)),
            "cheap": candidate(range(22)),
            "dear": candidate(range(21)),
            "dearest": candidate(range(20)),
        }
    )
    assert comparison["best"] == "dearest"
    assert comparison["tied"] == ["dear", "cheap"]
    assert comparison["recommended"] == "cheap"
    assert comparison["words"].startswith(f"{describe_recommendation('dearest', ['dear', 'cheap'], 'cheap')}. These")


def test_the_best_classifier_is_recommended_if_it_is_also_the_cheapest():
    comparison = compare_classifiers({"cheap": candidate(range(20)), "dear": candidate(range(22))})
    assert (comparison["best"], comparison["tied"], comparison["recommended"]) == ("cheap", ["dear"], "cheap")


def test_the_best_of_equally_accurate_classifiers_is_the_cheapest():
    comparison = compare_classifiers({"cheap": candidate(range(20)), "dear": candidate(range(10, 30))})
    assert (comparison["best"], comparison["tied"]) == ("cheap", ["dear"])
    assert comparison["pairs"][0]["better"] == "cheap"


def test_training_labels_reach_the_pairs():
    comparison = compare_classifiers({"cheap": candidate(range(60), 800), "dear": candidate(range(5), 640)})
    (pair,) = comparison["pairs"]
    assert (pair["better_labels"], pair["worse_labels"]) == (640, 800)


def test_small_classes_are_listed_with_their_images():
    images = {"a": 10, "b": 9, "c": 0, "d": 181}
    candidates = {name: candidate(range(20))._replace(images_per_class=images) for name in ("cheap", "dear")}
    comparison = compare_classifiers(candidates)
    assert comparison["small_classes"] == {"b": 9, "c": 0}
    assert comparison["words"].endswith(f"apart from it. {describe_small_classes({'b': 9, 'c': 0})}")


def test_candidates_with_different_images_are_an_error():
    message = r"plots/dear_predictions\.csv and plots/cheap_predictions\.csv have different images"
    with pytest.raises(UserError, match=message):
        compare_classifiers({"cheap": candidate(range(20)), "dear": candidate(range(20), first_file=1)})
    other = candidate(range(20))
    relabelled = other._replace(predictions=[row | {"actual": "b"} for row in other.predictions])
    with pytest.raises(UserError, match=message):
        compare_classifiers({"cheap": other, "dear": relabelled})


FIGURES = {
    "better": "a",
    "worse": "b",
    "difference": 0.2,
    "low": 0.125,
    "high": 0.281,
    "p_value": 1e-7,
    "p_holm": 1.907e-06,
    "better_labels": 640,
    "worse_labels": 640,
    "is_better": True,
}


def test_sentence_of_a_better_classifier():
    assert describe_pair(FIGURES) == (
        "a is better than b by 0.200 (simultaneous 95 % interval 0.125 to 0.281, Holm's p = 1.9e-06; "
        "both trained on 640 labels)"
    )


def test_sentence_names_the_labels_of_each_classifier_if_they_differ():
    assert describe_pair(FIGURES | {"worse_labels": 800}).endswith("; a trained on 640 labels, b on 800)")


def test_a_tiny_p_is_printed_as_a_limit():
    assert "Holm's p < 1e-12;" in describe_pair(FIGURES | {"p_holm": 1e-12})
    assert "Holm's p = 1.1e-12;" in describe_pair(FIGURES | {"p_holm": 1.1e-12})


def test_sentence_of_classifiers_that_cannot_be_told_apart():
    figures = FIGURES | {"low": -0.01, "difference": 0.01, "high": 0.03, "p_holm": 0.51, "is_better": False}
    assert describe_pair(figures) == (
        "a and b cannot be told apart: they differ by 0.010 (simultaneous 95 % interval -0.010 to 0.030, "
        "Holm's p = 0.51; both trained on 640 labels)"
    )


def test_sentence_matches_the_figures():
    sure = compare_two(30, 4, 146)
    assert sure["words"] == describe_pair(sure)
    assert sure["words"].startswith("a is better than b by 0.130")
    assert compare_two(9, 10, 161)["words"].startswith("b and a cannot be told apart")


@pytest.mark.parametrize(
    ("tied", "recommended", "words"),
    [
        ([], "dear", "Use dear: it is better than every other classifier"),
        (["b"], "b", "Use b: it is the cheapest classifier that cannot be told apart from the best one, dear"),
        (["b"], "dear", "Use dear: it is the most accurate, and cheaper than b, which cannot be told apart from it"),
        (
            ["a", "b", "c"],
            "dear",
            "Use dear: it is the most accurate, and cheaper than a, b and c, which cannot be told apart from it",
        ),
    ],
)
def test_sentence_of_the_recommendation(tied, recommended, words):
    assert describe_recommendation("dear", tied, recommended) == words


def test_small_classes_are_named():
    assert describe_small_classes({"Forest": 3, "River": 0}) == (
        "These classes have fewer than 10 test images, too few for a conclusion about them: Forest (3), River (0)"
    )
    assert describe_small_classes({}) == ""
