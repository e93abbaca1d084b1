"""The prepared data set, from which any encoded image is read by its index, without TensorFlow."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.json_format import ParseError

from eurosat_transfer.data.band_description import BandDescription
from eurosat_transfer.data.band_names import EUROSAT_PICTURE, RGB
from eurosat_transfer.data.decoding import ImageError, decode_image
from eurosat_transfer.data.network_inputs import encode_bands
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError

# `dvc exp run` deletes whatever is in the place of an output, so this is a name under which nobody keeps images.
DATASET = Path("data/array_records")
BANDS = "bands"  # the feature with all bands of a tile
PICTURES = {"eurosat": EUROSAT_PICTURE}  # the bands of RGB data sets whose bands are known


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
        bands: what it says about its bands. None: its images are all that there is.
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
        self.bands = _describe_bands(folder, info)
        self._name = builder.name
        self._has_names = "filename" in features and isinstance(features["filename"], tfds.features.Text)
        self._split = "train" if "train" in info.splits else next(iter(info.splits))
        images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
        encoded = dict.fromkeys([*images, *([BANDS] if self.bands else [])], tfds.decode.SkipDecoding())
        self._bands_feature = features[BANDS] if self.bands else None
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
        example = self._example(index)
        image, label = (example[key] for key in self._keys)
        if image is None or label is None:  # read from a file that lost most of its bytes
            raise UserError(f"{self._folder} is damaged: image {index} is missing; `dvc repro` prepares it again")
        name = example["filename"].decode() if self._has_names else f"{self._split}[{index}]"
        return Tile(image, int(label), name)

    @property
    def band_names(self) -> tuple[str, ...]:
        """The names of all bands, in the order of read_bands."""
        return self.bands.names if self.bands else PICTURES.get(self._name, RGB)

    @property
    def network_bands(self) -> tuple[str, ...] | None:
        """The names of the bands that read_input has, if these are all bands. None: read_input has RGB images."""
        return self.bands.names if self.bands and self.bands.all_bands else None

    def read_bands(self, index: int) -> np.ndarray:
        """Read all bands of a tile.

        Args:
            index: its place in the data set, from 0.

        Returns:
            (height, width, bands), the values as the source has them. For an RGB image these are its three channels.

        Raises:
            UserError: the file is damaged.
        """
        if self._bands_feature is None:
            tile = self[index]
            try:
                return decode_image(tile.image)
            except ImageError as error:
                raise UserError(f"{tile.file} in the data set is not a readable image: {error}") from None
        try:
            raster: np.ndarray = self._bands_feature.decode_example_np(self._example(index)[BANDS])
        except (ValueError, TypeError, zlib.error) as error:
            raise UserError(
                f"{self._folder} is damaged: the bands of image {index}: {error}; `dvc repro` prepares it again"
            ) from None
        return raster

    def read_input(self, index: int) -> bytes:
        """Read what a network sees of a tile: the encoded image, or all bands as encode_bands encodes them.

        Args:
            index: its place in the data set, from 0.

        Raises:
            UserError: the file is damaged.
        """
        if self.bands is None or not self.bands.all_bands:
            return self[index].image
        return encode_bands(self.read_bands(index), self.bands.scale)

    def _example(self, index: int) -> dict[str, Any]:
        try:
            example: dict[str, Any] = self._examples[index]
        except (RuntimeError, ValueError) as error:  # ValueError: fewer examples than the description declares
            raise UserError(f"{self._folder} is damaged: {error}; `dvc repro` prepares it again") from None
        return example


def _describe_bands(folder: Path, info: tfds.core.DatasetInfo) -> BandDescription | None:
    """Read what a data set says about its bands. Other metadata, which data sets of TFDS may have, are ignored."""
    if BANDS not in info.features:
        return None
    try:
        return BandDescription.from_metadata(info.metadata[BANDS])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"{folder} has bands without a description ({error!r}); `dvc repro` prepares it again"
        ) from None
