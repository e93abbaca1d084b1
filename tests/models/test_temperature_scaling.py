import numpy as np
import pytest
from scipy.special import softmax

from eurosat_transfer.models.calibration import fit_temperature, log_loss, probabilities_of_all_classes


def drawn(temperature: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores, and labels with the probabilities softmax(scores / temperature)."""
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (count, 4))
    limits = softmax(scores / temperature, axis=1).cumsum(axis=1)
    return scores, (rng.random((count, 1)) > limits).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_temperature_that_made_the_labels_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_temperature_has_four_digits():
    temperature = fit_temperature(*drawn(0.3))
    assert temperature == float(f"{temperature:.4g}")


def test_correct_scores_do_not_give_certain_probabilities():
    """Eight correct rows are probabilities of about 9 to 1, by Platt's rule."""
    temperature = fit_temperature(np.tile([1.0, 0.0], (8, 1)), np.zeros(8, int))
    assert softmax(np.array([1.0, 0.0]) / temperature)[0] == pytest.approx(0.95, abs=0.01)


def test_log_loss_is_that_of_softmax_probabilities():
    scores, labels = drawn(1.0, 100)
    expected = -np.log(softmax(scores, axis=1)[np.arange(100), labels]).mean()
    assert log_loss(scores, labels) == pytest.approx(expected)


def test_unseen_class_gets_one_example_among_all():
    found = probabilities_of_all_classes(np.array([[0.0, np.log(3)]]), np.array([0, 2]), classes=3, rows=7)
    np.testing.assert_allclose(found, [[0.9 * 0.25, 0.1, 0.9 * 0.75]])
