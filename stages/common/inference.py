"""A network applied to encoded images.

Without a GPU by OpenVINO, which needs two thirds of the time that TensorFlow does (python -m benchmarks) and whose
results depend neither on the number of cores nor on the other images of a batch.
"""

import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from itertools import chain
from pathlib import Path

import numpy as np
import openvino
from tqdm import tqdm

from stages.common import backbones
from stages.common.accelerators import gpus
from stages.common.backbones import Preprocess
from stages.common.images import decode
from stages.common.stage import UserError
from stages.common.tensorflow import keras, reproducible, tf, untuned

BATCH, BATCH_SMALL = 8, 32  # images: as fast as larger ones, and each core has two batches of its own in memory
SMALL = 112  # pixels a side


def apply(network: "Network", images: np.ndarray, name: str, look: Callable = tf.identity) -> np.ndarray:
    """Apply a network to encoded images, behind a progress bar.

    Args:
        images: object, (n,), bytes.
        name: of the images, for the bar.
        look: as of Network.stream.

    Returns:
        float32, (n, d).

    Raises:
        UserError: an image does not decode.
    """
    rows = network.stream(images, look)
    return np.stack(list(tqdm(rows, name, len(images), unit="image", mininterval=1, disable=None)))


def load(preprocess: bool, folder: Path = Path("data/backbone"), threads: int = 0) -> "Network":
    """Load the network that the backbone stage saved.

    Args:
        preprocess: do to its images what it was trained on.
        threads: as of Network.
    """
    reproducible(0)  # nothing here is random; the operations must not be either
    model, prepare = backbones.load(folder)
    return Network(model, prepare if preprocess else tf.identity, threads=threads)


class Network:
    """A model in inference mode, compiled once, when the first image comes, for any number of streams of images.

    One compiled shape: the last batch of a stream is filled up with copies and its surplus results dropped.
    """

    def __init__(self, model: keras.Model, prepare: Preprocess, threads: int = 0):
        """Take a model.

        Args:
            model: float32, (n, size, size, 3) -> (n, d); its weights must not change any more.
            prepare: what to do to batches first, float32, RGB, 0 to 255.
            threads: on a CPU; 0: as many as it has cores.
        """
        self.threads, self.width = threads, model.output_shape[1]
        self.model, self.prepare = model, prepare
        self.batch = BATCH_SMALL if model.input_shape[1] <= SMALL else BATCH

    def stream(self, images: Iterable[bytes], look: Callable = tf.identity) -> Iterator[np.ndarray]:
        """Apply it to encoded images, which are read ahead, in a thread of its own, and decoded meanwhile.

        Args:
            look: what to do to each decoded image first.

        Yields:
            float32, (d,), for each image in turn.

        Raises:
            UserError: an image does not decode.
        """
        size, failed = self.model.input_shape[1], []

        def read() -> Iterator[bytes]:
            try:
                yield from images
            except Exception as error:  # tf.data would make its own of it
                failed.append(error)

        data = tf.data.Dataset.from_generator(read, output_signature=tf.TensorSpec((), tf.string))
        data = data.map(lambda encoded: look(decode(encoded, size)), num_parallel_calls=os.cpu_count())
        batches = untuned(data.batch(self.batch).prefetch(2)).as_numpy_iterator()
        try:
            first = next(batches, None)
            if first is not None:
                yield from self._run(chain([first], batches))
        except tf.errors.InvalidArgumentError as error:
            raise UserError(f"an image cannot be read: {error.message.splitlines()[0][:300]}") from None
        if failed:
            raise failed[0]

    @cached_property
    def _run(self) -> Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]:
        size, network = self.model.input_shape[1], keras.export.ExportArchive()
        network.track(self.model)
        infer = network.add_endpoint(
            "infer",
            lambda batch: self.model(self.prepare(batch), training=False),
            input_signature=[tf.TensorSpec((self.batch, size, size, 3), tf.float32)],
        )
        if gpus():
            return partial(_by_tensorflow, infer, self.batch)
        with tempfile.TemporaryDirectory() as folder:
            network.write_out(folder, verbose=False)
            # Several batches at once, and float32 also where the processor has something shorter.
            settings = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
            settings["INFERENCE_NUM_THREADS"] = self.threads
            settings["ENABLE_CPU_PINNING"] = False  # each process would take the first cores, however many there are
            compiled = openvino.Core().compile_model(folder, "CPU", settings)
            return partial(_by_openvino, compiled, self.batch)


def engine() -> list[str]:
    """Name what the last bits of results come from, besides the network and the image."""
    core = openvino.Core()
    cpu = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return [tf.__version__, openvino.__version__, keras.__version__, *map(str, [*gpus(), *cpu])]


def _by_tensorflow(infer: Callable, size: int, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for batch in batches:
        yield from infer(tf.constant(_filled(batch, size))).numpy()[: len(batch)]


def _by_openvino(compiled: openvino.CompiledModel, size: int, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    at_once = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    idle = [compiled.create_infer_request() for _ in range(2 * at_once)]  # as many wait: no core ever does
    busy = deque()
    for batch in batches:
        if not idle:
            yield from _result(busy, idle)
        busy.append((idle.pop(), len(batch)))
        busy[-1][0].start_async([_filled(batch, size)])
    while busy:
        yield from _result(busy, idle)


def _result(busy: deque, idle: list) -> np.ndarray:
    request, count = busy.popleft()
    request.wait()
    idle.append(request)
    return request.get_output_tensor().data[:count].copy()


def _filled(batch: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)]) if len(batch) < size else batch
