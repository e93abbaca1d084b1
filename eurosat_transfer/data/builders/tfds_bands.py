"""The builder for data sets of TFDS whose tiles are arrays of bands instead of images, such as eurosat/all."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from eurosat_transfer.data.band_choice import BandChoice, describe_choice
from eurosat_transfer.data.band_description import BandDescription
from eurosat_transfer.data.band_names import EUROSAT, EUROSAT_PICTURE, number_names
from eurosat_transfer.data.builders.base import FoundTile, TileBuilder
from eurosat_transfer.data.builders.eurosat_ms import SCALE
from eurosat_transfer.data.image_files import render_bands
from eurosat_transfer.data.rendering import Scale
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError


def holds_bands(info: tfds.core.DatasetInfo) -> bool:
    """Tell whether the tiles of a data set are arrays of height, width and bands, with a class label for each.

    Args:
        info: the description of the data set. The data set need not be downloaded.
    """
    keys = info.supervised_keys or ()
    kinds = [info.features[key] for key in keys if isinstance(key, str)]
    if [type(kind) for kind in kinds] != [tfds.features.Tensor, tfds.features.ClassLabel]:
        return False
    shape = kinds[0].shape
    return len(shape) == 3 and shape[-1] is not None and np.dtype(kinds[0].np_dtype).kind in "iuf"


class TfdsBands(TileBuilder):
    """The tiles of a data set of TFDS, rewritten with a picture of each.

    If the data set has several splits, only `train` is read, or else the first one, as for data sets of images.
    """

    def __init__(
        self, source: tfds.core.DatasetBuilder, *, data_dir: Path | str, bands: BandChoice | None, scale: Scale | None
    ) -> None:
        """Describe the bands. Nothing is downloaded yet.

        Args:
            source: the builder of TFDS. It puts its data set into TFDS' own folder.
            data_dir: where TFDS puts the rewritten data set.
            bands: a choice of bands. None: the natural colours, if the names of the bands are known.
            scale: the values that become 1 and 255. None: that of EuroSAT if it is EuroSAT, or else 8-bit values.

        Raises:
            UserError: there are no such bands, or a choice is needed.
        """
        self._source, (self._key, self._label) = source, source.info.supervised_keys
        count = source.info.features[self._key].shape[-1]
        is_eurosat = source.name == "eurosat" and count == len(EUROSAT)
        if bands is None and not is_eurosat:
            raise UserError(f"{source.name} has {count} bands; set data.bands, for example data.bands=[3,2,1]")
        self._description = describe_choice(
            bands or EUROSAT_PICTURE,
            EUROSAT if is_eurosat else number_names(count),
            scale or (SCALE if is_eurosat else None),
        )
        self.DESCRIPTION = " ".join(source.info.description.split())
        super().__init__(data_dir=data_dir)

    def _classes(self) -> list[str]:
        names: list[str] = self._source.info.features[self._label].names
        return names

    def _bands(self) -> tuple[BandDescription, str]:
        return self._description, np.dtype(self._source.info.features[self._key].np_dtype).name

    def _tiles(self) -> Iterator[FoundTile]:
        self._source.download_and_prepare()
        splits, classes = self._source.info.splits, self._classes()
        split = "train" if "train" in splits else next(iter(splits))
        examples = tfds.as_numpy(self._source.as_dataset(split=split))
        count = splits[split].num_examples
        bar = tqdm(examples, desc="reading tiles", total=count, unit="tile", mininterval=1, disable=None)
        for number, example in enumerate(bar):
            name = example["filename"].decode() if "filename" in example else f"{split}[{number}]"
            raster, label = example[self._key], int(example[self._label])
            image = render_bands(raster, name, self._description.rendering)
            yield FoundTile(name, classes[label] if label >= 0 else None, image, raster)
