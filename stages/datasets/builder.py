"""What the builders of this package have in common."""

import io
import warnings
from collections.abc import Iterator

from PIL import Image

from stages.common.stage import UserError
from stages.common.tensorflow import tf
from stages.common.tfds import tfds

MODES = ("L", "LA", "P", "RGB", "RGBA", "1", "CMYK")  # 8 bits a channel: what converts to RGB without a guess


class TileBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """One split of labelled images with their file names, as TFDS' own EuroSAT builder has them.

    The order of the examples is TFDS': by a hash of the key that `_tiles` yields.
    """

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = ""  # one line, for the report

    def _classes(self) -> list[str]:
        raise NotImplementedError

    def _tiles(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield (unique file name, class, encoded image)."""
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

    def _split_generators(self, _):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for name, label, encoded in self._tiles():
            yield name, {"image": io.BytesIO(encoded), "label": label, "filename": name}


def as_rgb(encoded: bytes, name: str) -> bytes:
    """Check that an image decodes, and bring it to 8-bit RGB: a JPEG that is so already stays as it is, to the byte.

    Args:
        encoded: a JPEG or PNG file's content: grey, palette, RGB, with or without alpha (which is dropped).
        name: for the error's sake.

    Raises:
        UserError: no image, truncated, too large to be one, or more than 8 bits a channel.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG"))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = "neither JPEG nor PNG" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise UserError(f"{name} is not a readable image: {reason}") from None
    if image.mode not in MODES:
        raise UserError(f"{name} is an image of mode {image.mode}; allowed: 8 bits a channel ({', '.join(MODES)})")
    if image.format == "JPEG" and image.mode == "RGB":
        try:
            tf.io.decode_jpeg(encoded)  # as every later stage will; it is stricter than Pillow
        except tf.errors.InvalidArgumentError:
            raise UserError(f"{name} is not a readable image: a damaged JPEG") from None
        return encoded
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
