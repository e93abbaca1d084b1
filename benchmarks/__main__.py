"""Measure this project, in ratios to what else does the same; needs no network.

    python -m benchmarks extraction graph training
    python -m benchmarks scale --zip EuroSAT.zip --weights mobilenet_v2_0.35_224_no_top.weights.h5

Each part prints a table a question, and writes it to benchmarks/results/: PART.json (all digits, every round), PART.md.
The extra `bench` in pyproject.toml names the peers; one that is not installed is left out, and the table says so.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks import extraction, graph, scale, training
from benchmarks.machine import SIZE
from benchmarks.rounds import REPOSITORY, LeftOutError
from benchmarks.tables import write

PARTS = {"extraction": extraction, "graph": graph, "training": training, "scale": scale}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parts = "\n".join(f"  {name:12}{part.HELP}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=f"{__doc__}\n{parts}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured, in turn (5)")
    parser.add_argument("--zip", type=_file, help="the real EuroSAT archive, in place of the drawn tiles")
    parser.add_argument("--weights", type=_file, help="scale: ImageNet weights of MobileNetV2, alpha 0.35")
    parser.add_argument(
        "--torch-python",
        default=os.environ.get("BENCHMARKS_TORCH_PYTHON", sys.executable),
        help="interpreter that has PyTorch, where it is not this one (or BENCHMARKS_TORCH_PYTHON)",
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results", help="folder for the tables")
    parser.add_argument("--matrix", type=int, default=SIZE, help=f"side of the matrices of the matrix product ({SIZE})")
    for part in (extraction, scale):
        part.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds: must be 1 or more (was {options.rounds})")
    if options.images is not None and options.images < 2:
        parser.error(f"--images: must be 2 or more (was {options.images})")
    if min(options.sizes) < scale.LEAST:
        parser.error(f"--sizes: must be {scale.LEAST} or more (was {min(options.sizes)})")
    return options


def _file(name: str) -> Path:
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no file {name!r}")
    return path


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    for name in dict.fromkeys(options.parts):
        try:
            tables = PARTS[name].run(options)
        except LeftOutError as error:
            sys.exit(f"error: a contender {error}")
        write(options.out, name, tables)
        print(*(f"\n{table}\n" for table in tables), sep="\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
