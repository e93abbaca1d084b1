"""How fast is ResNet-50 in each backend of Keras and in PyTorch itself, on a GPU or on a CPU?

    python -m benchmarks.frameworks [--out FILE.json]

This program runs on a machine without the project's packages, too: it needs NumPy and one of the frameworks, and no
connection to other machines. A framework that is not installed is left out.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks.framework import NAMES
from benchmarks.rounds import Contender, LeftOutError

PRECISIONS = ("float32", "bfloat16")
TASKS = ("run:256", "train:32", "train:256")
BACKWARD = 3  # a training step takes three times the operations of the forward pass


def main(arguments: list[str]) -> None:
    """Measure, print a line for each measurement, and write all of them."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.frameworks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels (224)")
    parser.add_argument("--steps", type=int, default=40, help="batches per round (40)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each framework is measured (3)")
    parser.add_argument("--tasks", nargs="+", default=TASKS, help=f"({' '.join(TASKS)})")
    parser.add_argument("--names", nargs="+", default=[name for name in NAMES if name != "product"], choices=NAMES)
    parser.add_argument("--torch-python", default=sys.executable, help="interpreter with PyTorch and JAX")
    options = parser.parse_args(arguments)
    rows: list[dict] = []
    for precision in PRECISIONS:
        product = measure("product", precision, options, "run:1")
        rows.append({"framework": "product", "precision": precision} | product)
        for task in options.tasks:
            for name in options.names:
                found = measure(name, precision, options, task)
                rows.append(
                    {"framework": name, "precision": precision, "task": task} | shares(found, task, product, rows)
                )
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if options.out:
                    options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measure(name: str, precision: str, options: argparse.Namespace, task: str) -> dict:
    """Measure one framework in a process of its own. If it does not work, say why."""
    python = sys.executable if name == "keras-tensorflow" else options.torch_python
    arguments = (name, precision, str(options.size), task, str(options.steps))
    try:
        contender = Contender("benchmarks.framework", *arguments, python=python)
    except LeftOutError as error:
        return {"left out": str(error)}
    try:
        return contender.about | {"rates": [contender.measure()["rate"] for _ in range(options.rounds)]}
    except LeftOutError as error:
        return {"left out": str(error)}
    finally:
        contender.close()


def shares(found: dict, task: str, product: dict, rows: list[dict]) -> dict:
    """Add images per second, and the share of the matrix product's operations per second."""
    if "rates" not in found:
        return found
    what, _, batch = task.partition(":")
    images = statistics.median(found["rates"]) * int(batch)
    counted = [row["operations"] for row in [*rows, found] if "operations" in row and row.get("framework") != "product"]
    added = {"images per second": images}
    if "rates" in product and counted:
        per_second = statistics.median(product["rates"]) * product["operations"]
        added["of matrix product"] = images * counted[-1] * (BACKWARD if what == "train" else 1) / per_second
    return found | added


if __name__ == "__main__":
    main(sys.argv[1:])
