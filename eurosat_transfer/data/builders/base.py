"""The base class of this project's TFDS builders."""

import io
from collections.abc import Iterator
from typing import Any

from eurosat_transfer.data.index import NO_LABEL
from eurosat_transfer.data.tfds import tfds


class TileBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]  # TFDS is untyped
    """A data set with one split of labelled images, which stores their file names like TFDS' own EuroSAT builder.

    Subclasses define `_classes` and `_tiles`. TFDS orders the examples by a hash of the names that `_tiles` yields.
    """

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = ""  # one line, which the report shows

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # TFDS has a data set named `eurosat` of its own, so these builders are not registered under their names.
        super().__init_subclass__(skip_registration=True, **kwargs)

    def _classes(self) -> list[str]:
        """Return the names of the classes, in the order of their labels."""
        raise NotImplementedError

    def _tiles(self) -> Iterator[tuple[str, str | None, bytes]]:
        """Yield each tile as (unique file name, class or None, encoded image)."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "label": tfds.features.ClassLabel(names=self._classes()),
            "filename": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, _: object) -> dict:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[str, dict]]:
        for name, label, encoded in self._tiles():
            known = NO_LABEL if label is None else label
            yield name, {"image": io.BytesIO(encoded), "label": known, "filename": name}
