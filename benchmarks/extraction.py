"""How many images a second go from JPEG bytes to features, by this project and by what else does the same?"""

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from benchmarks import machine
from benchmarks.contenders import CONTENDERS, Network
from benchmarks.rounds import Contender, LeftOutError, interleave, ratio, summary
from benchmarks.tables import Table
from stages.drawn.landcover import CLASSES, draw_tile

NETWORKS = {  # and how many images of it a round: some seconds
    "ResNet-50 at 224": (Network("ResNet50", "resnet50", "resnet50", 224), 448),
    "ResNet-50 at 64": (Network("ResNet50", "resnet50", "resnet50", 64), 2624),
    "MobileNetV2 at 224": (Network("MobileNetV2", "mobilenet_v2", "mobilenet_v2", 224), 1664),
}
OTHER_FEATURES = ("lab", "torchvision")  # no preprocess_input; other weights
HELP = "images a second from JPEG bytes to features: this project, the lab's loop, tf.function and peers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this part's options."""
    parser.add_argument("--images", type=int, help="extraction: images of each network a round, 2 or more")


def run(options: argparse.Namespace) -> list[Table]:
    """Answer for each network."""
    tables = []
    for name, (network, count) in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            write_images(Path(folder), options.images or count, options.zip)
            tables.append(compare(name, network, Path(folder), options))
    return tables


def write_images(folder: Path, count: int, archive: Path | None) -> None:
    """Write images of the archive, evenly spaced, or else the embedded default's first drawings of every class."""
    if archive:
        with ZipFile(archive) as file:
            names = sorted(name for name in file.namelist() if name.endswith(".jpg"))
            images = [file.read(names[i]) for i in np.linspace(0, len(names) - 1, count).astype(int)]
    else:
        images = map(drawn, range(count))
    for number, image in enumerate(images):
        (folder / f"{number:06}.jpg").write_bytes(image)


def drawn(number: int) -> bytes:
    """Draw a tile of the embedded default, classes in turn, as it is there."""
    buffer = io.BytesIO()
    tile = draw_tile(list(CLASSES)[number % len(CLASSES)], 1 + number // len(CLASSES))
    Image.fromarray(tile).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def compare(name: str, network: Network, folder: Path, options: argparse.Namespace) -> Table:
    """Measure every contender that can be had on the same images, and the machine, in every round."""
    taking_part, left_out = {}, []

    def start(key: str, called: str, module: str, *arguments: str) -> None:
        print(f"{name}: {called} sets itself up", file=sys.stderr, flush=True)
        python = options.torch_python if key.startswith("torch") else sys.executable
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        try:
            taking_part[key] = Contender(module, *arguments, python=python, environment=environment)
        except LeftOutError as error:
            left_out.append(f"{called} is left out: {error}.")

    try:
        for library in machine.LIBRARIES:
            start(
                f"{library}: product", f"{library}'s matrix product", "benchmarks.machine", library, str(options.matrix)
            )
        for key, (called, *_) in CONTENDERS.items():
            start(key, called, "benchmarks.contenders", key, json.dumps(network), str(folder))
        if "project" not in taking_part:
            sys.exit("error: " + " ".join(left_out))
        ask = {key: _asking(contender) for key, contender in taking_part.items()}
        return tabulated(name, interleave(ask, options.rounds), {k: c.about for k, c in taking_part.items()}, left_out)
    finally:
        for contender in taking_part.values():
            contender.close()


def _asking(contender: Contender):
    return lambda: next(iter(contender.measure().values()))


def tabulated(name: str, measured: dict[str, list[float]], about: dict[str, dict], left_out: list[str]) -> Table:
    """Turn what was measured (images a second, and GFLOP/s of products) into a table, the fastest first."""
    products = {key: values for key, values in measured.items() if key not in CONTENDERS}
    machine_rate = [max(values) for values in zip(*products.values(), strict=True)]
    operations, features = about["project"]["operations"], np.array(about["project"]["first"])
    by_key = [key for key in CONTENDERS if key in measured]
    rows = []
    for key in by_key:
        rate, said = summary(measured[key]), about[key]
        difference = np.abs(np.array(said["first"]) - features).max() / np.abs(features).max()
        rows.append(
            {
                "contender": CONTENDERS[key][0],
                "images/s": rate["median"],
                "min": rate["min"],
                "max": rate["max"],
                "/ this project": ratio(measured[key], measured["project"]),
                "of matrix product": ratio([operations * 1e-9 * r for r in measured[key]], machine_rate),
                "set-up s": said["seconds"],
                "features differ by": None if key in OTHER_FEATURES else float(difference),
                "settings": said["settings"],
                "versions": said["versions"],
                "rounds": rate["rounds"],
            }
        )
    rows.sort(key=lambda row: -row["images/s"])
    by_library = ", ".join(f"{key.partition(':')[0]} {statistics.median(v):.0f}" for key, v in products.items())
    notes = [
        f"The network takes {operations * 1e-9:.3g} GFLOP an image. Matrix product: "
        f"{statistics.median(machine_rate):.0f} GFLOP/s in single precision, of each round the fastest library's "
        f"({by_library}).",
        f"{len(machine_rate)} rounds; ratios are medians of the ratios within a round. Compiling counts as set-up.",
        "Features are compared on one image, relative to the largest; not where the weights are others (torchvision) "
        "or preprocess_input is left out (the lab). Most peers resize by Pillow, to whole numbers: hence a difference.",
        *(f"{CONTENDERS[key][0]} does not work with {why}." for key in by_key for why in about[key]["failures"]),
        *left_out,
    ]
    columns = [column for column in rows[0] if column not in ("rounds", "versions")]
    return Table(f"{name}: images a second from JPEG bytes to features", columns, rows, notes)
