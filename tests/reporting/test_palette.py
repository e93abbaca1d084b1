"""Colours of classes, classifiers and activations."""

import re

import pytest

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.reporting.palette import (
    ACTIVATION_COLOURS,
    LAND_COVER_COLOURS,
    LINE_COLOURS,
    activation_colour,
    class_colours,
    classifier_colour,
)


@pytest.mark.parametrize("count", [1, 10, 20, 21, 100])
def test_all_classes_have_different_colours(count):
    colours = class_colours([str(i) for i in range(count)])
    assert len(set(colours)) == count
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)


def test_water_is_blue_and_forest_green_if_all_classes_are_those_of_eurosat():
    classes = sorted(LAND_COVER_COLOURS)
    colours = dict(zip(classes, class_colours(classes), strict=True))
    assert len(set(colours.values())) == 10
    red, green, blue = (int(colours["Forest"][place : place + 2], 16) for place in (1, 3, 5))
    assert green > max(red, blue)
    red, green, blue = (int(colours["SeaLake"][place : place + 2], 16) for place in (1, 3, 5))
    assert blue > max(red, green)
    assert class_colours(["Forest", "unknown"])[0] != colours["Forest"]


def test_every_classifier_has_a_colour_of_its_own():
    assert len({classifier_colour(name) for name in CLASSIFIERS}) == len(CLASSIFIERS)


def test_a_classifier_without_a_colour_of_its_own_has_one_of_the_palette():
    assert classifier_colour("newcomer") in LINE_COLOURS


def test_activations_differ_in_colour_whatever_the_case():
    assert activation_colour("ReLU") == activation_colour("relu") != activation_colour("sigmoid")
    assert not set(ACTIVATION_COLOURS.values()) & set(LINE_COLOURS)
