"""From how many rows on is this project's support vector machine faster than scikit-learn's SVC?"""

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
MOST_PRECOMPUTED = 5_000  # rows; their whole kernel matrix has 200 MB
BLOCK = 500  # rows that are predicted at a time
OURS, SVC, PRECOMPUTED = "pairs", "SVC", "one matrix"

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


def contenders(count: int) -> dict[str, Fit]:
    """Name the contenders for a number of training rows. All of them round the features to the same grid."""
    from sklearn import svm

    from eurosat_transfer.exact import grid_step, round_to_grid
    from eurosat_transfer.models.svm import fit_svm, kernel_matrix

    def ours(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return fit_svm(X, y, "rbf", C).predict

    def svc(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        step = grid_step(X)
        fitted = svm.SVC(C=C).fit(round_to_grid(X, step), y)
        return lambda unseen: fitted.predict(round_to_grid(unseen, step))

    def precomputed(X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        step = grid_step(X)
        rows = round_to_grid(X, step)
        gamma = 1 / (rows.shape[1] * rows.var())
        fitted = svm.SVC(C=C, kernel="precomputed").fit(kernel_matrix(rows, rows, "rbf", gamma), y)

        def predict(unseen: np.ndarray) -> np.ndarray:
            blocks = (unseen[start : start + BLOCK] for start in range(0, len(unseen), BLOCK))
            return np.concatenate(
                [fitted.predict(kernel_matrix(round_to_grid(block, step), rows, "rbf", gamma)) for block in blocks]
            )

        return predict

    return {OURS: ours, SVC: svc} | ({PRECOMPUTED: precomputed} if count <= MOST_PRECOMPUTED else {})


def measure(
    X: np.ndarray, y: np.ndarray, unseen: np.ndarray, rounds: int
) -> tuple[dict[str, list[Seconds]], dict[str, float]]:
    """Fit and predict with every contender once per round, in turn.

    Returns:
        Seconds of each contender, one value per round. The share of predictions that it has in common with this
        project.
    """
    seconds: dict[str, list[Seconds]] = {}
    predictions: dict[str, np.ndarray] = {}
    for number in range(rounds):
        for name, fit in contenders(len(y)).items():
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
    return seconds, {name: float((found == predictions[OURS]).mean()) for name, found in predictions.items()}


def tables(
    measured: dict[int, tuple[dict[str, list[Seconds]], dict[str, float]]], predicted: int, rounds: int
) -> list[Table]:
    """Build the tables.

    Args:
        measured: what measure returns, by number of training rows.
        predicted: number of predicted rows.
        rounds: number of rounds.
    """
    notes = [
        f"The rows have {COLUMNS:,} features of {CLASSES} classes, which are drawn at random. The kernel is rbf, and C "
        f"is {C}.",
        f'"{OURS}" is this project, which fits each pair of classes on a kernel matrix of its own. "{SVC}" is '
        f"scikit-learn's, which computes kernel values one by one. \"{PRECOMPUTED}\" is scikit-learn's with "
        f"kernel=precomputed and all kernel values from one matrix product; it is measured up to {MOST_PRECOMPUTED:,} "
        "rows.",
        '"equal" is the smallest share of predictions that another contender has in common with this project.',
        f"{rounds} rounds. Ratios are medians of the ratios within a round.",
    ]
    parts: dict[str, Callable[[Seconds], float]] = {
        f"fit, and predict {predicted:,} rows": sum,
        "fit only": lambda seconds: seconds.fit,
        "predict only": lambda seconds: seconds.predict,
    }
    ratios = [f"{name} / {OURS}" for name in (SVC, PRECOMPUTED)]
    columns = ["training rows", OURS, SVC, PRECOMPUTED, *ratios, "equal"]
    return [
        Table(
            f"Support vector machine, {what}: seconds",
            columns,
            [row(count, seconds, part, equal) for count, (seconds, equal) in measured.items()],
            notes if part is sum else [],
        )
        for what, part in parts.items()
    ]


def row(
    count: int, seconds: dict[str, list[Seconds]], part: Callable[[Seconds], float], equal: dict[str, float]
) -> dict[str, object]:
    """Build the row of a number of training rows.

    Args:
        count: number of training rows.
        seconds: as measure returns them.
        part: what counts of a round's seconds.
        equal: as measure returns it. The row has the smallest share.
    """
    values = {name: [float(part(one)) for one in of] for name, of in seconds.items()}
    times = {name: summary(of)["median"] for name, of in values.items()}
    ratios = {f"{name} / {OURS}": ratio(of, values[OURS]) for name, of in values.items() if name != OURS}
    return {"training rows": count} | times | ratios | {"equal": min(equal.values()), "rounds": values}
