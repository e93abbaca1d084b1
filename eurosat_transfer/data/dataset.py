"""The prepared data set, from which any encoded image is read by its index, without TensorFlow."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from google.protobuf.json_format import ParseError

from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError

# `dvc exp run` deletes whatever is in the place of an output, so this is a name under which nobody keeps images.
DATASET = Path("data/array_records")


class Tile(NamedTuple):
    """One labelled image of the data set.

    Attributes:
        image: the encoded image, JPEG or PNG.
        label: from 0; -1 if the image has none.
        file: the name of the image, or "train[7]" if the data set stores no names.
    """

    image: bytes
    label: int
    file: str


def check_kinds(name: str, info: tfds.core.DatasetInfo) -> None:
    """Check that a data set holds 8-bit images of one or three channels, and a class label for each.

    Args:
        name: of the data set.
        info: its description. The data set need not be downloaded.

    Raises:
        UserError: it holds something else.
    """
    features = info.features
    kinds = [features[key] for key in info.supervised_keys or () if isinstance(key, str)]
    if [type(kind) for kind in kinds] != [tfds.features.Image, tfds.features.ClassLabel]:
        found = ", ".join(features)
        raise UserError(
            f"the data set {name} holds {found}; allowed: images with class labels; set data.name to another data set"
        )
    channels, dtype = kinds[0].shape[-1], np.dtype(kinds[0].np_dtype)
    if channels not in (1, 3, None) or dtype != np.uint8:
        raise UserError(
            f"the data set {name} holds images of {channels} channels, {dtype}; allowed: 1 or 3 channels, uint8; set "
            "data.name to another data set"
        )


class TileDataset:
    """A prepared TFDS image-classification data set.

    If it has several splits, only `train` is read, or else the first one.

    Attributes:
        classes: names by label.
        description: what the data set says about itself.
    """

    def __init__(self, folder: Path = DATASET):
        """Open a data set.

        Args:
            folder: holds dataset_info.json and the examples in ArrayRecord files.

        Raises:
            UserError: the data set is missing, has another format, or is not one of images and class labels.
        """
        try:
            builder = tfds.builder_from_directory(folder)
        except (OSError, ValueError, ParseError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{folder} is not a data set of the download stage: {reason}; `dvc repro` prepares it again"
            ) from None
        info, features = builder.info, builder.info.features
        if info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
            found = info.file_format.value
            raise UserError(f"{folder} has {found} files; allowed: ArrayRecord; `dvc repro` prepares it again")
        check_kinds(builder.name, info)
        self._folder, self._keys = folder, info.supervised_keys
        self.classes: list[str] = features[self._keys[1]].names
        self.description = " ".join(info.description.split())
        self._has_names = "filename" in features and isinstance(features["filename"], tfds.features.Text)
        self._split = "train" if "train" in info.splits else next(iter(info.splits))
        images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
        encoded = dict.fromkeys(images, tfds.decode.SkipDecoding())
        self._examples = builder.as_data_source(self._split, decoders=encoded)

    def __len__(self) -> int:
        return len(self._examples)

    def __iter__(self) -> Iterator[Tile]:
        """Read the tiles one by one, in the data set's order."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, index: int) -> Tile:
        """Read one tile.

        Args:
            index: its place in the data set, from 0.

        Raises:
            UserError: the file is damaged: its checksums differ, or the tile is missing.
        """
        try:
            example = self._examples[index]
        except (RuntimeError, ValueError) as error:  # ValueError: fewer examples than the description declares
            raise UserError(f"{self._folder} is damaged: {error}; `dvc repro` prepares it again") from None
        image, label = (example[key] for key in self._keys)
        if image is None or label is None:  # read from a file that lost most of its bytes
            raise UserError(f"{self._folder} is damaged: image {index} is missing; `dvc repro` prepares it again")
        name = example["filename"].decode() if self._has_names else f"{self._split}[{index}]"
        return Tile(image, int(label), name)
