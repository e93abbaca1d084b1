"""The folder of a saved classifier: an ONNX file, and what must be known to apply it."""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.hashing import sha256
from eurosat_transfer.io.json_files import read_json, write_json

MODEL = Path("model")
ONNX_FILE, DESCRIPTION_FILE, CARD_FILE = "model.onnx", "model.json", "README.md"
NO_MODEL = "no_model"  # the only key of the description if there is no classifier
FORMAT = 2  # of the description; a change of its keys needs another number


class NoModelError(UserError):
    """The folder has no classifier. The message says why."""


class Description(BaseModel):
    """What must be known of a classifier to apply it.

    Attributes:
        format: number of the format.
        classifier: knn, svm, probe or finetune.
        classes: names, in the order of the probabilities.
        tile_size: height and width of most training images in pixels.
        bands: numbers of the bands that became red, green and blue, from 1 on. None: the images were RGB.
        scale: values that became 1 and 255. None: the images had 8 bits.
        histograms: for red, green and blue of the training images: how often each value from 0 to 255 occurs.
        calibration_scores: sorted; see eurosat_transfer.evaluation.conformal.
        calibrated_on: what the images of these scores are, in words.
        distance_threshold: images with a larger distance do not look like the training images.
        confusion: on test: a row for each actual class, with the number of its images by predicted class.
        made_from: DVC's MD5 sums of the inputs, by path.
        onnx_sha256: the checksum of the ONNX file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    classifier: str
    classes: list[str]
    tile_size: tuple[int, int]
    bands: tuple[int, int, int] | None
    scale: tuple[float, float] | None
    histograms: list[list[int]]
    calibration_scores: list[float]
    calibrated_on: str
    distance_threshold: float
    confusion: list[list[int]]
    made_from: dict[str, str]
    onnx_sha256: str


class SavedModel(NamedTuple):
    """A classifier in a folder.

    Attributes:
        onnx: path of the ONNX file: images, uint8, (n, height, width, 3), RGB, of any size -> probabilities, float32,
            (n, classes), and distance, float32, (n,), from the training images.
        description: what must be known to apply it.
    """

    onnx: Path
    description: Description


def write_description(folder: Path, description: Description) -> None:
    """Write the description of a classifier to its folder.

    Args:
        folder: of the classifier.
        description: of the classifier.

    Raises:
        OSError: the disk is full.
    """
    write_json(folder / DESCRIPTION_FILE, description.model_dump())


def write_no_model(folder: Path, reason: str) -> None:
    """Write the files of a folder without a classifier, because DVC wants the outputs of a stage to exist.

    Args:
        folder: an existing folder.
        reason: why there is none. load_description raises it.

    Raises:
        OSError: the disk is full.
    """
    (folder / ONNX_FILE).write_bytes(b"")
    write_json(folder / DESCRIPTION_FILE, {NO_MODEL: reason})


def load_model(folder: Path = MODEL) -> SavedModel:
    """Read the folder of a classifier.

    Args:
        folder: that the stage model wrote.

    Raises:
        UserError: a file is missing, the description is not valid, or the ONNX file is another than it describes.
    """
    _check_exists(folder / ONNX_FILE)
    description = load_description(folder)
    if sha256(folder / ONNX_FILE) != description.onnx_sha256:
        raise UserError(
            f"{folder / ONNX_FILE} is not the file that {DESCRIPTION_FILE} describes; copy or fetch the whole folder "
            "again"
        )
    return SavedModel(folder / ONNX_FILE, description)


def load_description(folder: Path) -> Description:
    """Read the description of a classifier.

    Args:
        folder: that the stage model wrote.

    Raises:
        NoModelError: no classifier was saved.
        UserError: the description is missing or not valid.
    """
    _check_exists(folder / DESCRIPTION_FILE)
    content = read_json(folder / DESCRIPTION_FILE)
    if NO_MODEL in content:
        raise NoModelError(content[NO_MODEL])
    if content.get("format") != FORMAT:
        raise UserError(
            f"{folder / DESCRIPTION_FILE} has format {content.get('format')}; allowed: {FORMAT}, the format of this "
            "version of eurosat-transfer"
        )
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{folder / DESCRIPTION_FILE}: {key}: {first['msg']}") from None


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path} does not exist; run `dvc repro model`, or fetch a model as docs/predict.md says")
