"""Which settings make the stage finetune faster, and what do they cost in accuracy?"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping

from benchmarks.clone import Clone, temporary_clone
from benchmarks.precision import TILES
from benchmarks.rounds import ratio
from benchmarks.tables import Table
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.precision import usable_precision

HELP = "seconds and accuracy of the stage finetune with faster settings"
ONE_TRAINING = {"finetune.label_sizes": []}  # the label curve is another training
DEFAULT = "default"
SETTINGS: dict[str, dict[str, object]] = {
    DEFAULT: {},
    "bfloat16": {"finetune.precision": "bfloat16"},
    "160 pixels": {"backbone.image_size": 160},
    "last 128 layers": {"finetune.trainable": 128},
    "160 pixels, last 128 layers": {"backbone.image_size": 160, "finetune.trainable": 128},
    "5 epochs": {"finetune.epochs": 5},
}


def run(options: argparse.Namespace) -> list[Table]:
    """Train MobileNetV2 with each setting and each seed. With --zip, the data set is EuroSAT."""
    params: dict[str, object] = TILES | ONE_TRAINING
    if options.zip:
        params |= {"data.name": "eurosat", "data.url": str(options.zip)}
    params |= {"backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}}
    params |= {"backbone.weights": str(options.weights) if options.weights else "none"}
    has_bfloat16 = usable_precision("bfloat16") == "bfloat16"
    settings = {name: changes for name, changes in SETTINGS.items() if has_bfloat16 or name != "bfloat16"}
    with temporary_clone(params) as clone:
        clone.run(sys.executable, "-m", "stages.download")
        measured = {
            (name, seed): measure(clone, name, changes, seed)
            for seed in range(options.seeds)
            for name, changes in settings.items()
        }
    network = f"MobileNetV2 (alpha 0.35) at 224{'' if options.weights else ', random weights'}"
    return [table(measured, f"{'EuroSAT' if options.zip else 'drawn tiles'}, {network}")]


def measure(clone: Clone, name: str, changes: Mapping[str, object], seed: int) -> dict[str, float]:
    """Run the stage with changed parameters and a seed of the split and of the training.

    Args:
        clone: has the data set.
        name: of the setting.
        changes: parameters that differ from those of the clone, which stay as they were.
        seed: of both.

    Returns:
        Seconds of the process, which also predicts val and test, and the test accuracy.
    """
    before = (clone.folder / "params.yaml").read_bytes()
    clone.set_params({**changes, "split.seed": seed, "finetune.seed": seed})
    for stage in ("split", "backbone"):
        clone.run(sys.executable, "-m", f"stages.{stage}")
    start = time.perf_counter()
    clone.run(sys.executable, "-m", "stages.finetune")
    seconds = time.perf_counter() - start
    (clone.folder / "params.yaml").write_bytes(before)
    accuracy = read_json(clone.folder / "metrics/finetune.json")["test"]["accuracy"]
    print(f"{name}, seed {seed}: {seconds:.1f} s, {accuracy:.4f}", file=sys.stderr, flush=True)
    return {"seconds": seconds, "accuracy": accuracy}


def table(measured: Mapping[tuple[str, int], Mapping[str, float]], what: str) -> Table:
    """Build the table: a row per setting.

    Args:
        measured: what measure returned, by setting and seed.
        what: was measured, for the title.
    """
    seeds = sorted({seed for _, seed in measured})
    rows = []
    for name in dict.fromkeys(name for name, _ in measured):
        seconds, accuracies = ([measured[name, seed][key] for seed in seeds] for key in ("seconds", "accuracy"))
        changes = [measured[name, seed]["accuracy"] - measured[DEFAULT, seed]["accuracy"] for seed in seeds]
        rows.append(
            {
                "setting": name,
                "s": statistics.median(seconds),
                "/ default": ratio(seconds, [measured[DEFAULT, seed]["seconds"] for seed in seeds]),
                "test accuracy": statistics.mean(accuracies),
                "change": statistics.mean(changes),
                "lowest": min(changes),
                "highest": max(changes),
                "rounds": seconds,
            }
        )
    notes = [
        "Seconds of the whole process of the stage finetune, with 640 train labels. It also predicts val and test. The "
        "label curve is left out.",
        f"Median of the seconds and mean of the accuracies. Seeds of the split and of the training: {len(seeds)}.",
        '"change" is the mean difference to the default on the same split, and "lowest" and "highest" are those of '
        "single splits.",
    ]
    return Table(f"Fine-tuning: seconds and accuracy by setting: {what}", list(rows[0])[:-1], rows, notes)
