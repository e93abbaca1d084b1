"""A saved classifier, applied to decoded images by OpenVINO."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eurosat_transfer.errors import UserError
from eurosat_transfer.openvino_setup import openvino, shared_core
from eurosat_transfer.precision import HINTS, Precision, usable_precision

# Processor time on 2 cores, for tiles of 64x64: MobileNetV2 with an SVM is fastest with batches of 4. With 8 it is 8 %
# slower. With 1 it is a third slower, because each batch reads the constants of the classifier once. tilenet is fastest
# with 8, and 4 % slower with 4.
BATCH = 4  # images
LARGE = 512 * 512  # pixels; images with more would need too much memory in batches, so they come one by one


class Outputs(NamedTuple):
    """What a classifier says about n images.

    Attributes:
        probabilities: float32, (n, classes).
        distances: float32, (n,): from the training images.
    """

    probabilities: np.ndarray
    distances: np.ndarray


def batch_size(shape: tuple[int, ...]) -> int:
    """Return how many images of a shape (height, width, 3) make a batch."""
    return BATCH if shape[0] * shape[1] <= LARGE else 1


class Classifier:
    """A saved classifier. The results of an image depend neither on other images nor on the number of cores.

    Attributes:
        classes: number of classes.
    """

    def __init__(
        self,
        onnx: Path | bytes,
        threads: int = 0,
        tile_size: tuple[int, int] | None = None,
        precision: Precision = "float32",
    ):
        """Compile a classifier.

        Args:
            onnx: path of the ONNX file, or its content.
            threads: number of CPU threads; 0 uses all cores.
            tile_size: height and width of images that are classified faster: by 6 % with MobileNetV2, and by 20 % with
                tilenet. It changes the last bits of their results.
            precision: of the computation. A processor without bfloat16 computes in float32.

        Raises:
            UserError: the file is no model.
        """
        self._settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",  # several batches at a time
            "INFERENCE_PRECISION_HINT": HINTS[usable_precision(precision)],  # the default depends on the processor
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # every process would pin its threads to the same first cores
        }
        self._tile_shape = None if tile_size is None else (*tile_size, 3)
        self._compiled: dict[tuple[int, ...], openvino.CompiledModel] = {}
        try:
            self._model = shared_core().read_model(onnx)
            probabilities = self._compile(self._tile_shape or (1, 1, 3)).output("probabilities")
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            name = onnx if isinstance(onnx, Path) else "the model"
            raise UserError(f"{name} is not a readable ONNX model: {reason}") from None
        self.classes: int = probabilities.get_partial_shape()[1].get_length()

    def classify(self, batches: Iterable[np.ndarray]) -> Iterator[Outputs]:
        """Classify batches of images.

        Args:
            batches: uint8, (n, height, width, 3), RGB, with n from 1 to batch_size of their shape. The size of the
                images can differ between batches.

        Yields:
            The outputs of each batch, in order.
        """
        all_idle: dict[openvino.CompiledModel, list[openvino.InferRequest]] = {}
        busy: deque[_Busy] = deque()
        for images in batches:
            compiled = self._compile(images.shape[1:])
            idle = all_idle.get(compiled)
            if idle is None:
                parallel = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
                # OpenVINO runs half of these requests at a time and queues the other half, so that no core is idle.
                idle = all_idle[compiled] = [compiled.create_infer_request() for _ in range(2 * parallel)]
            while not idle:
                yield busy.popleft().finish()
            request = idle.pop()
            request.start_async([_fill(images)])
            busy.append(_Busy(request, len(images), idle))
        while busy:
            yield busy.popleft().finish()

    def _compile(self, shape: tuple[int, ...]) -> openvino.CompiledModel:
        """Compile the model for the shape (height, width, 3) of images: once for tiles, and once for all others."""
        size = shape if shape == self._tile_shape else (-1, -1, 3)
        batch = (batch_size(shape), *size)
        if batch not in self._compiled:
            model = self._model.clone()
            model.reshape(list(batch))
            self._compiled[batch] = shared_core().compile_model(model, "CPU", self._settings)
        return self._compiled[batch]

    def fingerprint(self) -> str:
        """Digest the outputs for fixed images. Other processors, libraries and settings change their last bits."""
        noise = np.random.default_rng(0).integers(0, 256, (BATCH, 64, 64, 3), np.uint8)
        digest = hashlib.sha256()
        for outputs in self.classify([noise]):
            digest.update(outputs.probabilities.tobytes() + outputs.distances.tobytes())
        return digest.hexdigest()


class _Busy(NamedTuple):
    """A request that runs, the number of its images, and where it goes when it is finished."""

    request: openvino.InferRequest
    images: int
    idle: list[openvino.InferRequest]

    def finish(self) -> Outputs:
        self.request.wait()
        self.idle.append(self.request)
        outputs = (self.request.get_tensor(name).data[: self.images].copy() for name in ("probabilities", "distance"))
        return Outputs(*outputs)


def _fill(images: np.ndarray) -> np.ndarray:
    """Fill a batch up with copies of its last image, because the number of images in a batch changes rounding."""
    missing = batch_size(images.shape[1:]) - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
