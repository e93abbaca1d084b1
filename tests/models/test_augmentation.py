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
    views = tf.data.Dataset.range(400).map(lambda epoch: random_view(tf.constant(TILE), 0, epoch, tf.constant(b"a")))
    counts = Counter(view.tobytes() for view in views.as_numpy_iterator())
    assert set(counts) == {turn(tf.constant(TILE), quarters, flip).numpy().tobytes() for quarters, flip in VIEWS}
    assert min(counts.values()) > 25  # 50 are expected


def test_random_view_depends_on_the_seed_the_epoch_and_the_image():
    def views(*drawn):
        return [
            random_view(tf.constant(TILE), seed, tf.constant(epoch, tf.int64), tf.constant(image)).numpy().tobytes()
            for seed, epoch, image in drawn
        ]

    by_seed = [(seed, 0, b"image") for seed in (*range(11), 2**32 - 1)]
    by_epoch = [(0, epoch, b"image") for epoch in range(12)]
    by_image = [(0, 0, b"image %d" % number) for number in range(12)]
    for drawn in (by_seed, by_epoch, by_image):
        assert views(*drawn) == views(*drawn)
        assert len(set(views(*drawn))) > 2
