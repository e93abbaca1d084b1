from collections import Counter

import numpy as np

from eurosat_transfer.models.augmentation import VIEWS, random_view, turn
from eurosat_transfer.tensorflow_setup import tf

TILE = np.arange(12, dtype=np.float32).reshape(2, 2, 3)


def test_there_are_eight_different_views():
    views = {turn(tf.constant(TILE), quarters, flip).numpy().tobytes() for quarters, flip in VIEWS}
    assert len(VIEWS) == len(views) == 8


def test_first_view_is_the_image_itself():
    np.testing.assert_array_equal(turn(tf.constant(TILE), *VIEWS[0]), TILE)


def test_image_is_turned_before_it_is_flipped():
    np.testing.assert_array_equal(turn(tf.constant(TILE), 1, True), np.rot90(TILE)[:, ::-1])


def test_random_views_are_all_eight_and_equally_frequent():
    views = tf.data.Dataset.range(400).map(lambda place: random_view(tf.constant(TILE), tf.stack([0, place])))
    counts = Counter(view.tobytes() for view in views.as_numpy_iterator())
    assert set(counts) == {turn(tf.constant(TILE), quarters, flip).numpy().tobytes() for quarters, flip in VIEWS}
    assert min(counts.values()) > 25  # 50 are expected


def test_random_view_depends_on_both_numbers_of_the_seed_alone():
    def views(*seeds):
        return [random_view(tf.constant(TILE), tf.constant(seed)).numpy().tobytes() for seed in seeds]

    by_place = [(0, place) for place in range(12)]
    assert views(*by_place) == views(*by_place)
    assert len(set(views(*by_place))) > 1
    assert len(set(views(*((seed, 0) for seed in range(12))))) > 1
