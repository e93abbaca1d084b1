"""Choose which tiles to label next, and make a page on which one labels them.

The tiles come from --images: a folder of JPEG, PNG or GeoTIFF images, with the labels so far in its
labels.csv. Without labels, the most typical tiles are chosen, each from another group of similar
tiles. With labels, tiles that the model is unsure of are chosen too. Without --images, tiles come
from data.path if data.name=folder. Otherwise they are the unlabelled tiles of the data set.

  suggestions.html  the tiles. Click their classes, and save labels.csv in the folder of the images
  suggestions.csv   rank, file, why, cluster, and what the model believes now, with its probability

The network is that of the section backbone in params.yaml. If it is not there, the command runs
`dvc repro backbone` first.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from eurosat_transfer.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from eurosat_transfer.data.other_columns import OtherColumns
    from eurosat_transfer.parameters.loading import Parameters

PAGE, TABLE = Path("suggestions.html"), Path("suggestions.csv")
COLUMNS = ("rank", "file", "why", "cluster", "believed", "probability")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("count", type=int, metavar="N", help="number of tiles, such as 40")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="folder of images, with or without labels.csv")


class Pool(NamedTuple):
    """The tiles to choose from.

    Attributes:
        files: names of the tiles, as labels.csv has them.
        X: float32, (n, d): their features.
        labels: the label of each tile, or None.
        read: reads a tile as a JPEG or PNG file.
        known: labels of tiles that are not in the pool, by file.
        about: where to put labels.csv.
        other_columns: of labels.csv, if there is one.
    """

    files: list[str]
    X: "np.ndarray"
    labels: list[str | None]
    read: Callable[[int], bytes]
    known: dict[str, str]
    about: list[str]
    other_columns: "OtherColumns | None" = None


def run(arguments: argparse.Namespace) -> None:
    """Write the suggestions.

    Raises:
        UserError: the number, the folder or its table cannot be used, or there is no network.
    """
    from eurosat_transfer.data.labelling_folder import has_unlabelled_images
    from eurosat_transfer.io.local_path import to_path
    from eurosat_transfer.parameters.data import Data
    from eurosat_transfer.parameters.loading import load_parameters

    if arguments.count < 1:
        raise UserError(f"N is {arguments.count}; allowed: 1 or more")
    params = load_parameters()
    data = params.section(Data)
    folder = arguments.images
    if folder is None and data.name == "folder" and has_unlabelled_images(path := to_path(str(data.path), "data.path")):
        folder = path
    pool = _open_folder(folder, params) if folder is not None else _open_data_set(params)
    _suggest(pool, arguments.count)


def _suggest(pool: Pool, wanted: int) -> None:
    """Choose tiles of the pool, and write the table and the page."""
    import numpy as np

    from eurosat_transfer.io.csv_files import write_csv
    from eurosat_transfer.models.label_suggestion import NO_LABEL, fit_beliefs, suggest_labels
    from eurosat_transfer.reporting.contact_sheet import SheetTile, write_contact_sheet

    labels = [label for label in (*pool.labels, *pool.known.values()) if label is not None]
    classes = sorted({label for label in pool.labels if label is not None})
    y = np.array([NO_LABEL if label is None else classes.index(label) for label in pool.labels])
    unlabelled = int((y == NO_LABEL).sum())
    if not unlabelled:
        raise UserError(f"all {len(y)} tiles have a label; add images, or give another folder with --images")
    beliefs = fit_beliefs(pool.X, y)
    chosen = suggest_labels(pool.X, y, min(wanted, unlabelled), beliefs)
    tiles, rows = [], []
    for rank, suggestion in enumerate(chosen, 1):
        row = suggestion.row
        why, believed = f"in the middle of {suggestion.size} similar tiles", None
        if suggestion.size == 1:
            why = "unlike the other tiles"
        if suggestion.sought != NO_LABEL:
            why = f"perhaps {classes[suggestion.sought]}, which has one label"
        probability: float | str = ""
        if beliefs is not None:
            first, second = np.argsort(-beliefs[row], kind="stable")[:2]
            believed, probability = classes[first], float(beliefs[row, first])
            why += f"; {believed} {probability:.2f}, {classes[second]} {beliefs[row, second]:.2f}"
        tiles.append(SheetTile(pool.files[row], pool.read(row), suggested=believed, note=why))
        rows.append((rank, pool.files[row], why, suggestion.cluster, believed or "", probability))
    known = {file: label for file, label in zip(pool.files, pool.labels, strict=True) if label is not None}
    write_csv(TABLE, COLUMNS, rows)
    title = f"Label {len(tiles)} tiles"
    write_contact_sheet(PAGE, tiles, sorted(set(labels)), title, pool.known | known, pool.about, pool.other_columns)
    if single := [name for name in sorted(set(labels)) if labels.count(name) == 1]:
        print(
            f"classes with one label: {', '.join(single)}; `dvc repro` leaves them out until they have two, so the "
            "first tiles may be of these"
        )
    print(f"{len(tiles)} of {unlabelled:,} tiles without a label; open {PAGE} in a browser")


def _open_folder(folder: Path, params: "Parameters") -> Pool:
    from eurosat_transfer.data.builders.image_names import SHOWN
    from eurosat_transfer.data.builders.registry import create_rendering
    from eurosat_transfer.data.labelling_folder import open_labelling_folder
    from eurosat_transfer.parameters.backbone import Backbone
    from eurosat_transfer.parameters.data import Data
    from eurosat_transfer.parameters.extract import Extract
    from eurosat_transfer.pipeline.integrity import digest_inputs

    images = open_labelling_folder(folder, create_rendering(params.section(Data)))
    if params.section(Backbone).name == "tilenet":
        print("tilenet was trained on drawings; a network with ImageNet weights suits photographs and satellite tiles")
    _ensure_network()
    from eurosat_transfer.features.extraction import WITHOUT_EFFECT
    from eurosat_transfer.features.image_features import extract_images

    extract = params.section(Extract)
    X, broken = extract_images(
        images.read, extract.preprocess, extract.precision, digest_inputs("extract", WITHOUT_EFFECT)
    )
    for row, reason in list(broken.items())[:SHOWN]:
        advice = "" if images.labels[row] is None else "; it has a label, so `dvc repro` refuses it: remove its row"
        print(f"left out: {reason}{advice}")
    if len(broken) > SHOWN:
        print(f"left out: {len(broken) - SHOWN} more images that cannot be read")
    kept = [row for row in range(len(X)) if row not in broken]
    about = [f"Save labels.csv as {images.table}. Then run: dvc repro -f -s download && dvc repro"]
    if images.table.exists():
        about.append("The new file has the earlier labels too: replace the old one.")
    return Pool(
        [images.files[row] for row in kept],
        X[kept],
        [images.labels[row] for row in kept],
        lambda row: images.read[kept[row]](),
        {images.files[row]: label for row in broken if (label := images.labels[row]) is not None},
        about,
        images.other_columns,
    )


def _ensure_network() -> None:
    """Run the stage backbone if its output is missing, or belongs to other parameters."""
    from eurosat_transfer.pipeline.freshness import outdated_outputs

    network = Path("data/backbone")
    reason = f"{network} does not exist" if not network.exists() else outdated_outputs([network]).get(network)
    if reason:
        print(f"the network is not ready ({reason}): running `dvc repro backbone`", flush=True)
        if subprocess.run([sys.executable, "-m", "dvc", "repro", "backbone"], check=False).returncode:
            raise UserError("`dvc repro backbone` failed; its own message is above")


def _open_data_set(params: "Parameters") -> Pool:
    """Open the tiles of train and those without labels, with the features of the last run."""
    import numpy as np

    from eurosat_transfer.data.selection import open_selection
    from eurosat_transfer.data.subsets import UNLABELLED
    from eurosat_transfer.features.feature_set import FEATURES_FILE, load_features
    from eurosat_transfer.parameters.data import Data
    from eurosat_transfer.parameters.extract import Extract
    from eurosat_transfer.pipeline.freshness import outdated_outputs

    if params.section(Extract).features is not None:
        raise UserError("extract.features has no images to show; give a folder of images with --images")
    file = Path(FEATURES_FILE)
    reason = outdated_outputs([file]).get(file) if file.exists() else f"{file} does not exist"
    if reason:
        raise UserError(f"the features are not ready ({reason}): run `dvc repro extract`, or give --images FOLDER")
    features = load_features()
    if UNLABELLED not in features.X:
        raise UserError(
            "the data set has no tiles without a label: give a folder of images with --images, or set "
            "split.unlabelled=rest, a smaller split.train, and run `dvc repro extract`"
        )
    dataset, selection = open_selection()
    places = np.concatenate([selection.indices["train"], selection.indices[UNLABELLED]])
    labels: list[str | None] = [features.classes[label] for label in features.y["train"]]
    labels += [None] * len(features.X[UNLABELLED])
    name = params.section(Data).name
    return Pool(
        features.files["train"] + features.files[UNLABELLED],
        np.concatenate([features.X["train"], features.X[UNLABELLED]]),
        labels,
        lambda row: dataset[int(places[row])].image,
        {file: features.classes[label] for file, label in zip(features.files["val"], features.y["val"], strict=True)},
        [f"These are tiles of data.name={name} whose labels no classifier sees. docs/labelling.md says how to go on."],
    )
