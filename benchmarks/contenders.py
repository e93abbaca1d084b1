"""Programs that compute a network's features from JPEG images, each with its best settings on this machine.

    python -m benchmarks.contenders NAME NETWORK FOLDER

NETWORK is a Network as JSON. FOLDER has the images as .jpg files. Programs compute in float32 if
their names do not say bfloat16.

Each program returns a stream of features. It is timed from the image number WARM to the last image: by then its
pipeline is full and everything is compiled. If the best settings depend on the machine, a program has several
candidates. Each candidate is timed on the first images, and the fastest one is measured.
"""

import atexit
import functools
import json
import os
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.rounds import Answer, serve

WARM = 64  # images before the timing of a stream begins; at most half of all images
TRIED = 192  # images that candidates are compared on
PIXEL_SIZE = 32  # of the small copies that the stage extract computes beside the features, as in params.yaml
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

Stream = Callable[[list[bytes]], Iterable[np.ndarray]]  # images -> features of each image in order, float32, (d,)


class Network(NamedTuple):
    """A network that both Keras Applications and torchvision have.

    Attributes:
        keras: its constructor in Keras Applications.
        module: the module of that constructor.
        torch: its constructor in torchvision.
        size: side of the images in pixels.
    """

    keras: str
    module: str
    torch: str
    size: int


class Candidate(NamedTuple):
    """A program with its settings.

    Attributes:
        settings: description for the table.
        make: builds and compiles the program.
    """

    settings: str
    make: Callable[[], Stream]


def keras_network(network: Network) -> tuple:
    """Build a network with Keras, with the same random weights every time.

    Returns:
        The network, and its preprocess_input function.
    """
    import keras

    keras.utils.set_random_seed(0)
    module = getattr(keras.applications, network.module)
    shape = (network.size, network.size, 3)
    model = getattr(module, network.keras)(include_top=False, weights=None, pooling="avg", input_shape=shape)
    return model, module.preprocess_input


def operations(model) -> int:
    """Count the floating-point operations of a Keras network for one image.

    Each weight of a kernel takes one multiplication and one addition at each position.
    """
    count = 0
    for layer in model.layers:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            positions = layer.output.shape[1:-1]  # empty for a dense layer
            count += 2 * int(np.prod(positions)) * int(np.prod(kernel.shape))
    return count


def project(network: Network, precision: str = "float32") -> list[Candidate]:
    """Run what the stage extract runs, which also computes a small copy of each image."""

    def make() -> Stream:
        from eurosat_transfer.features import inference
        from eurosat_transfer.networks.backbones import build_backbone, find_preprocess
        from eurosat_transfer.precision import usable_precision
        from eurosat_transfer.tensorflow_setup import keras

        if usable_precision(precision) != precision:
            raise RuntimeError(f"this processor has no {precision}")
        keras.utils.set_random_seed(0)
        model = build_backbone(network.keras.lower(), network.size, {})
        preprocess = find_preprocess(network.keras.lower())

        @functools.cache
        def build(*calibration: bytes) -> inference.Network:
            return inference.Network(model, preprocess, precision=precision, calibration=calibration)

        def run(images: list[bytes]) -> Iterator[np.ndarray]:
            built = build(*images[:WARM] if precision == "int8" else ())
            return (extracted.features for extracted in built.extract(enumerate(images), PIXEL_SIZE))

        return run

    return [Candidate("as the stage extract runs it", make)]


def lab(network: Network) -> list[Candidate]:
    """Run the loop of the university lab as it is written: Keras' predict on 32 images, without preprocess_input."""

    def make() -> Stream:
        model, _ = keras_network(network)
        import tensorflow as tf

        model.compile(loss="binary_crossentropy", optimizer="sgd")

        def run(images: list[bytes]) -> Iterator[np.ndarray]:
            data = tf.data.Dataset.from_tensor_slices(images)
            data = data.map(lambda image: tf.io.decode_jpeg(image, 3), tf.data.AUTOTUNE)  # as TFDS does
            for batch in data.batch(32).prefetch(tf.data.AUTOTUNE):
                yield from model.predict(tf.image.resize(batch, (network.size, network.size)), verbose=False)

        return run

    return [Candidate("predict, batch 32", make)]


def tf_function(network: Network) -> list[Candidate]:
    """Run a tf.function on batches from tf.data."""
    import tensorflow as tf

    def make(batch: int) -> Stream:
        model, prepare = keras_network(network)

        @tf.function(input_signature=[tf.TensorSpec((None, network.size, network.size, 3))])
        def infer(images):
            return model(prepare(images), training=False)

        def decode(image):
            return tf.image.resize(tf.io.decode_jpeg(image, 3), (network.size, network.size))

        def run(images: list[bytes]) -> Iterator[np.ndarray]:
            data = tf.data.Dataset.from_tensor_slices(images).map(decode, tf.data.AUTOTUNE)
            for images_of_batch in data.batch(batch).prefetch(2):
                yield from infer(images_of_batch).numpy()

        return run

    return [Candidate(f"batch {batch}", lambda batch=batch: make(batch)) for batch in (8, 32)]


def onnx_runtime(network: Network) -> list[Candidate]:
    """Run ONNX Runtime on the converted network, with all threads on one batch or one thread on each of several."""
    import onnxruntime
    import tensorflow  # noqa: F401, so that the time of the import is measured for every candidate
    import tf2onnx

    def make(batch: int, at_once: int) -> Stream:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/network.onnx"
            _, function, signature = _function(network, batch)
            tf2onnx.convert.from_function(function, signature, opset=18, output_path=path)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = CORES // at_once
            session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def infer(images: np.ndarray) -> np.ndarray:
            return session.run(None, {name: images})[0]

        return lambda images: _in_order(images, network.size, batch, infer, at_once)

    settings = [(8, 1), (32, 1)] + [(8, CORES)] * (CORES > 1)
    return [Candidate(f"batch {b}, {n} at once", lambda b=b, n=n: make(b, n)) for b, n in settings]


def openvino(network: Network, precision: str = "f32") -> list[Candidate]:
    """Run OpenVINO with AsyncInferQueue and the THROUGHPUT hint.

    Source: https://docs.openvino.ai/2025/openvino-workflow/running-inference/optimize-inference.html
    """
    import keras

    from eurosat_transfer.openvino_setup import openvino as ov

    # A model that is freed while the end of a callback waits for Python's lock deadlocks. wait_all() does not wait for
    # that end, so all models are kept until the program ends.
    kept: list[ov.CompiledModel] = []
    atexit.register(kept.clear)

    def make(batch: int) -> Stream:
        model, function, signature = _function(network, batch)
        with tempfile.TemporaryDirectory() as folder:
            archive = keras.export.ExportArchive()
            archive.track(model)
            archive.add_endpoint("serve", function, signature)
            archive.write_out(folder, verbose=False)
            settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
            compiled = ov.Core().compile_model(ov.convert_model(folder), "CPU", settings)
        kept.append(compiled)

        def run(images: list[bytes]) -> Iterator[np.ndarray]:
            results = [Future() for _ in range(0, len(images), batch)]
            queue = ov.AsyncInferQueue(compiled)
            queue.set_callback(
                lambda request, number: results[number].set_result(request.output_tensors[0].data.copy())
            )

            def feed() -> None:
                try:
                    for number, images_of_batch in enumerate(_decoded(images, network.size, batch)):
                        queue.start_async([images_of_batch], number)
                    queue.wait_all()
                except Exception as error:  # otherwise the loop below would wait for a result forever
                    for result in results:
                        if not result.done():
                            result.set_exception(error)

            feeder = threading.Thread(target=feed, daemon=True)
            feeder.start()
            rows = (row for result in results for row in result.result())
            yield from islice(rows, len(images))
            feeder.join()

        return run

    return [Candidate(f"batch {batch}", lambda batch=batch: make(batch)) for batch in (8, 16, 32)]


def torchvision(network: Network, bfloat16: bool = False) -> list[Candidate]:
    """Run torchvision's network with channels last, compiled by Inductor or by TorchScript."""
    import torch
    import torch._inductor.config
    from torchvision import models

    torch._inductor.config.freezing = True

    class Prepared(torch.nn.Module):
        """The network for decoded images, uint8, channels last."""

        def __init__(self):
            """Build the network with strides as in Keras, and the normalisation of its images."""
            super().__init__()
            torch.manual_seed(0)
            self.network = getattr(models, network.torch)(weights=None)
            setattr(self.network, "fc" if hasattr(self.network, "fc") else "classifier", torch.nn.Identity())
            # torchvision's ResNet has its strides one layer later than Keras', which takes 6 % more operations.
            for module in self.network.modules():
                if isinstance(module, models.resnet.Bottleneck):
                    module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
            self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).reshape(3, 1, 1))
            self.register_buffer("deviation", torch.tensor([58.395, 57.12, 57.375]).reshape(3, 1, 1))

        def forward(self, images):
            """Normalise images and apply the network."""
            return self.network((images.permute(0, 3, 1, 2).float() - self.mean) / self.deviation)

    def make(batch: int, inductor: bool) -> Stream:
        model = Prepared().eval().to(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16, cache_enabled=False):
            if inductor:
                faster = torch.compile(model)
            else:
                example = torch.zeros(batch, network.size, network.size, 3, dtype=torch.uint8)
                faster = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))

        def infer(images: np.ndarray) -> np.ndarray:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                return faster(torch.from_numpy(images)).float().numpy()

        return lambda images: _in_order(images, network.size, batch, infer, 1)

    settings = [(batch, inductor) for inductor in (True, False) for batch in (8, 32)]
    names = {True: "torch.compile, frozen", False: "TorchScript"}
    return [Candidate(f"{names[i]}, batch {b}", lambda b=b, i=i: make(b, i)) for b, i in settings]


CONTENDERS: dict[str, tuple[str, Callable[[Network], list[Candidate]], tuple[str, ...]]] = {
    "project": ("this project", project, ("openvino", "tensorflow")),
    "lab": ("the lab's loop", lab, ("keras", "tensorflow")),
    "tf_function": ("tf.function", tf_function, ("tensorflow",)),
    "onnx_runtime": ("ONNX Runtime", onnx_runtime, ("onnxruntime",)),
    "openvino": ("OpenVINO", openvino, ("openvino",)),
    "torchvision": ("torchvision", torchvision, ("torchvision", "torch")),
    "project-bfloat16": ("this project, bfloat16", partial(project, precision="bfloat16"), ("openvino", "tensorflow")),
    "project-int8": ("this project, int8", partial(project, precision="int8"), ("openvino", "nncf")),
    "openvino-bfloat16": ("OpenVINO, bfloat16", partial(openvino, precision="bf16"), ("openvino",)),
    "torchvision-bfloat16": ("torchvision, bfloat16", partial(torchvision, bfloat16=True), ("torchvision", "torch")),
}  # name in tables, candidates, packages whose versions the table names


def set_up(name: str, network: Network, folder: Path) -> tuple[Answer, Callable[[], Answer]]:
    """Choose the fastest candidate of a program.

    Args:
        name: of the program in CONTENDERS.
        network: the network.
        folder: has the images as .jpg files.

    Returns:
        What is known about the candidate: settings, versions, failures (of other candidates), seconds (from the imports
        to the first features), first (the features of the first image), operations (of the network for one image; only
        this project reports it). And a function that measures once: {"rate": images per second}.

    Raises:
        ModuleNotFoundError: a package is not installed.
        RuntimeError: no candidate works.
    """
    images = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    start = time.perf_counter()
    _, ways, packages = CONTENDERS[name]
    candidates = ways(network)
    imported = time.perf_counter() - start
    best, failures = None, []
    for settings, make in candidates:
        start = time.perf_counter()
        try:
            run = make()
            rows = iter(run(images[:WARM]))
            first = next(rows)
            seconds = imported + time.perf_counter() - start
            deque(rows, maxlen=0)  # run to the end, so that nothing runs in the background
            rate = timed(run, images[:TRIED]) if len(candidates) > 1 else 0
        except ModuleNotFoundError:
            raise
        except Exception as error:  # for example no C++ compiler for torch.compile; other candidates may work
            failures.append(f"{settings}: {type(error).__name__}: {str(error)[:300]}")
            continue
        if best is None or rate > best[0]:
            best = rate, run, settings, seconds, first
    if best is None:
        raise RuntimeError("; ".join(failures))
    _, run, settings, seconds, first = best
    about = {
        "settings": settings,
        "versions": ", ".join(f"{package} {version(package).partition('+')[0]}" for package in packages),
        "seconds": seconds,
        "failures": failures,
        "first": first.tolist(),
        "operations": operations(keras_network(network)[0]) if name == "project" else None,
    }
    return about, lambda: {"rate": timed(run, images)}


def timed(run: Stream, images: list[bytes]) -> float:
    """Measure images per second, from the image number WARM to the last one."""
    warm, count = min(WARM, len(images) // 2), 0
    for count, _ in enumerate(run(images), 1):
        if count == warm:
            start = time.perf_counter()
    if count != len(images):
        raise RuntimeError(f"{count} rows for {len(images)} images")
    return (count - warm) / (time.perf_counter() - start)


def _function(network: Network, batch: int) -> tuple:
    """Build a Keras network, a tf.function that applies it to decoded images, uint8, and the function's signature."""
    import tensorflow as tf

    model, prepare = keras_network(network)
    signature = [tf.TensorSpec((batch, network.size, network.size, 3), tf.uint8, name="images")]

    @tf.function(input_signature=signature)
    def function(images):
        return model(prepare(tf.cast(images, tf.float32)), training=False)

    return model, function, signature


def _in_order(
    images: list[bytes], size: int, batch: int, infer: Callable[[np.ndarray], np.ndarray], at_once: int
) -> Iterator[np.ndarray]:
    """Apply infer to several batches in parallel, while later batches are decoded."""
    rows = (row for result in _ahead(infer, _decoded(images, size, batch), at_once) for row in result)
    return islice(rows, len(images))


def _decoded(images: list[bytes], size: int, batch: int) -> Iterator[np.ndarray]:
    """Decode and resize images with Pillow in threads: uint8, (batch, size, size, 3). The last batch is padded."""
    from PIL import Image

    def decode(encoded: list[bytes]) -> np.ndarray:
        pictures = [Image.open(BytesIO(image)).convert("RGB") for image in encoded]
        resized = [np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) for picture in pictures]
        return np.stack(resized + resized[-1:] * (batch - len(resized)))

    return _ahead(decode, (images[start : start + batch] for start in range(0, len(images), batch)), CORES)


def _ahead(function: Callable, items: Iterable, workers: int) -> Iterator:
    """Apply a function to items in threads, a few items ahead, and yield the results in order."""
    with ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


if __name__ == "__main__":
    serve(lambda: set_up(sys.argv[1], Network(*json.loads(sys.argv[2])), Path(sys.argv[3])))
