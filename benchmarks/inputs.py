"""How much slower are extraction and predictions when the images come from files, and not from memory?"""

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
from ruamel.yaml import YAML

from benchmarks.contenders import PIXEL_SIZE
from benchmarks.extraction import drawn_jpeg
from benchmarks.predict import TILE_SIZE, write_model
from benchmarks.rounds import REPOSITORY, interleave, ratio, summary
from benchmarks.tables import Table
from eurosat_transfer.data.drawings.landcover import CLASSES

HELP = "images per second from a folder, a zip file and the prepared data set"
NETWORKS = {  # in the table: name, image size and options of the network, and images per round, which take some seconds
    "ResNet-50 at 224": ("resnet50", 224, {}, 448),
    "MobileNetV2 at 224": ("mobilenetv2", 224, {}, 1664),
    "tilenet at 64": ("tilenet", 64, {}, 6656),
}
DRAWN = 2_000  # images without an archive
CHUNK = 1024  # images that `predict` gets at a time
NAMES = {"extract": "the stage extract", "predict": "the command predict"}


class Images(NamedTuple):
    """The same images in a folder, in a zip file and as a prepared data set.

    Attributes:
        folder: has a subfolder for each class.
        archive: the zip file.
        prepared: the data set that the stage download makes of the folder.
        preparing: images per second of that stage, by source: folder and zip.
        count: number of images.
    """

    folder: Path
    archive: Path
    prepared: Path
    preparing: dict[str, float]
    count: int


def run(options: argparse.Namespace) -> list[Table]:
    """Measure each network with images from each source."""
    with tempfile.TemporaryDirectory() as temporary:
        images = write_sources(Path(temporary), options.images or DRAWN, options.zip)
        rows = []
        for name, (network, size, options_of_network, count) in NETWORKS.items():
            wanted = min(options.images or count, images.count)
            rows += compare(name, (network, size, options_of_network), images, wanted, options.rounds)
        return [table(rows, images, options.rounds)]


def write_sources(folder: Path, count: int, archive: Path | None) -> Images:
    """Write all images of an archive, or drawn ones, to a folder and a zip file, and prepare a data set of both.

    Args:
        folder: an empty folder.
        count: number of drawn images.
        archive: EuroSAT, or None for drawn images, the classes in turn.
    """
    tiles, packed = folder / "tiles", archive or folder / "tiles.zip"
    if not archive:
        with ZipFile(packed, "w") as file:
            for number in range(count):
                file.writestr(f"tiles/{list(CLASSES)[number % len(CLASSES)]}/{number}.jpg", drawn_jpeg(number))
    with ZipFile(packed) as file:
        names = [name for name in file.namelist() if name.endswith(".jpg")]
        for name in names:
            path = tiles.joinpath(*PurePosixPath(name).parts[-2:])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read(name))
    prepared = folder / "prepared"
    prepare(tiles, prepared)  # TFDS takes longer the first time
    rates = {kind: len(names) / prepare(source, prepared) for kind, source in (("zip", packed), ("folder", tiles))}
    return Images(tiles, packed, prepared, rates, len(names))


def prepare(source: Path, folder: Path) -> float:
    """Prepare a data set of a folder or a zip file as the stage download does, and return the seconds that it takes."""
    from eurosat_transfer.data.preparation import prepare_dataset
    from eurosat_transfer.parameters.data import Data

    defaults = YAML(typ="safe").load(REPOSITORY / "params.yaml")["data"]
    start = time.perf_counter()
    prepare_dataset(Data.model_validate(defaults | {"name": "folder", "path": str(source)}), folder)
    return time.perf_counter() - start


def compare(name: str, network: tuple[str, int, dict], images: Images, count: int, rounds: int) -> list[dict]:
    """Measure one network with each source in turn, and return the rows of the table.

    Args:
        name: of the network in the table.
        network: its name, image size and options, as for build_backbone.
        images: the sources.
        count: number of images per round; they lie at equal distances among all.
        rounds: number of measurements of each source.
    """
    from eurosat_transfer.data.dataset import TileDataset
    from eurosat_transfer.prediction.sources import find_sources

    dataset = TileDataset(images.prepared)
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int).tolist()
    in_memory = [dataset.read_input(place) for place in chosen]
    extract = make_extraction(*network)
    ways: dict[str, dict[str, Callable[[], object]]] = {
        "extract": {
            "memory": lambda: extract(in_memory),
            "prepared": lambda: extract(dataset.read_input(place) for place in chosen),
        }
    }
    with tempfile.TemporaryDirectory() as folder:
        predict = make_prediction(Path(folder), *network)
        sources = {"folder": str(images.folder), "zip": str(images.archive)}
        ways["predict"] = {"memory": lambda: predict(in_memory, bytes)}  # they need no reading
        for kind, path in sources.items():
            found = sorted(find_sources([path]))
            listed = [found[place] for place in np.linspace(0, len(found) - 1, count).astype(int)]
            ways["predict"][kind] = lambda listed=listed: predict(listed, None)
        rows = []
        for task, by_source in ways.items():
            rates = interleave({kind: lambda run=run: _rate(run, count) for kind, run in by_source.items()}, rounds)
            rows += [_row(name, NAMES[task], kind, rates[kind], rates["memory"]) for kind in rates]
            if task == "extract":
                for kind, preparing in images.preparing.items():
                    both = [1 / (1 / preparing + 1 / rate) for rate in rates["prepared"]]
                    rows.append(_row(name, NAMES[task], f"{kind}, with its preparation", both, rates["memory"]))
    return rows


def make_extraction(name: str, size: int, options: dict) -> Callable[[Iterable[bytes]], object]:
    """Build a network with random weights, and return what extracts the features of encoded images with it."""
    from eurosat_transfer.features.inference import Network
    from eurosat_transfer.networks.backbones import build_backbone, find_preprocess
    from eurosat_transfer.tensorflow_setup import keras

    keras.utils.set_random_seed(0)
    network = Network(build_backbone(name, size, options), find_preprocess(name))
    return lambda images: deque(network.extract(enumerate(images), PIXEL_SIZE), maxlen=0)


def make_prediction(folder: Path, name: str, size: int, options: dict) -> Callable[[Sequence[Any], Any], object]:
    """Save a classifier with random weights, and return what classifies images with it, as the command predict does."""
    from eurosat_transfer.data.rendering import Rendering
    from eurosat_transfer.prediction.inference import Classifier
    from eurosat_transfer.prediction.predictor import LocalPredictor
    from eurosat_transfer.prediction.sources import read_source

    write_model(folder / "model.onnx", name, size, options)
    classifier = Classifier(folder / "model.onnx", tile_size=TILE_SIZE)

    def predict(images: Sequence[Any], read: Callable[[Any], bytes] | None) -> object:
        chunks = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        return deque(LocalPredictor(classifier, Rendering(), read or read_source).predict(chunks), maxlen=0)

    return predict


def _rate(run: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    run()
    return count / (time.perf_counter() - start)


def _row(network: str, program: str, source: str, rates: list[float], in_memory: list[float]) -> dict:
    rate = summary(rates)
    return {
        "network": network,
        "program": program,
        "images from": source,
        "images/s": rate["median"],
        "min": rate["min"],
        "max": rate["max"],
        "/ memory": ratio(rates, in_memory),
        "rounds": rates,
    }


def table(rows: list[dict], images: Images, rounds: int) -> Table:
    """Build the table.

    Args:
        rows: of all networks.
        images: the sources.
        rounds: number of rounds.
    """
    times = " and ".join(f"{1e3 / rate:.2f} ms per image from a {kind}" for kind, rate in images.preparing.items())
    notes = [
        f"{images.count:,} JPEG images of 64x64 pixels, of which each round takes some at equal distances; {rounds} "
        "rounds. Ratios are medians of the ratios within a round. The networks have random weights.",
        "memory: the encoded images are a list in memory. prepared: they are read from the data set that the stage "
        "download has prepared. The operating system keeps the files in memory after the first round.",
        f"The stage extract reads the prepared data set only. Its preparation takes {times}, once, without the list "
        "and the picture of tiles that the stage download also makes. The rows with preparation are computed from "
        "these times and from the rates of the prepared data set.",
    ]
    return Table("Images per second by source", [c for c in rows[0] if c != "rounds"], rows, notes)
