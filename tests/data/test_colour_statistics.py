"""The colours of an image in six numbers."""

import numpy as np
import pytest

from eurosat_transfer.data.colour_statistics import colour_statistics


def test_statistics_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, :, 0] = 255  # half of the pixels are red
    image[..., 2] = 9
    red = np.log(256) / 2
    assert colour_statistics(image) == pytest.approx([red, 0, np.log(10), red, 0, 0])
    assert colour_statistics(image).dtype == np.float32


def test_statistics_do_not_depend_on_the_order_of_pixels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (8, 10, 3), np.uint8)
    shuffled = rng.permutation(image.reshape(-1, 3)).reshape(10, 8, 3)
    assert colour_statistics(shuffled) == pytest.approx(colour_statistics(image), rel=1e-6)
