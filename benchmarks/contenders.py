"""Ways from JPEG bytes to a network's features, each at its best on this machine, all in float32.

    python -m benchmarks.contenders NAME NETWORK FOLDER

NETWORK is a Network as JSON, FOLDER has the images as .jpg. Each way gives features as a stream, and is timed from the
WARM-th image's to the last one's: pipelines are full by then, and nothing is compiled any more. Where the best settings
depend on the machine there are several candidates: each is tried on the first images, the fastest one stays.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.rounds import Answer, serve

WARM = 64  # images that a stream has given when its time begins; at most half of them
TRIED = 192  # images on which candidates are compared; only half of them count
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

Stream = Callable[[list[bytes]], Iterable[np.ndarray]]  # images -> float32, (d,), one an image, in order


class Network(NamedTuple):
    """A network that Keras Applications and torchvision both have."""

    keras: str  # as Keras calls it
    module: str  # in Keras Applications
    torch: str  # as torchvision calls it
    size: int  # pixels a side of its input


class Candidate(NamedTuple):
    """A way with its settings."""

    settings: str
    make: Callable[[], Stream]


def keras_network(network: Network) -> tuple:
    """Build a network by Keras, the same random weights every time; and what it wants done to its images."""
    import keras

    keras.utils.set_random_seed(0)
    module = getattr(keras.applications, network.module)
    shape = (network.size, network.size, 3)
    model = getattr(module, network.keras)(include_top=False, weights=None, pooling="avg", input_shape=shape)
    return model, module.preprocess_input


def operations(model) -> int:
    """Floating-point operations of a Keras network on one image: two for each weight, wherever it is applied."""
    count = 0
    for layer in model.layers:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            places = layer.output.shape[1:-1]  # none: a dense layer
            count += 2 * int(np.prod(places)) * int(np.prod(kernel.shape))
    return count


def project(network: Network) -> list[Candidate]:
    """Run what the stages extract and finetune run."""

    def make() -> Stream:
        from stages.common import backbones, inference
        from stages.common.tensorflow import keras

        keras.utils.set_random_seed(0)
        model = backbones.build(network.keras.lower(), network.size, {})
        return inference.Network(model, backbones.preprocess_for(network.keras.lower())).stream

    return [Candidate("as the stages run it", make)]


def lab(network: Network) -> list[Candidate]:
    """Run the lab's loop as it is written: 32 images at a time through Keras' predict, no preprocess_input."""

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
    """Run a tf.function behind tf.data."""
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
    """Run ONNX Runtime on the network as tf2onnx converts it, with all threads on one batch, or one on each of many."""
    import onnxruntime
    import tensorflow  # noqa: F401, so that its import counts whichever candidate stays
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


def openvino(network: Network) -> list[Candidate]:
    """Run OpenVINO as its documentation advises for throughput: AsyncInferQueue and the THROUGHPUT hint."""
    import keras
    import openvino as ov

    def make(batch: int) -> Stream:
        model, function, signature = _function(network, batch)
        with tempfile.TemporaryDirectory() as folder:
            archive = keras.export.ExportArchive()
            archive.track(model)
            archive.add_endpoint("serve", function, signature)
            archive.write_out(folder, verbose=False)
            settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
            compiled = ov.Core().compile_model(ov.convert_model(folder), "CPU", settings)

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
                except Exception as error:  # else whoever waits for a result would wait for ever
                    for result in results:
                        if not result.done():
                            result.set_exception(error)

            feeder = threading.Thread(target=feed, daemon=True)
            feeder.start()
            rows = (row for result in results for row in result.result())
            yield from islice(rows, len(images))
            feeder.join()  # whoever frees the model while a callback waits for Python's lock waits for ever

        return run

    return [Candidate(f"batch {batch}", lambda batch=batch: make(batch)) for batch in (8, 16, 32)]


def torchvision(network: Network) -> list[Candidate]:
    """Run torchvision's network, channels last, by Inductor with its weights frozen, or by TorchScript."""
    import torch
    import torch._inductor.config
    from torchvision import models

    torch._inductor.config.freezing = True

    class Prepared(torch.nn.Module):
        """The network on uint8 images, channels last, as they are decoded."""

        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.network = getattr(models, network.torch)(weights=None)
            setattr(self.network, "fc" if hasattr(self.network, "fc") else "classifier", torch.nn.Identity())
            for module in self.network.modules():  # torchvision's ResNet has its strides one layer later, for 6 % more
                if isinstance(module, models.resnet.Bottleneck):
                    module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
            self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).reshape(3, 1, 1))
            self.register_buffer("deviation", torch.tensor([58.395, 57.12, 57.375]).reshape(3, 1, 1))

        def forward(self, images):
            return self.network((images.permute(0, 3, 1, 2).float() - self.mean) / self.deviation)

    def make(batch: int, inductor: bool) -> Stream:
        model = Prepared().eval().to(memory_format=torch.channels_last)
        with torch.no_grad():
            if inductor:
                faster = torch.compile(model)
            else:
                example = torch.zeros(batch, network.size, network.size, 3, dtype=torch.uint8)
                faster = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, example)))

        def infer(images: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return faster(torch.from_numpy(images)).numpy()

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
}  # how it is called in tables, itself, packages whose versions matter


def set_up(name: str, network: Network, folder: Path) -> tuple[Answer, Callable[[], Answer]]:
    """Choose the fastest candidate, and give its measurement.

    Returns:
        {"settings", "versions", "failures" (of other candidates), "seconds" (imports, building and compiling, until the
        first features), "first" (the first image's features), "operations" (of the network on an image; this project's
        only)}; and what measures: {"rate"}, images a second.

    Raises:
        ModuleNotFoundError: a package that it needs is not installed.
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
            deque(rows, maxlen=0)  # nothing of it runs on
            rate = timed(run, images[:TRIED]) if len(candidates) > 1 else 0
        except ModuleNotFoundError:
            raise
        except Exception as error:  # such as no C++ compiler for torch.compile: the others are left
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
    """Images a second, from the WARM-th to the last."""
    warm, count = min(WARM, len(images) // 2), 0
    for count, _ in enumerate(run(images), 1):
        if count == warm:
            start = time.perf_counter()
    if count != len(images):
        raise RuntimeError(f"{count} rows for {len(images)} images")
    return (count - warm) / (time.perf_counter() - start)


def _function(network: Network, batch: int) -> tuple:
    """A Keras network, a tf.function of it on batches of decoded images, uint8, and that one's signature."""
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
    """Apply infer to batches, several at once, while later ones are being decoded."""
    rows = (row for result in _ahead(infer, _decoded(images, size, batch), at_once) for row in result)
    return islice(rows, len(images))


def _decoded(images: list[bytes], size: int, batch: int) -> Iterator[np.ndarray]:
    """Decode and resize by Pillow, in threads, ahead of need; uint8, (batch, size, size, 3), the last one filled up."""
    from PIL import Image

    def decode(encoded: list[bytes]) -> np.ndarray:
        pictures = [Image.open(BytesIO(image)).convert("RGB") for image in encoded]
        resized = [np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) for picture in pictures]
        return np.stack(resized + resized[-1:] * (batch - len(resized)))

    return _ahead(decode, (images[start : start + batch] for start in range(0, len(images), batch)), CORES)


def _ahead(function: Callable, items: Iterable, workers: int) -> Iterator:
    """Map in threads, in order, a few items ahead of what is asked for."""
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
