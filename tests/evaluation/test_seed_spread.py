"""Spread of the accuracy over seeds."""

import numpy as np
import pytest
from scipy.stats import norm

from eurosat_transfer.evaluation.intervals import wilson_interval
from eurosat_transfer.evaluation.seed_spread import Run, measure_seed_spread


def make_run(split_seed: int, training_seed: int, right: int, count: int = 10) -> Run:
    """Make a run that predicts the first images of ten correctly."""
    return Run(split_seed, training_seed, [f"{i}.jpg" for i in range(count)], np.arange(count) < right)


def simulate_runs(
    rng: np.random.Generator, splits: int, trainings: int, images: int, split_sd: float, training_sd: float
) -> list[Run]:
    """Simulate runs on the same images. Images are of different difficulty; the sds are of a normal score."""
    files, ease = [f"{i}.jpg" for i in range(images)], rng.normal(1, 1.5, images)
    runs = []
    for split_seed in range(splits):
        quality = rng.normal(0, split_sd)
        for training_seed in range(trainings):
            score = ease + quality + rng.normal(0, training_sd) + rng.normal(size=images)
            runs.append(Run(split_seed, training_seed, files, score > 0))
    return runs


def test_components_by_hand():
    runs = [make_run(0, 0, 5), make_run(0, 1, 7), make_run(1, 0, 8), make_run(1, 1, 10)]
    spread = measure_seed_spread(runs)
    assert spread.mean == pytest.approx(0.75)
    assert spread.training_sd == pytest.approx(0.02**0.5)  # 0.5 and 0.7, and 0.8 and 1: each has a variance of 0.02
    assert spread.split_sd == pytest.approx((0.3**2 / 2 - 0.02 / 2) ** 0.5)  # of the means 0.6 and 0.9


def test_order_of_the_runs_does_not_matter():
    runs = [make_run(0, 0, 5), make_run(0, 1, 7), make_run(1, 0, 8), make_run(1, 1, 10)]
    assert measure_seed_spread(runs) == measure_seed_spread(runs[::-1])


def test_training_that_explains_the_spread_leaves_none_for_the_split():
    runs = [make_run(0, 0, 5), make_run(0, 1, 9), make_run(1, 0, 6), make_run(1, 1, 8)]
    assert measure_seed_spread(runs).split_sd == 0.0


def test_one_training_for_each_split_cannot_separate_the_two():
    spread = measure_seed_spread([make_run(seed, seed, right) for seed, right in enumerate([5, 6, 7])])
    assert spread.training_sd is None
    assert spread.split_sd == pytest.approx(0.1)


def test_one_split_has_only_the_spread_of_the_training():
    spread = measure_seed_spread([make_run(0, seed, right) for seed, right in enumerate([5, 6, 7])])
    assert spread.training_sd == pytest.approx(0.1)
    assert spread.split_sd is None


def test_each_split_seed_counts_equally():
    runs = [make_run(0, 0, 2), make_run(0, 1, 2), make_run(0, 2, 2), make_run(1, 0, 8)]
    assert measure_seed_spread(runs).mean == pytest.approx(0.5)


def test_components_are_recovered():
    rng = np.random.default_rng(0)
    runs = [
        make_run(split, training, round(1000 * accuracy), 1000)
        for split, quality in enumerate(rng.normal(0.7, 0.03, 100))
        for training, accuracy in enumerate(rng.normal(quality, 0.01, 3))
    ]
    spread = measure_seed_spread(runs, draws=2)
    assert spread.training_sd == pytest.approx(0.01, rel=0.15)
    assert spread.split_sd == pytest.approx(0.03, rel=0.2)


def test_shared_images_are_counted():
    runs = [
        Run(0, 0, ["a", "b", "c"], np.ones(3, bool)),
        Run(0, 1, ["a", "b", "c"], np.ones(3, bool)),
        Run(1, 0, ["c", "d"], np.ones(2, bool)),
    ]
    spread = measure_seed_spread(runs)
    assert (spread.images, spread.shared_images) == (4, 1)


def test_single_run_has_an_interval_of_the_images():
    spread = measure_seed_spread([make_run(0, 0, 480, 640)])
    assert (spread.low, spread.high) == wilson_interval(480, 640)
    assert (spread.training_sd, spread.split_sd) == (None, None)


def test_equal_runs_on_the_same_images_are_no_more_certain_than_one():
    one = measure_seed_spread([make_run(0, 0, 480, 640)])
    ten = measure_seed_spread([make_run(seed, 0, 480, 640) for seed in range(10)])
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.05)


def test_runs_on_other_images_are_more_certain_than_one():
    runs = [
        Run(seed, 0, [f"{seed}/{i}.jpg" for i in range(640)], np.arange(640) < 480 + step)
        for seed, step in enumerate([-10, -5, 0, 0, 0, 0, 0, 0, 5, 10])
    ]
    one, ten = measure_seed_spread(runs[4:5]), measure_seed_spread(runs)
    assert ten.high - ten.low < 0.5 * (one.high - one.low)


def test_few_seeds_that_differ_have_a_wide_interval():
    """The spread of two seeds says little: Student's t with one degree of freedom has 12.7 for 1.96."""
    two = measure_seed_spread([make_run(seed, 0, right, 1000) for seed, right in enumerate([700, 800])])
    assert two.high - two.low > 0.5
    six = [make_run(seed, 0, right, 1000) for seed, right in enumerate([700, 800] * 3)]
    assert 0.05 < measure_seed_spread(six).high - measure_seed_spread(six).low < 0.2


def test_interval_of_seeds_alone_is_that_of_students_t():
    """All images of a run have the same value, so that drawing images changes nothing."""
    files = [str(i) for i in range(50)]
    runs = [Run(seed, 0, files, np.full(50, value)) for seed, value in enumerate([0.65, 0.7, 0.75])]
    spread = measure_seed_spread(runs)
    assert spread.high - spread.mean == pytest.approx(4.303 * 0.05 / 3**0.5, rel=0.07)


def test_interval_stays_between_zero_and_one():
    spread = measure_seed_spread([make_run(0, 0, 2, 10), make_run(1, 0, 10, 10)])
    assert (spread.low, spread.high) == (0.0, 1.0)


def test_differences_of_two_classifiers_have_an_interval():
    files = [str(i) for i in range(400)]
    wins = np.repeat([1, 0, -1], [100, 280, 20])
    spread = measure_seed_spread([Run(seed, 0, files, np.roll(wins, seed)) for seed in range(5)])
    assert spread.mean == pytest.approx(0.2)
    half = 1.96 * ((120 / 400 - 0.2**2) / 400) ** 0.5
    assert (spread.low, spread.high) == pytest.approx((0.2 - half, 0.2 + half), abs=0.01)
    losses = [Run(seed, 0, files, -np.roll(wins, seed)) for seed in range(5)]
    assert measure_seed_spread(losses).mean == pytest.approx(-0.2)
    assert measure_seed_spread(losses).low < -0.2


def test_correct_predictions_alone_have_an_interval_with_a_width():
    expected = wilson_interval(40, 40)
    for runs in ([make_run(0, 0, 40, 40)], [make_run(split, seed, 40, 40) for split in range(3) for seed in range(2)]):
        spread = measure_seed_spread(runs)
        assert (spread.low, spread.high) == pytest.approx(expected)
        assert spread.high == 1.0


@pytest.mark.parametrize(("splits", "trainings"), [(1, 1), (3, 2)])
@pytest.mark.parametrize("same_images", [True, False])
def test_interval_covers_an_accuracy_near_one(splits, trainings, same_images):
    """Half of the images of a run are as difficult for each run; the others are correct at random."""
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(300):
        shared = rng.random(40) < 0.99
        runs = []
        for split in range(splits):
            always = shared if same_images else rng.random(40) < 0.99
            files = [f"{0 if same_images else split}/{i}.jpg" for i in range(40)]
            for training in range(trainings):
                correct = np.where(rng.random(40) < 0.5, always, rng.random(40) < 0.99)
                runs.append(Run(split, training, files, correct))
        spread = measure_seed_spread(runs, draws=100)
        covered.append(spread.low <= 0.99 <= spread.high)
    assert np.mean(covered) >= 0.93


@pytest.mark.parametrize(("splits", "trainings"), [(5, 1), (3, 3), (1, 5)])
def test_interval_covers_the_accuracy_over_seeds_and_images(splits, trainings):
    rng = np.random.default_rng(1)
    split_sd, training_sd = (0.1, 0.1) if splits > 1 else (0.0, 0.1)
    accuracy = norm.cdf(1 / (1 + 1.5**2 + split_sd**2 + training_sd**2) ** 0.5)
    spreads = [
        measure_seed_spread(simulate_runs(rng, splits, trainings, 200, split_sd, training_sd), draws=200)
        for _ in range(200)
    ]
    covered = np.mean([spread.low <= accuracy <= spread.high for spread in spreads])
    # 200 simulations of an interval that covers in 95 % cover in 91 to 98 %. The bootstrap is a little too wide.
    assert 0.91 <= covered <= 0.995
