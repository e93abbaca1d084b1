"""How much faster is a support vector machine with kernel values from matrix products than scikit-learn's SVC?"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.rounds import ratio, summary
from benchmarks.tables import Table

HELP = "seconds to fit and predict by number of rows, compared with scikit-learn's SVC"
ROWS = (20, 40, 100, 160, 320, 640, 2_500, 5_000)
LEAST = 20  # two rows per class
PREDICTED = 13_500  # rows: half of EuroSAT
COLUMNS, CLASSES, LATENT = 1_280, 10, 24  # as many columns as MobileNetV2 has features
C = 10  # as in params.yaml
OURS, SVC = "this project", "SVC"

Fit = Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]]  # X, y -> predict


class Seconds(NamedTuple):
    """How long a contender took."""

    fit: float
    predict: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--svm-rows", type=int, nargs="+", default=ROWS, help=f"svm: numbers of training rows, {LEAST} or more"
    )
    parser.add_argument(
        "--svm-predicted", type=int, default=PREDICTED, help=f"svm: number of rows to predict ({PREDICTED})"
    )


def run(options: argparse.Namespace) -> list[Table]:
    """Measure every number of rows. Fit and predict have a table each, and both together have another one."""
    unseen, _ = draw_features(options.svm_predicted, seed=1)
    measured = {count: measure(*draw_features(count), unseen, options.rounds) for count in options.svm_rows}
    return tables(measured, options.svm_predicted, options.rounds)


def draw_features(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw features like those of a network: not negative, of few independent directions, of classes that overlap.

    Args:
        count: number of rows.
        seed: of the rows. The classes are the same for every seed.

    Returns:
        X, float32, (count, COLUMNS), and y, int64, (count,): the classes in turn.
    """
    classes = np.random.default_rng(0)
    centres = classes.normal(0, 1, (CLASSES, LATENT))
    directions = classes.normal(0, 1, (LATENT, COLUMNS)) / LATENT**0.5
    rng = np.random.default_rng([1, seed])
    y = np.arange(count) % CLASSES
    latent = centres[y] + rng.normal(0, 1.2, (count, LATENT))
    return np.maximum(latent @ directions + rng.normal(0, 0.3, (count, COLUMNS)), 0).astype(np.float32), y


def contenders() -> dict[str, Fit]:
    """Name the contenders. Both round the features to the same grid."""
    from sklearn import svm

    from eurosat_transfer.exact import grid_step, round_to_grid
    from eurosat_transfer.models.svm import fit_svm

    def ours(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return fit_svm(X, y, "rbf", C).predict

    def svc(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        step = grid_step(X)
        fitted = svm.SVC(C=C).fit(round_to_grid(X, step), y)
        return lambda unseen: fitted.predict(round_to_grid(unseen, step))

    return {OURS: ours, SVC: svc}


def measure(X: np.ndarray, y: np.ndarray, unseen: np.ndarray, rounds: int) -> tuple[dict[str, list[Seconds]], float]:
    """Fit and predict with every contender once per round, in turn.

    Returns:
        Seconds of each contender, one value per round, and the share of predictions that both have in common.
    """
    seconds: dict[str, list[Seconds]] = {}
    predictions: dict[str, np.ndarray] = {}
    for number in range(rounds):
        for name, fit in contenders().items():
            times = [time.perf_counter()]
            predict = fit(X, y)
            times.append(time.perf_counter())
            predictions[name] = predict(unseen)
            times.append(time.perf_counter())
            measured = Seconds(*np.diff(times).tolist())
            seconds.setdefault(name, []).append(measured)
            print(
                f"  {len(y)} rows, round {number + 1}: {name} {measured.fit:.3g} s + {measured.predict:.3g} s",
                file=sys.stderr,
                flush=True,
            )
    return seconds, float((predictions[OURS] == predictions[SVC]).mean())


def tables(measured: dict[int, tuple[dict[str, list[Seconds]], float]], predicted: int, rounds: int) -> list[Table]:
    """Build the tables.

    Args:
        measured: what measure returns, by number of training rows.
        predicted: number of predicted rows.
        rounds: number of rounds.
    """
    notes = [
        f"The rows have {COLUMNS:,} features of {CLASSES} classes, which are drawn at random. The kernel is rbf, and C "
        f"is {C}.",
        f'"{OURS}" gives scikit-learn\'s SVC kernel values from matrix products. "{SVC}" computes them itself, one by '
        'one. "equal" is the share of predictions that both have in common.',
        f"{rounds} rounds. Ratios are medians of the ratios within a round.",
    ]
    parts: dict[str, Callable[[Seconds], float]] = {
        f"fit, and predict {predicted:,} rows": sum,
        "fit only": lambda seconds: seconds.fit,
        "predict only": lambda seconds: seconds.predict,
    }
    return [
        Table(
            f"Support vector machine, {what}: seconds",
            ["training rows", OURS, SVC, f"{SVC} / {OURS}", "equal"],
            [row(count, seconds, part, equal) for count, (seconds, equal) in measured.items()],
            notes if part is sum else [],
        )
        for what, part in parts.items()
    ]


def row(
    count: int, seconds: dict[str, list[Seconds]], part: Callable[[Seconds], float], equal: float
) -> dict[str, object]:
    """Build the row of a number of training rows.

    Args:
        count: number of training rows.
        seconds: as measure returns them.
        part: chooses what counts of a round's seconds.
        equal: as measure returns it.
    """
    values = {name: [float(part(one)) for one in of] for name, of in seconds.items()}
    times = {name: summary(of)["median"] for name, of in values.items()}
    slower = {f"{SVC} / {OURS}": ratio(values[SVC], values[OURS])}
    return {"training rows": count} | times | slower | {"equal": equal, "rounds": values}
