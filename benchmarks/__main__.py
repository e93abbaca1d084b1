"""Measure how fast this project is, as ratios to other programs that do the same. Needs no network.

    python -m benchmarks extraction graph training svm predict inputs
    python -m benchmarks precision finetuning scale --zip EuroSAT.zip --weights WEIGHTS

WEIGHTS is mobilenet_v2_0.35_224_no_top.weights.h5.

Each part prints its tables and writes them to benchmarks/results/: PART.md, and PART.json with all
digits of every round. The extra `bench` in pyproject.toml installs the other programs. If one of
them is missing, it is left out, and the table says so.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks import extraction, finetuning, graph, inputs, precision, predict, scale, svm, training
from benchmarks.machine import SIZE
from benchmarks.rounds import REPOSITORY, LeftOutError
from benchmarks.tables import write

PARTS = {
    "extraction": extraction,
    "precision": precision,
    "graph": graph,
    "training": training,
    "finetuning": finetuning,
    "svm": svm,
    "predict": predict,
    "inputs": inputs,
    "scale": scale,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line.

    Args:
        arguments: without the name of the program.

    Raises:
        SystemExit: after --help, or if an argument is not allowed.
    """
    parts = "\n".join(f"  {name:12}{part.HELP}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=f"{__doc__}\n{parts}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--zip", type=_file, help="the real EuroSAT archive, instead of drawn tiles")
    parser.add_argument(
        "--weights", type=_file, help="precision, finetuning, scale: weights of MobileNetV2, alpha 0.35"
    )
    parser.add_argument(
        "--torch-python",
        default=os.environ.get("BENCHMARKS_TORCH_PYTHON", sys.executable),
        help="interpreter with PyTorch, if it is not this one (or set BENCHMARKS_TORCH_PYTHON)",
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results", help="folder for the tables")
    parser.add_argument(
        "--matrix", type=int, default=SIZE, help=f"extraction: side of the multiplied matrices ({SIZE})"
    )
    for part in (extraction, precision, predict, scale, svm):
        part.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be 1 or more (found {options.rounds})")
    if options.images is not None and options.images < 2:
        parser.error(f"--images must be 2 or more (found {options.images})")
    if options.seeds < 1:
        parser.error(f"--seeds must be 1 or more (found {options.seeds})")
    if options.predict_images < predict.LEAST:
        parser.error(f"--predict-images must be {predict.LEAST} or more (found {options.predict_images})")
    if min(options.sizes) < scale.LEAST:
        parser.error(f"--sizes must be {scale.LEAST} or more (found {min(options.sizes)})")
    if min(options.svm_rows) < svm.LEAST:
        parser.error(f"--svm-rows must be {svm.LEAST} or more (found {min(options.svm_rows)})")
    return options


def _file(name: str) -> Path:
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {name!r}")
    return path


def main(arguments: list[str]) -> None:
    """Measure the parts that the command line names."""
    options = parse(arguments)
    for name in dict.fromkeys(options.parts):
        try:
            tables = PARTS[name].run(options)
        except LeftOutError as error:
            sys.exit(f"error: a contender stopped during the measurement: it {error}")
        write(options.out, name, tables)
        print(*(f"\n{table}\n" for table in tables), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
