"""Helpers for tests of builders: trees and zip files of images, and their prepared data sets."""

import zipfile
from pathlib import Path

from conftest import encoded

from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.preparation import prepare_dataset
from eurosat_transfer.parameters.data import Data


def prepared(folder: Path, **params) -> TileDataset:
    """Prepare a data set in a folder and open it."""
    prepare_dataset(Data(**dict.fromkeys(Data.model_fields) | params), folder)
    return TileDataset(folder)


def zip_tree(tree: Path, path: Path, top: str = "") -> Path:
    """Pack the files of a tree, under a folder of the archive such as "2750/"."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(tree.rglob("*.*")):
            if file.is_file():
                archive.write(file, f"{top}{file.relative_to(tree)}")
    return path


def eurosat_tree(folder: Path) -> Path:
    """Write eight tiles of three classes, named like EuroSAT's."""
    for name in ("Forest", "River", "SeaLake"):
        (folder / name).mkdir(parents=True)
        for number in range(1, 9):
            colour = (17 * number, 40 * len(name) % 256, 99)
            (folder / name / f"{name}_{number}.jpg").write_bytes(encoded(colour, size=(64, 64)))
    return folder
