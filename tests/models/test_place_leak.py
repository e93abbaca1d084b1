"""The leak of places into both sides of a split, on made scenes."""

import numpy as np
import pytest

from eurosat_transfer.io.csv_files import write_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.models.place_leak import measure_leak
from eurosat_transfer.reporting.places import describe_leak
from stages import groups


def made_scenes(scene_noise, scenes=40, tiles=12, classes=4, seed=0):
    """Make features of tiles. Each scene has one class, and a look of its own that all its tiles share."""
    rng = np.random.default_rng(seed)
    places = np.repeat(np.arange(scenes), tiles)
    y = places % classes
    look = rng.normal(0, scene_noise, (scenes, 20))[places]
    X = 1.5 * np.eye(classes, 20)[y] + look + rng.normal(0, 1.0, (len(y), 20))
    return X.astype(np.float32), y, places


def test_a_random_split_overstates_the_accuracy_if_the_tiles_of_a_scene_look_alike():
    found = measure_leak(*made_scenes(scene_noise=1.5))
    assert found["random"]["mean"] > 0.9
    assert found["grouped"]["mean"] < found["random"]["mean"] - 0.1
    assert "overstates" in describe_leak(found)[-1]


def test_without_a_look_of_the_scenes_both_splits_say_the_same():
    found = measure_leak(*made_scenes(scene_noise=0))
    assert abs(found["difference"]["mean"]) < 0.05
    assert "no more than two standard deviations" in describe_leak(found)[-1]


def test_both_kinds_of_splits_have_the_same_sizes():
    X, y, _ = made_scenes(scene_noise=0)
    uneven = np.minimum(np.arange(len(y)) // 7, 30)
    found = measure_leak(X, y, uneven)
    assert found["train"] + found["test"] <= len(y)
    assert (found["images"], found["places"], found["draws"]) == (480, 31, 10)


def test_one_place_shows_nothing():
    X, y, places = made_scenes(scene_noise=0)
    found = measure_leak(X, y, np.zeros_like(places))
    assert found == {"images": 480, "places": 1}
    assert "too few to compare" in describe_leak(found)[0]


def test_copies_are_in_one_half_of_random_splits_too():
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(0, 1, (120, 20)), 4, axis=0).astype(np.float32)  # noise: only a copy tells its class
    y = np.repeat(rng.integers(0, 2, 120), 4)
    found = measure_leak(X, y, np.arange(480) // 4)
    assert found["random"]["mean"] < 0.65


@pytest.mark.usefixtures("features")
def test_stage_without_places_writes_nothing(world, capsys):
    world()
    write_csv("data/split.csv", ("index", "file"), [(0, "a.jpg")])
    groups.main()
    assert read_json("metrics/groups.json") == {}
    assert "It is not known which images are of one place" in capsys.readouterr().out
