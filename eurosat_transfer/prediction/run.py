"""One run of `predict`: from the images that the user names to the output, with progress that survives a kill."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError
from eurosat_transfer.precision import Precision
from eurosat_transfer.prediction.output import Row, Rules, unreadable_file, write_predictions, write_unreadable
from eurosat_transfer.prediction.predictor import Predictor
from eurosat_transfer.prediction.progress import Progress
from eurosat_transfer.prediction.saved_model import DESCRIPTION_FILE, SavedModel
from eurosat_transfer.prediction.sources import Source
from eurosat_transfer.prediction.tile_match import SAMPLE, check_images

SHOWN = 20  # unreadable images that are printed


class Summary(NamedTuple):
    """What a run did.

    Attributes:
        images: number of images.
        unreadable: number of those that could not be read.
        unsure: number of those whose prediction set does not have exactly one class.
        unfamiliar: number of those that do not look like the training images.
    """

    images: int
    unreadable: int
    unsure: int
    unfamiliar: int


def predict_files(
    sources: Iterable[Source],
    output: Path,
    model: SavedModel,
    rendering: Rendering,
    rules: Rules,
    predictor: Predictor,
    force: bool = False,
    precision: Precision = "float32",
) -> Summary:
    """Classify images, and write the output when all are done. An interrupted run is resumed.

    Args:
        sources: the images.
        output: path of the output, CSV or Parquet.
        model: the saved model.
        rendering: makes RGB images of rasters.
        rules: make a row of what the model says.
        predictor: applies model and rendering.
        force: also classify images whose colours are far from those of the training tiles.
        precision: of the predictor. An interrupted run is resumed with the same.

    Returns:
        How many images there are, and what was found.

    Raises:
        UserError: an input has no images, another process works on the same output, or the images are far from the
            training tiles.
        OSError: the disk is full.
    """
    with Progress(output, _describe_run(model, rendering, precision), sources) as progress:
        if progress.was_changed:
            print("the images, the model or the options have changed since the interrupted run: starting anew")
        resumed = f", of which {progress.done:,} were done by an interrupted run" if progress.done else ""
        print(f"{progress.count:,} images{resumed}", flush=True)
        if not progress.done:
            try:
                check_images(progress.sample(SAMPLE), rendering, predictor, model.description)
            except UserError as error:
                if not force:
                    raise
                print(f"going on in spite of this: {error}")
        with tqdm(
            desc="predicting", total=progress.count, initial=progress.done, unit="image", mininterval=1, disable=None
        ) as bar:
            for results in predictor.predict(progress.remaining()):
                progress.add(results)
                bar.update(len(results.outputs.distances))
        unreadable = write_unreadable(output, progress.problems())
        for name, problem in islice(progress.problems(), SHOWN):
            print(f"not readable: {name}: {problem}", file=sys.stderr)
        if unreadable > SHOWN:
            print(f"... and {unreadable - SHOWN:,} more: {unreadable_file(output)}", file=sys.stderr)
        flags: Counter[str] = Counter()
        write_predictions(output, _count_flags(rules.rows(progress.results()), flags))
        summary = Summary(progress.count, unreadable, flags["unsure"], flags["unfamiliar"])
        progress.delete()
    return summary


def _count_flags(rows: Iterable[Row], flags: Counter[str]) -> Iterator[Row]:
    for row in rows:
        flags["unsure"] += row.unsure
        flags["unfamiliar"] += row.unfamiliar
        yield row


def _describe_run(model: SavedModel, rendering: Rendering, precision: Precision) -> str:
    """Describe everything that the outputs of an image depend on besides the image."""
    files = (model.onnx, model.onnx.with_name(DESCRIPTION_FILE))
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return json.dumps([*digests, rendering.bands, rendering.scale, precision])
