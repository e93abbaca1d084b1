"""How do the time and memory of each stage grow with the number of images?"""

import argparse
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping

from benchmarks.clone import Clone, temporary_clone
from benchmarks.tables import Table

HELP = "seconds and memory of each stage by number of images; hours for all of EuroSAT"
SIZES = (640, 2_500, 10_000, 27_000)
LEAST = 100  # with fewer images, a subset has fewer images than classes
FINETUNE = {"finetune.epochs": 1, "finetune.head_epochs": 1, "finetune.warmup_epochs": 0, "finetune.batch_size": 16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help=f"scale: numbers of images, {LEAST} or more"
    )


def run(options: argparse.Namespace) -> list[Table]:
    """Measure all sizes that the data set has enough images for.

    With --zip, the data set is EuroSAT and the network MobileNetV2. Otherwise both are those of params.yaml.
    """
    params = {"tsne.images": "all", **FINETUNE}
    available = 2_700
    if options.zip:
        available = 27_000
        params |= {"data.name": "eurosat", "data.url": str(options.zip)}
        params |= {"backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}}
        params |= {"backbone.weights": str(options.weights) if options.weights else "none"}
    columns = {size: measure(params | split(size, available)) for size in options.sizes if size <= available}
    return [table(columns, "EuroSAT, MobileNetV2 (alpha 0.35) at 224" if options.zip else "drawn tiles, tilenet")]


def split(size: int, available: int) -> dict[str, object]:
    """Divide images into two fifths train, a tenth val and half test.

    Args:
        size: number of images.
        available: number of images of the data set.

    Returns:
        The parameters of the section split.
    """
    everything = {"split.train": "all", "split.val": size // 10, "split.test": "all"}
    return everything if size == available else everything | {"split.train": size * 2 // 5, "split.test": size // 2}


def measure(params: Mapping[str, object], stages: Iterable[str] = ()) -> dict[str, tuple[float, float]]:
    """Run stages in a new clone.

    Args:
        params: parameters that differ from params.yaml.
        stages: their names; empty for all, in the order of dvc.yaml.

    Returns:
        Seconds, and peak memory in MB, by stage.
    """
    with temporary_clone(params) as clone:
        return {stage: _run(clone, stage) for stage in stages or clone.stages()}


def _run(clone: Clone, stage: str) -> tuple[float, float]:
    start = time.perf_counter()
    log = clone.folder / ".git/stage.log"
    with log.open("w") as file:
        command = [sys.executable, "-m", f"stages.{stage}"]
        process = subprocess.Popen(command, cwd=clone.folder, env=clone.environment(), stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} failed: {log.read_text(errors='replace').strip()[-2000:]}")
    megabytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6  # macOS counts bytes, Linux KiB
    print(f"  {stage}: {seconds:.1f} s, {megabytes:.0f} MB", file=sys.stderr, flush=True)
    return seconds, megabytes


def growth(seconds: Mapping[int, float], megabytes: Mapping[int, float]) -> dict[str, float]:
    """Compute how both grow with the number of images between the last two sizes.

    Returns:
        The cells of the table, or no cells if there are fewer than three sizes.
    """
    if len(seconds) < 3:
        return {}
    first, *_, before, last = seconds
    thousands, row = (last - before) / 1000, {}
    row["s per 1,000 more"] = (seconds[last] - seconds[before]) / thousands
    row["MB per 1,000 more"] = (megabytes[last] - megabytes[before]) / thousands
    if (early := seconds[before] - seconds[first]) > 0.5 and seconds[last] > seconds[before]:  # otherwise only noise
        row["n^"] = math.log((seconds[last] - seconds[first]) / early) / math.log((last - first) / (before - first))
    return row


def table(columns: dict[int, dict[str, tuple[float, float]]], what: str) -> Table:
    """Build the table: a row per stage, with seconds and peak memory by size, and their growth.

    Args:
        columns: seconds and MB, by size and by stage.
        what: was measured, for the title.
    """
    stages, rows = list(next(iter(columns.values()))), []
    for name, of in [*((stage, [stage]) for stage in stages), ("sum, largest", stages)]:
        seconds = {size: sum(measured[stage][0] for stage in of) for size, measured in columns.items()}
        megabytes = {size: max(measured[stage][1] for stage in of) for size, measured in columns.items()}
        row = {"stage": name}
        for size in columns:
            row |= {f"{size:,}: s": seconds[size], f"{size:,}: MB": megabytes[size]}
        rows.append(row | growth(seconds, megabytes))
    notes = [
        "Seconds and peak resident memory of the process of each stage, which runs alone, once. Two fifths of the "
        "images are train, a tenth val and half test. t-SNE shows all test images.",
        "extract, spread and spread_labels also read the images that are neither train nor val, of the half that these "
        "come from, as images without labels. With all images there are none. So their time grows less with the number "
        "than it would without them.",
        "download always prepares the whole data set, and backbone does not read it, so neither depends on the size.",
        "finetune trains the new layer for one epoch and all layers for one epoch, instead of 20 and 10, in batches of "
        "16 instead of 32.",
        '"per 1,000 more" is the growth between the last two sizes. "n^" is the exponent of that growth, beyond the '
        "seconds of the first size.",
    ]
    names = list(dict.fromkeys(column for row in rows for column in row))
    return Table(f"Time and memory by number of images: {what}", names, rows, notes)
