import numpy as np
import pytest
from small_training import SIZE

from eurosat_transfer.models import distortion
from eurosat_transfer.models.distortion import distort
from eurosat_transfer.tensorflow_setup import tf

OFF = {"ZOOM": 0.0, "BRIGHTNESS": 0.0, "SATURATION": 0.0, "CONTRAST": 0.0, "HIDDEN": 0.0}
IMAGE = np.random.default_rng(0).integers(80, 170, (SIZE, SIZE, 3)).astype(np.float32)


def distorted(epochs=range(20), seed=0, image=IMAGE, content=b"tile") -> np.ndarray:
    pixels = tf.constant(image)
    return np.stack([distort(pixels, seed, tf.constant(n, tf.int64), tf.constant(content)) for n in epochs])


@pytest.fixture
def only(monkeypatch):
    """Switch all distortions off but one."""

    def switch(**on: float) -> None:
        for name, value in (OFF | on).items():
            monkeypatch.setattr(distortion, name, value)

    return switch


def test_distortions_differ_by_epoch_seed_and_content_and_repeat():
    first = distorted()
    np.testing.assert_array_equal(distorted(), first)
    assert len(np.unique(first, axis=0)) == 20
    assert not np.array_equal(distorted(seed=1), first)
    assert not np.array_equal(distorted(content=b"other"), first)


def test_distorted_images_are_finite_rgb_values_of_the_same_size():
    for image in (IMAGE, np.zeros_like(IMAGE), np.full_like(IMAGE, 255)):
        found = distorted(image=image)
        assert (found.shape, found.dtype) == ((20, SIZE, SIZE, 3), np.float32)
        assert 0 <= found.min() <= found.max() <= 255


def test_without_distortions_the_image_stays(only):
    only()
    np.testing.assert_allclose(distorted(), np.tile(IMAGE, (20, 1, 1, 1)), atol=1e-3)


def test_zoom_enlarges_a_square_inside_the_image(only):
    only(ZOOM=0.4)
    rising = np.tile(np.arange(SIZE, dtype=np.float32)[:, None, None], (1, SIZE, 3))
    found = distorted(range(40), image=rising)
    steps = np.diff(found[:, :, 0, 0], axis=1)
    assert 0.58 < steps.min() < 0.7
    assert 0.9 < steps.max() <= 1.001
    np.testing.assert_allclose(steps.min(axis=1), steps.max(axis=1), atol=1e-3)
    assert 0 <= found.min() <= found.max() <= SIZE - 1


def test_colours_change_within_their_limits(only):
    only(BRIGHTNESS=0.25)
    ratios = distorted(range(40))[:, 0, 0, 0] / IMAGE[0, 0, 0]
    assert 0.75 <= ratios.min() < 0.85
    assert 1.15 < ratios.max() <= 1.25
    only(SATURATION=0.3)
    np.testing.assert_allclose(distorted().mean(axis=-1), np.tile(IMAGE.mean(axis=-1), (20, 1, 1)), atol=1e-2)
    only(CONTRAST=0.3)
    np.testing.assert_allclose(distorted().mean(axis=(1, 2, 3)), np.full(20, IMAGE.mean()), atol=0.5)


def test_hidden_part_is_a_rectangle_of_the_mean_colour(only):
    only(HIDDEN=0.4)
    sides = []
    for image in distorted(range(40)):
        hidden = np.abs(image - IMAGE).max(axis=-1) > 1e-2
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        np.testing.assert_allclose(image[hidden], IMAGE.mean(), atol=1e-2)
        if len(rows):
            assert hidden[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean() > 0.9
        sides += [len(rows), len(columns)]
    assert 5 <= max(sides) <= 0.4 * SIZE + 1
