"""Classes that are predicted badly."""

import pytest

from eurosat_transfer.reporting.weak_classes import WeakClass, describe_weak_class, find_weakest_classes


def classes(**f1: float | None) -> dict[str, dict]:
    return {name: {"f1": value, "images": 0 if value is None else 10} for name, value in f1.items()}


def rows(actual: str, *predicted: str) -> list[dict[str, str]]:
    return [{"actual": actual, "predicted": name} for name in predicted]


def test_the_three_classes_with_the_lowest_f1_are_found():
    found = find_weakest_classes(classes(a=0.5, b=0.2, c=0.9, d=0.3), [])
    assert [(weak.name, weak.f1, weak.images) for weak in found] == [("b", 0.2, 10), ("d", 0.3, 10), ("a", 0.5, 10)]


def test_perfect_classes_and_classes_without_images_are_left_out():
    assert find_weakest_classes(classes(a=1.0, b=None), []) == []


def test_a_weak_class_is_found_with_what_it_is_taken_for():
    predictions = rows("a", "b", "c", "c", "d", "d", "d", "a") + rows("b", "a", "a", "a", "a")
    (weak,) = find_weakest_classes(classes(a=0.5), predictions)
    assert weak.taken_for == {"d": pytest.approx(0.3), "c": pytest.approx(0.2)}


def test_single_mistakes_of_a_large_class_are_not_named():
    (weak,) = find_weakest_classes({"a": {"f1": 0.5, "images": 100}}, rows("a", "b", "c", "c", "c", "c", "c"))
    assert weak.taken_for == {"c": 0.05}


def test_the_sentence_names_both_classes():
    weak = WeakClass("Highway", 0.1634, 59, {"River": 0.19, "Residential": 0.17})
    sentence = "Highway has F1 0.163: its images are taken for River (19 %) and Residential (17 %)"
    assert describe_weak_class(weak) == sentence
    assert describe_weak_class(weak._replace(taken_for={})) == "Highway has F1 0.163"
