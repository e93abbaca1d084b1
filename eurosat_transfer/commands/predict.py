"""Classify new images with a saved model.

The inputs are files, folders (with their subfolders), globs in quotes, and zip archives. Images are
JPEG, PNG or GeoTIFF. The output is a CSV or Parquet file with a row for each image:

  file         name of the image
  class        the most probable class
  probability  of this class
  set          the prediction set: the classes that the image may have, joined by "|". It contains
               the actual class of a share of --coverage of images like those of the data set
  unsure       true if the set does not have exactly one class
  unfamiliar   true if the image does not look like the training images

First, up to 64 images are compared with the training tiles. If most of them are unfamiliar, and
their colours look like a wrong scale or order of bands, the run stops, unless with --force.
Images that cannot be read are listed in OUTPUT.unreadable.csv, and the exit status is then 1.
An interrupted run is resumed if you run the same command again. With RAY_ADDRESS, the nodes of
that Ray cluster share the work.

With --map, INPUT is a GeoTIFF of a scene. A window slides over it, and the folder of --map gets
classes.tif, probability.tif, unsure.tif, map.png and areas.csv. Before that, the colours of the
scene are compared with those of the training tiles.
"""

import argparse
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eurosat_transfer.errors import UserError

if TYPE_CHECKING:
    from eurosat_transfer.data.rendering import Rendering
    from eurosat_transfer.precision import Precision
    from eurosat_transfer.prediction.predictor import Predictor
    from eurosat_transfer.prediction.saved_model import SavedModel

OUTPUT = Path("predictions.csv")
MAX_NODATA = 0.1
FOR_MAPS = ("window", "stride", "offset", "nodata", "max_nodata", "dense")  # options that images do not have
MOSTLY = 0.5  # if more is unfamiliar, the input as a whole may be the reason


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder, glob in quotes, or zip archive")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help=f"file to write, .csv or .parquet ({OUTPUT})",
    )
    parser.add_argument("--model", type=Path, default=Path("model"), help="folder of the saved model (model)")
    parser.add_argument(
        "--coverage", type=float, default=0.9, help="share of the prediction sets that contain the actual class (0.9)"
    )
    parser.add_argument(
        "--bands",
        type=_bands,
        help="numbers of the bands for red, green and blue, such as 3,2,1 (those of the training tiles)",
    )
    parser.add_argument(
        "--scale",
        type=_scale,
        help="values that become 1 and 255, such as 0,2750 (those of the training tiles)",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16 is faster on processors that have it, and less exact (float32)",
    )
    parser.add_argument(
        "--force", action="store_true", help="go on if the colours are far from those of the training tiles"
    )
    scene = parser.add_argument_group("only for a map of a scene")
    scene.add_argument(
        "--map", type=Path, metavar="FOLDER", help="map the scene INPUT, and write the map to this folder"
    )
    scene.add_argument("--window", type=_count, help="side of the window in pixels (that of the training tiles)")
    scene.add_argument("--stride", type=_count, help="step between windows in pixels (half of the window)")
    scene.add_argument(
        "--offset",
        type=_offset,
        help="numbers that are added to red, green and blue before they are scaled, such as 30,45,75 (0,0,0); if the "
        "first is negative, write --offset=-30,45,75",
    )
    scene.add_argument("--nodata", type=float, help="value of pixels without data, such as 0 (what the scene says)")
    scene.add_argument(
        "--max-nodata",
        type=float,
        help=f"windows with a larger share of pixels without data are left out ({MAX_NODATA})",
    )
    scene.add_argument(
        "--dense",
        choices=("auto", "never"),
        help="auto takes one feature map for many windows if the stride is small: faster, and less exact (auto)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Classify images, or map a scene.

    Raises:
        SystemExit: images could not be read. The others are classified.
        UserError: an input, the model or an option cannot be used.
    """
    from eurosat_transfer.pipeline.named_files import check_is_no_output

    for option, path in (("--map", arguments.map), ("--output", arguments.output)):
        if path is not None and Path("dvc.yaml").exists():  # a model can be used in any folder
            check_is_no_output(option, str(path))
    if arguments.map is None:
        if used := [name for name in FOR_MAPS if getattr(arguments, name) is not None]:
            option = used[0].replace("_", "-")
            raise UserError(f"--{option} is only for a map of a scene; add --map FOLDER, or leave it out")
        _classify_images(arguments)
    else:
        _map_scene(arguments)


def _map_scene(arguments: argparse.Namespace) -> None:
    from eurosat_transfer.prediction.saved_model import load_model
    from eurosat_transfer.prediction.scene_map import MapOptions
    from eurosat_transfer.prediction.scene_reader import NO_OFFSET
    from eurosat_transfer.reporting.map_folder import write_map

    if len(arguments.inputs) != 1:
        raise UserError(f"--map takes one scene (found {len(arguments.inputs)} inputs); map one after the other")
    if arguments.output is not None:
        raise UserError("--output is not for a map, whose files go to the folder of --map; leave one of both out")
    options = MapOptions(
        window=arguments.window,
        stride=arguments.stride,
        bands=arguments.bands,
        scale=arguments.scale,
        offset=arguments.offset or NO_OFFSET,
        nodata=arguments.nodata,
        max_nodata=MAX_NODATA if arguments.max_nodata is None else arguments.max_nodata,
        force=arguments.force,
        precision=arguments.precision,
        dense=arguments.dense or "auto",
    )
    scene, model = Path(arguments.inputs[0]), load_model(arguments.model)
    summary = write_map(model, scene, arguments.map, options, arguments.coverage, scene.stem)
    total = int(summary.pixels.sum())
    for name, pixels in sorted(zip(summary.classes, summary.pixels.tolist(), strict=True), key=lambda row: -row[1]):
        print(f"{name:24} {pixels / total:6.1%}")
    print(f"unsure: {summary.unsure.sum() / total:.1%} of the map, unfamiliar: {summary.unfamiliar.sum() / total:.1%}")
    if summary.unfamiliar.sum() > MOSTLY * total:
        print("Most of the map does not look like the training tiles. docs/map.md says what helps: --scale, --offset")
    if summary.pixel_hectares is None:
        print("areas.csv has pixels instead of hectares, because the scene has no coordinate system in metres")
    print(f"map: {arguments.map}")


def _classify_images(arguments: argparse.Namespace) -> None:
    """Classify the images.

    Raises:
        SystemExit: images could not be read. The others are classified.
        UserError: an input, the model or an option cannot be used.
    """
    import numpy as np

    from eurosat_transfer.data.rendering import Rendering
    from eurosat_transfer.evaluation.conformal import score_threshold
    from eurosat_transfer.prediction.output import Rules, check_replaceable, check_suffix, unreadable_file
    from eurosat_transfer.prediction.run import predict_files
    from eurosat_transfer.prediction.saved_model import load_model
    from eurosat_transfer.prediction.sources import find_sources

    output = arguments.output or OUTPUT
    check_suffix(output)
    check_replaceable(output)
    model = load_model(arguments.model)
    description = model.description
    threshold = score_threshold(np.array(description.calibration_scores), arguments.coverage)
    rules = Rules(description.classes, threshold, description.distance_threshold)
    rendering = Rendering(arguments.bands or description.bands, arguments.scale or description.scale)
    sources = find_sources(arguments.inputs)
    with _start_predictor(model, rendering, arguments.precision) as predictor:
        done = predict_files(sources, output, model, rendering, rules, predictor, arguments.force, arguments.precision)
    count, unreadable = done.images, done.unreadable
    if read := count - unreadable:
        print(f"unsure: {done.unsure / read:.1%} of the images, unfamiliar: {done.unfamiliar / read:.1%}")
        if done.unfamiliar > MOSTLY * read:
            print("Most of the images do not look like the training tiles: see --bands and --scale, and docs/sure.md")
    print(f"predictions of {read:,} images: {output}")
    if unreadable:
        sys.exit(f"error: {unreadable:,} of {count:,} images cannot be read; see {unreadable_file(output)}")


@contextmanager
def _start_predictor(model: "SavedModel", rendering: "Rendering", precision: "Precision") -> "Iterator[Predictor]":
    """Prepare this machine, or the cluster at RAY_ADDRESS."""
    if os.environ.get("RAY_ADDRESS"):
        from eurosat_transfer.io.ray_cluster import RayCluster
        from eurosat_transfer.prediction.cluster import ClusterPredictor

        with RayCluster() as cluster:
            yield ClusterPredictor(cluster, model, rendering, precision)
    else:
        from eurosat_transfer.prediction.inference import Classifier
        from eurosat_transfer.prediction.predictor import LocalPredictor

        classifier = Classifier(model.onnx, tile_size=model.description.tile_size, precision=precision)
        yield LocalPredictor(classifier, rendering)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: a whole number, 1 or more")
    return int(text)


def _offset(text: str) -> tuple[float, float, float]:
    try:
        red, green, blue = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not possible; allowed: three numbers, such as 30,45,75"
        ) from None
    if not all(map(math.isfinite, (red, green, blue))):
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: finite numbers")
    return red, green, blue


def _bands(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: three numbers, such as 3,2,1") from None
    if min(red, green, blue) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: 1 or more")
    return red, green, blue


def _scale(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: two numbers, such as 0,2750") from None
    if not low < high < float("inf") or low == -float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not possible; allowed: a lower number before a higher one")
    return low, high
