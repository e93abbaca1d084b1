"""How many images per second does `predict` classify, compared with OpenVINO that gets decoded images?

    python -m benchmarks.predict NAME FOLDER

This runs a contender. FOLDER has the model as model.onnx and the images as .jpg files.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.extraction import write_images
from benchmarks.rounds import Answer, Contender, interleave, ratio, serve, summary
from benchmarks.tables import Table

HELP = "images per second of `predict`, compared with OpenVINO by itself"
NETWORKS = {  # name in the table, with name, image size and options of the network
    "MobileNetV2 0.35 at 224, svm": ("mobilenetv2", 224, {"alpha": 0.35}),
    "tilenet at 64, svm": ("tilenet", 64, {}),
}
ROWS, CLASSES = 640, 10  # of the classifier: as many training images as in docs/results.md
BATCHES = (1, 4, 8, 16)  # images; OpenVINO is measured with the fastest
TRIED = 256  # images that batches are compared on
TILE_SIZE = (64, 64)
LEAST = 16  # images: one batch
TASK = 16  # images that a thread decodes at a time
CONTENDERS = {
    "project": "this project",
    "openvino": "OpenVINO",
    "openvino-pillow": "OpenVINO and Pillow",
}
DENSE_STRIDES = (16, 8)  # pixels
DENSE_SCENE = (900, 1600)  # height and width in pixels
MAX_NODATA = 0.1
OUTPUTS = ("probabilities", "distance")
SETTINGS = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument("--predict-images", type=int, default=3_072, help="predict: images per round (3072)")


def run(options: argparse.Namespace) -> list[Table]:
    """Measure each network with the same images, and make one table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), options.predict_images, options.zip)
        for name, network in NETWORKS.items():
            write_model(Path(folder) / "model.onnx", *network)
            rows += compare(name, Path(folder), options.rounds)
        dense_rows = []
        for name, network in NETWORKS.items():
            write_model(Path(folder) / "model.onnx", *network)
            dense_rows += [compare_dense(name, Path(folder), stride, options.rounds) for stride in DENSE_STRIDES]
    return [table(rows, options.predict_images, options.rounds), dense_table(dense_rows, options.rounds)]


def write_model(path: Path, name: str, image_size: int, options: dict) -> None:
    """Export a classifier with random weights: a network with an SVM, as the stage model does.

    Args:
        path: of the ONNX file.
        name: of the network, as for build_backbone.
        image_size: as for build_backbone.
        options: as for build_backbone.
    """
    from eurosat_transfer.evaluation.familiarity import fit_familiarity
    from eurosat_transfer.models.heads import build_classifier_head
    from eurosat_transfer.models.onnx_export import export_classifier
    from eurosat_transfer.models.saved_classifier import SavedClassifier
    from eurosat_transfer.models.svm import fit_calibrated_svm
    from eurosat_transfer.networks.backbones import build_backbone, find_preprocess
    from eurosat_transfer.tensorflow_setup import keras

    keras.utils.set_random_seed(0)
    network = build_backbone(name, image_size, options)
    width = network.output_shape[1]
    rng = np.random.default_rng(0)
    y = np.arange(ROWS) % CLASSES
    X = (rng.normal(0, 1, (ROWS, width)) + rng.normal(0, 2, (CLASSES, width))[y]).astype(np.float32)
    head = build_classifier_head(fit_calibrated_svm(X, y, "rbf", 10)[0], CLASSES)
    classifier = SavedClassifier(network, find_preprocess(name), head, False, X, ("train",), None)
    familiarity = fit_familiarity(X, rng.normal(0, 1, (ROWS, 6)))
    path.write_bytes(export_classifier(classifier, familiarity).SerializeToString(deterministic=True))


def compare(name: str, folder: Path, rounds: int) -> list[dict]:
    """Measure both contenders in turn, each in its own process, and return their rows of the table."""
    contenders = {}
    try:
        for key in CONTENDERS:
            contenders[key] = Contender("benchmarks.predict", key, str(folder))
        seconds = {key: [] for key in contenders}

        def ask(key: str) -> float:
            answer = contenders[key].measure()
            seconds[key].append(answer["cpu"])
            return answer["rate"]

        measured = interleave({key: lambda key=key: ask(key) for key in contenders}, rounds)
    finally:
        for contender in contenders.values():
            contender.close()
    first = {key: np.array(contender.about["first"]) for key, contender in contenders.items()}
    return [
        {
            "network": name,
            "program": called,
            "images/s": summary(measured[key])["median"],
            "min": min(measured[key]),
            "max": max(measured[key]),
            "/ OpenVINO": ratio(measured[key], measured["openvino"]),
            "CPU ms per image": 1000 * summary(seconds[key])["median"],
            "batch": contenders[key].about["batch"],
            "probabilities differ by": float(np.abs(first[key] - first["openvino"]).max()),
            "rounds": measured[key],
        }
        for key, called in CONTENDERS.items()
    ]


def compare_dense(name: str, folder: Path, stride: int, rounds: int, size: tuple[int, int] = DENSE_SCENE) -> dict:
    """Classify the windows of a drawn scene in both ways in turn, and return a row of the table.

    Args:
        name: of the network, for the table.
        folder: with the model as model.onnx.
        stride: of the windows in pixels.
        rounds: number of measurements of each way.
        size: height and width of the scene in pixels.
    """
    from eurosat_transfer.data.drawings.scene import draw_scene, write_scene
    from eurosat_transfer.data.rendering import Rendering
    from eurosat_transfer.prediction.dense_windows import DenseWindows
    from eurosat_transfer.prediction.inference import Classifier
    from eurosat_transfer.prediction.network_parts import divide_network
    from eurosat_transfer.prediction.scene_reader import open_scene
    from eurosat_transfer.prediction.scene_windows import classify_rows
    from eurosat_transfer.prediction.window_grid import make_grid

    height, width = size
    image = np.concatenate([np.concatenate([draw_scene(3 * y + x)[0][:, :560] for x in (0, 1, 2)], 1) for y in (0, 1)])
    write_scene(folder / "scene.tif", image[:height, :width])
    onnx = folder / "model.onnx"
    classifier, parts = Classifier(onnx, tile_size=TILE_SIZE), divide_network(onnx)
    with open_scene(folder / "scene.tif", Rendering()) as scene:
        grid = make_grid(height, width, TILE_SIZE[0], stride)
        count = grid.shape[0] * grid.shape[1]
        dense = DenseWindows(scene, grid, parts, "float32")
        start = time.perf_counter()
        correction = dense.learn(MAX_NODATA)
        learning = time.perf_counter() - start
        found = {}

        def measure(way: str) -> float:
            everything = range(grid.shape[0])
            start = time.perf_counter()
            if way == "dense":
                rows = list(dense.classify_rows(everything, classifier, MAX_NODATA))
            else:
                rows = list(classify_rows(scene, grid, everything, classifier, MAX_NODATA))
            seconds = time.perf_counter() - start
            found[way] = np.concatenate([row.probabilities for _, row in rows]).argmax(axis=1)
            return count / seconds

        rates = interleave({way: lambda way=way: measure(way) for way in ("sliding", "dense")}, rounds)
    return {
        "network": name,
        "stride": stride,
        "windows": count,
        "sliding: windows/s": summary(rates["sliding"])["median"],
        "dense: windows/s": summary(rates["dense"])["median"],
        "/ sliding": ratio(rates["dense"], rates["sliding"]),
        "equal classes": float((found["dense"] == found["sliding"]).mean()),
        "one by one": correction.doubtful,
        "s to learn": learning,
        "rounds": rates,
    }


def dense_table(rows: list[dict], rounds: int) -> Table:
    """Make the table of maps in both ways."""
    notes = [
        f"Windows of {TILE_SIZE[0]} pixels on a drawn scene of {DENSE_SCENE[1]} x {DENSE_SCENE[0]} pixels, in both "
        f"ways in turn, {rounds} rounds. The networks have random weights, and their classes mean nothing. Equal "
        "classes: the share of windows. One by one: the share of a sample that the dense way classifies as the sliding "
        "way does. The time to learn from this sample is not in the rates. docs/map.md measures a real scene.",
    ]
    return Table("Maps: dense beside sliding", [c for c in rows[0] if c != "rounds"], rows, notes)


def table(rows: list[dict], images: int, rounds: int) -> Table:
    """Build the table.

    Args:
        rows: of all networks.
        images: number of images per round.
        rounds: number of rounds.
    """
    notes = [
        f"{images:,} JPEG images of 64x64 pixels per round, {rounds} rounds. Ratios are medians of the ratios within a "
        "round. The networks have random weights.",
        '"CPU ms per image" counts the time of all cores. It depends less on other programs on the machine.',
        "OpenVINO runs an AsyncInferQueue, compiled for the size of the images, with the fastest batch of "
        f"{', '.join(map(str, BATCHES))} images.",
        'For "OpenVINO", all images are decoded before the timing begins. "this project" and "OpenVINO and Pillow" '
        "read and decode the files. Where the network is small, decoding is a large part of the work, and no program "
        "that reads files can be as fast as one that does not.",
    ]
    return Table("Predictions: images per second", [c for c in rows[0] if c != "rounds"], rows, notes)


def set_up_project(folder: Path) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare what the command `predict` does between finding the images and writing the output."""
    from eurosat_transfer.data.rendering import Rendering
    from eurosat_transfer.prediction.inference import BATCH, Classifier
    from eurosat_transfer.prediction.predictor import LocalPredictor
    from eurosat_transfer.prediction.progress import Progress
    from eurosat_transfer.prediction.sources import find_sources

    predictor = LocalPredictor(Classifier(folder / "model.onnx", tile_size=TILE_SIZE), Rendering())

    def predict() -> tuple[float, float, np.ndarray]:
        with Progress(folder / "predictions.csv", "", find_sources([str(folder)])) as progress:
            start, cpu = time.perf_counter(), time.process_time()
            for results in predictor.predict(progress.remaining()):
                progress.add(results)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            first, count = next(progress.results()).probabilities, progress.count
            progress.delete()
        return count / seconds, cpu / count, first

    def measure() -> Answer:
        rate, cpu, _ = predict()
        return {"rate": rate, "cpu": cpu}

    *_, first = predict()
    return {"batch": BATCH, "first": first.tolist()}, measure


def set_up_openvino(folder: Path) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare OpenVINO with decoded images."""
    images = [_read(path) for path in sorted(folder.glob("*.jpg"))]
    return _set_up_openvino(folder, lambda count: iter(images[:count]))


def set_up_openvino_pillow(folder: Path) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare OpenVINO with images that Pillow decodes in threads during the inference."""
    paths = sorted(folder.glob("*.jpg"))
    pool = ThreadPoolExecutor()

    def read(count: int | None) -> Iterator[np.ndarray]:
        tasks = _groups(paths[:count], TASK)
        for images in pool.map(lambda task: [_read(path) for path in task], tasks):
            yield from images

    return _set_up_openvino(folder, read)


def _read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def _set_up_openvino(
    folder: Path, read: Callable[[int | None], Iterator[np.ndarray]]
) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare OpenVINO with the fastest batch.

    Source: https://docs.openvino.ai/2025/openvino-workflow/running-inference/optimize-inference.html
    """
    from eurosat_transfer.openvino_setup import openvino

    core, compiled = openvino.Core(), {}
    for batch in BATCHES:
        model = core.read_model(folder / "model.onnx")
        model.reshape([batch, *TILE_SIZE, 3])
        compiled[batch] = core.compile_model(model, "CPU", SETTINGS)
    tried = {batch: [_infer(compiled[batch], read(TRIED), batch)[0] for _ in range(3)] for batch in BATCHES}
    batch = max(BATCHES, key=lambda batch: max(tried[batch]))
    *_, first = _infer(compiled[batch], read(None), batch)

    def measure() -> Answer:
        rate, cpu, _ = _infer(compiled[batch], read(None), batch)
        return {"rate": rate, "cpu": cpu}

    return {"batch": batch, "first": first.tolist()}, measure


def _infer(compiled, images: Iterator[np.ndarray], batch: int) -> tuple[float, float, np.ndarray]:
    """Classify images: images per second, CPU seconds per image, and the first image's probabilities."""
    from eurosat_transfer.openvino_setup import openvino

    results, count = {}, 0
    queue = openvino.AsyncInferQueue(compiled)
    queue.set_callback(
        lambda request, start: results.update({start: [request.get_tensor(name).data.copy() for name in OUTPUTS]})
    )
    began, cpu = time.perf_counter(), time.process_time()
    for group in _groups(images, batch):
        if len(group) == batch:  # a batch that is not full would not fit the model
            queue.start_async([np.stack(group)], count)
            count += batch
    queue.wait_all()
    rate, cpu = count / (time.perf_counter() - began), (time.process_time() - cpu) / count
    if sum(len(of[0]) for of in results.values()) != count:
        raise RuntimeError(f"{len(results)} results for {count} images")
    return rate, cpu, results[0][0][0]


def _groups(items: Iterable, size: int) -> Iterator[list]:
    items = iter(items)
    return iter(lambda: list(islice(items, size)), [])


if __name__ == "__main__":
    set_ups = {"project": set_up_project, "openvino": set_up_openvino, "openvino-pillow": set_up_openvino_pillow}
    serve(lambda: set_ups[sys.argv[1]](Path(sys.argv[2])))
