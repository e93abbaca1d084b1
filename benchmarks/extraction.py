"""How many images per second does this project turn from JPEG bytes into features, compared with other programs?"""

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
from eurosat_transfer.data.drawings.landcover import CLASSES, draw_tile

NETWORKS = {  # with the number of images per round, which take some seconds
    "ResNet-50 at 224": (Network("ResNet50", "resnet50", "resnet50", 224), 448),
    "ResNet-50 at 64": (Network("ResNet50", "resnet50", "resnet50", 64), 2624),
    "MobileNetV2 at 224": (Network("MobileNetV2", "mobilenet_v2", "mobilenet_v2", 224), 1664),
}
OTHER_FEATURES = (
    "lab",
    "torchvision",
    "torchvision-bfloat16",
)  # the lab uses no preprocess_input, torchvision has other weights
HELP = "images per second from JPEG bytes to features, compared with other programs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--images", type=int, help="extraction, inputs: images per round and network, 2 or more")


def run(options: argparse.Namespace) -> list[Table]:
    """Make a table for each network."""
    tables = []
    for name, (network, count) in NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            write_images(Path(folder), options.images or count, options.zip)
            tables.append(compare(name, network, Path(folder), options))
    return tables


def write_images(folder: Path, count: int, archive: Path | None) -> None:
    """Write images for the measurement as .jpg files.

    Args:
        folder: where to write them.
        count: number of images.
        archive: EuroSAT, from which images at equal distances are taken; None for drawn tiles, the classes in turn.
    """
    if archive:
        with ZipFile(archive) as file:
            names = sorted(name for name in file.namelist() if name.endswith(".jpg"))
            images = [file.read(names[i]) for i in np.linspace(0, len(names) - 1, count).astype(int)]
    else:
        images = map(drawn_jpeg, range(count))
    for number, image in enumerate(images):
        (folder / f"{number:06}.jpg").write_bytes(image)


def drawn_jpeg(number: int) -> bytes:
    """Draw a tile of the data set landcover-demo and encode it. The classes take turns."""
    buffer = io.BytesIO()
    tile = draw_tile(list(CLASSES)[number % len(CLASSES)], 1 + number // len(CLASSES))
    Image.fromarray(tile).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def compare(name: str, network: Network, folder: Path, options: argparse.Namespace) -> Table:
    """Measure every program that is installed on the same images, and the machine's matrix product, in every round.

    Args:
        name: of the network in the table.
        network: the network.
        folder: has the images.
        options: rounds, matrix and torch_python.
    """
    taking_part, left_out = {}, []

    def start(key: str, called: str, module: str, *arguments: str) -> None:
        print(f"{name}: starting {called}", file=sys.stderr, flush=True)
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
    """Build the table, with the fastest program first.

    Args:
        name: of the network in the table.
        measured: one value per round, by contender: images per second, or GFLOP/s of a matrix product.
        about: what the contenders know about themselves.
        left_out: sentences about contenders that do not take part.
    """
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
        f"The network takes {operations * 1e-9:.3g} GFLOP per image. The matrix product of the fastest library reaches "
        f"{statistics.median(machine_rate):.0f} GFLOP/s in single precision ({by_library}). Programs in bfloat16 can "
        "do more.",
        f"{len(machine_rate)} rounds. Ratios are medians of the ratios within a round. Set-up includes compilation.",
        '"features differ by" compares the features of one image, relative to the largest one. It is empty for other '
        "weights (torchvision) and for images without preprocess_input (the lab). tf.function decodes with TensorFlow, "
        "whose fast inverse DCT gives other pixels than Pillow: this changes features by 2 to 4 % of the largest. "
        "Programs that resize with Pillow, which rounds to whole numbers, differ by up to 0.2 %.",
        *(f"{CONTENDERS[key][0]} does not work with {why}." for key in by_key for why in about[key]["failures"]),
        *left_out,
    ]
    columns = [column for column in rows[0] if column not in ("rounds", "versions")]
    return Table(f"{name}: images per second from JPEG bytes to features", columns, rows, notes)
