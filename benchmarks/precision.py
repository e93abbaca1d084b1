"""What does a shorter precision of the features cost in accuracy?"""

import argparse
import statistics
import sys
from typing import get_args

import numpy as np

from benchmarks.clone import Clone, temporary_clone
from benchmarks.tables import Table
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.io.npz import read_npz
from eurosat_transfer.precision import Precision, usable_precision

HELP = "accuracy of svm and probe with features of each precision"
CLASSIFIERS = ("svm", "probe")
TILES = {"split.train": 640, "split.val": 160, "split.test": "all", "split.unlabelled": "none"}
EXACT = "float32"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--seeds", type=int, default=3, help="precision, finetuning: number of splits (3)")


def run(options: argparse.Namespace) -> list[Table]:
    """Measure each precision that this processor has, on the same splits.

    With --zip, the data set is EuroSAT, and with --weights, the network is MobileNetV2. The others are of params.yaml.
    """
    params: dict[str, object] = {"model.classifier": "finetune", **TILES}
    if options.zip:
        params |= {"data.name": "eurosat", "data.url": str(options.zip)}
    if options.weights:
        params |= {"backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}}
        params |= {"backbone.weights": str(options.weights)}
    precisions = [name for name in get_args(Precision) if usable_precision(name) == name]
    with temporary_clone(params) as clone:
        for stage in ("download", "backbone"):
            clone.run(sys.executable, "-m", f"stages.{stage}")
        measured = {
            (precision, seed): measure(clone, precision, seed)
            for seed in range(options.seeds)
            for precision in precisions
        }
    network = "MobileNetV2 (alpha 0.35) at 224" if options.weights else "the network of params.yaml"
    return [table(measured, f"{'EuroSAT' if options.zip else 'drawn tiles'}, {network}")]


def measure(clone: Clone, precision: str, seed: int) -> dict[str, np.ndarray | float]:
    """Run the stages for a precision and a seed of the split.

    Returns:
        The test features, float32, (n, d), as "features", and the accuracy of each classifier on test.
    """
    print(f"{precision}, split.seed={seed}", file=sys.stderr, flush=True)
    clone.set_params({"extract.precision": precision, "split.seed": seed})
    for stage in ("split", "extract", *CLASSIFIERS):
        clone.run(sys.executable, "-m", f"stages.{stage}")
    accuracies = {name: read_json(clone.folder / f"metrics/{name}.json")["test"]["accuracy"] for name in CLASSIFIERS}
    return {"features": read_npz(clone.folder / "data/features.npz", "X_test")[0], **accuracies}


def table(measured: dict[tuple[str, int], dict], what: str) -> Table:
    """Build the table: a row per precision.

    Args:
        measured: what measure returned, by precision and seed.
        what: was measured, for the title.
    """
    seeds = sorted({seed for _, seed in measured})
    rows = []
    for precision in dict.fromkeys(name for name, _ in measured):
        row: dict[str, object] = {"precision": precision}
        for name in CLASSIFIERS:
            of = [measured[precision, seed][name] for seed in seeds]
            changes = [accuracy - measured[EXACT, seed][name] for accuracy, seed in zip(of, seeds, strict=True)]
            row |= {name: statistics.mean(of), f"{name}: change": statistics.mean(changes)}
            row |= {f"{name}: lowest": min(changes), f"{name}: highest": max(changes)}
        row["features differ by"] = statistics.median(
            distance(measured[precision, seed]["features"], measured[EXACT, seed]["features"]) for seed in seeds
        )
        rows.append(row)
    notes = [
        f'Test accuracy, mean of {len(seeds)} splits with 640 train labels. "change" is the mean difference to '
        f'{EXACT} on the same split, and "lowest" and "highest" are those of single splits.',
        '"features differ by" is the length of the difference to float32, as a part of the length of the features: the '
        "median of all test tiles.",
    ]
    return Table(f"Accuracy by precision of the features: {what}", list(rows[0]), rows, notes)


def distance(features: np.ndarray, exact: np.ndarray) -> float:
    """Compute the median relative distance of rows: float32, (n, d)."""
    return float(np.median(np.linalg.norm(features - exact, axis=1) / np.linalg.norm(exact, axis=1)))
