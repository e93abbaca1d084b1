"""A network applied to encoded images.

Without a GPU by OpenVINO, which needs two thirds of the time that TensorFlow does (python -m benchmarks) and whose
results depend neither on the number of cores nor on the other images of a batch.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
import openvino
from tqdm import tqdm

from stages.common.backbones import Preprocess
from stages.common.stage import UserError
from stages.common.tensorflow import keras, tf
from stages.common.tiles import decode

BATCH = 8  # as fast as larger ones, and each core has a batch of its own in memory


def apply(
    model: keras.Model, prepare: Preprocess, images: np.ndarray, name: str, look: Callable = tf.identity
) -> np.ndarray:
    """Apply a model, in inference mode, to encoded images, behind a progress bar.

    Args:
        model, prepare, look: as of stream.
        images: object, (n,), bytes.
        name: of the images, for the bar.

    Returns:
        float32, (n, d).

    Raises:
        UserError: an image does not decode.
    """
    rows = stream(model, prepare, images, look)
    return np.stack(list(tqdm(rows, name, len(images), unit="image", mininterval=1, disable=None)))


def stream(
    model: keras.Model, prepare: Preprocess, images: Iterable[bytes], look: Callable = tf.identity
) -> Iterator[np.ndarray]:
    """Apply a model, in inference mode, to encoded images, while they are being read and decoded.

    One compiled shape: the last batch is filled up with copies and its surplus results dropped.

    Args:
        model: float32, (n, size, size, 3) -> (n, d).
        prepare: what to do to batches first, float32, RGB, 0 to 255.
        images: read ahead, in a thread of its own.
        look: what to do to each decoded image before that.

    Yields:
        float32, (d,), for each image in turn.

    Raises:
        UserError: an image does not decode.
    """
    size, failed = model.input_shape[1], []

    def read() -> Iterator[bytes]:
        try:
            yield from images
        except Exception as error:  # tf.data would make its own of it
            failed.append(error)

    data = tf.data.Dataset.from_generator(read, output_signature=tf.TensorSpec((), tf.string))
    data = data.map(lambda encoded: look(decode(encoded, size)), num_parallel_calls=tf.data.AUTOTUNE)
    batches = data.batch(BATCH).prefetch(2).as_numpy_iterator()
    network = keras.export.ExportArchive()
    network.track(model)
    network.add_endpoint(
        "infer",
        lambda batch: model(prepare(batch), training=False),
        input_signature=[tf.TensorSpec((BATCH, size, size, 3), tf.float32)],
    )
    run = _by_tensorflow if tf.config.list_physical_devices("GPU") else _by_openvino
    try:
        first = next(batches, None)
        if first is not None:
            yield from run(network, chain([first], batches))
    except tf.errors.InvalidArgumentError as error:
        raise UserError(f"an image cannot be read: {error.message.splitlines()[0][:300]}") from None
    if failed:
        raise failed[0]


def engine() -> list[str]:
    """Name what the last bits of results come from, besides the network and the image."""
    gpus = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    core = openvino.Core()
    cpu = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return [tf.__version__, openvino.__version__, keras.__version__, *map(str, [*gpus, *cpu])]


def _by_tensorflow(network: keras.export.ExportArchive, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for batch in batches:
        yield from network.infer(tf.constant(_filled(batch))).numpy()[: len(batch)]


def _by_openvino(network: keras.export.ExportArchive, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        network.write_out(folder, verbose=False)
        # Several batches at once, and float32 also where the processor has something shorter.
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(folder, "CPU", settings)
    idle = [compiled.create_infer_request() for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))]
    busy = deque()
    for batch in batches:
        if not idle:
            yield from _result(busy, idle)
        busy.append((idle.pop(), len(batch)))
        busy[-1][0].start_async([_filled(batch)])
    while busy:
        yield from _result(busy, idle)


def _result(busy: deque, idle: list) -> np.ndarray:
    request, count = busy.popleft()
    request.wait()
    idle.append(request)
    return request.get_output_tensor().data[:count].copy()


def _filled(batch: np.ndarray) -> np.ndarray:
    return np.concatenate([batch, np.repeat(batch[-1:], BATCH - len(batch), axis=0)]) if len(batch) < BATCH else batch
