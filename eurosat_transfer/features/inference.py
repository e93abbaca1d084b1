"""A network applied to encoded images.

On a GPU, TensorFlow runs the network. On a CPU, OpenVINO does: it needs two thirds of TensorFlow's time
(python -m benchmarks extraction), and its results depend neither on the number of cores nor on the other images of a
batch. A network from an ONNX file always runs in OpenVINO.
"""

import hashlib
import io
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from eurosat_transfer.data.band_names import RGB
from eurosat_transfer.data.image_tensors import raw_pixels, resize_image
from eurosat_transfer.data.network_inputs import encode_bands
from eurosat_transfer.errors import UserError
from eurosat_transfer.features.image_stream import Batch, stream_batches
from eurosat_transfer.features.quantisation import quantise
from eurosat_transfer.networks.accelerators import gpus
from eurosat_transfer.networks.backbones import FOLDER, Preprocess
from eurosat_transfer.networks.frozen import load_frozen, sizes
from eurosat_transfer.networks.onnx_network import OnnxNetwork
from eurosat_transfer.openvino_setup import openvino, shared_core
from eurosat_transfer.precision import HINTS, Precision, usable_precision
from eurosat_transfer.tensorflow_setup import keras, make_reproducible, tf

# Images per batch. Larger batches are not faster, and they need more memory: each core holds two batches.
BATCH, BATCH_OF_SMALL_IMAGES = 8, 32
SMALL_IMAGE = 112  # pixels per side

Outputs = Iterator[tuple[np.ndarray, Batch]]  # float32, (n, d), and the batch that they were computed from


class Extracted(NamedTuple):
    """What is extracted from one image.

    Attributes:
        key: the key that came with the image.
        features: float32, (d,).
        pixels: uint8, (pixel_size * pixel_size * channels,), row by row.
    """

    key: int
    features: np.ndarray
    pixels: np.ndarray


def load_network(
    preprocess: bool,
    precision: Precision = "float32",
    folder: Path = FOLDER,
    threads: int = 0,
    bands: Sequence[str] | None = None,
    calibration: Sequence[bytes] = (),
) -> "Network":
    """Load the network that the backbone stage saved.

    Args:
        preprocess: True applies the preprocess_input function of the network to the images; False gives it values
            from 0 to 255.
        precision: of the computation. A GPU computes in float32, and so does a processor without the precision. A
            network from an ONNX file runs on the CPU; if there is a GPU, a line says so.
        folder: where the network was saved.
        threads: number of CPU threads; 0 uses all cores.
        bands: the names of the bands of its images. None: RGB images.
        calibration: encoded images, which int8 needs.

    Raises:
        UserError: the network cannot be used with these bands, or there is nothing to calibrate it with.
    """
    make_reproducible(0)
    model, prepare = load_frozen(folder, preprocess, bands)
    on_gpu = bool(gpus()) and not isinstance(model, OnnxNetwork)
    if gpus() and not on_gpu:
        print("backbone.name=onnx runs on the CPU, in OpenVINO: the GPU is not used for features")
    usable = "float32" if on_gpu else usable_precision(precision)
    if usable == "int8" and not len(calibration):
        raise UserError(
            "extract.precision=int8 needs train tiles for the calibration of the network, and there are none here; set "
            "float32 or bfloat16"
        )
    return Network(model, prepare, threads, usable, calibration)


def describe_engine() -> list[str]:
    """Describe the software and hardware of this machine that compute features.

    Returns:
        The versions of the libraries, the GPUs, and the CPU with its capabilities.
    """
    core = shared_core()
    cpu = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    return [tf.__version__, openvino.__version__, keras.__version__, *map(str, [*gpus(), *cpu])]


def fixed_images(channels: int = 3) -> list[bytes]:
    """Draw coloured noise, from coarse to fine, and encode it. The images are the same in every process.

    Args:
        channels: of the images.

    Returns:
        JPEG images, or what encode_bands returns for other than 3 channels. They are as many as one batch has at least,
        so that they cost one pass through the network.
    """
    if channels != len(RGB):
        noise = np.random.default_rng(0).integers(0, 256, (BATCH, 64, 64, channels), np.uint8)
        return [encode_bands(image, None) for image in noise]
    rng = np.random.default_rng(0)
    images = []
    for number in range(BATCH):
        grid = Image.fromarray(rng.integers(0, 256, (3 + 4 * number, 3 + 4 * number, 3), np.uint8))
        buffer = io.BytesIO()
        grid.resize((64, 64), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        images.append(buffer.getvalue())
    return images


class Network:
    """A model in inference mode. It is compiled once, when the first images come, for one batch size.

    Attributes:
        image_size: pixels per side of the images that the model takes.
        channels: of these images.
        width: d, the number of outputs per image.
        batch: images per batch.
    """

    def __init__(
        self,
        model: keras.Model | OnnxNetwork,
        preprocess: Preprocess = tf.identity,
        threads: int = 0,
        precision: Precision = "float32",
        calibration: Sequence[bytes] = (),
    ):
        """Wrap a model.

        Args:
            model: float32, (n, size, size, channels) -> (n, d). Its weights must not change afterwards.
            preprocess: applied to each batch first: float32, (n, size, size, channels), 0 to 255 -> what the model
                takes. An ONNX network has its preprocessing inside.
            threads: number of CPU threads; 0 uses all cores.
            precision: of the computation on a CPU, which has it.
            calibration: encoded images, for int8 alone.
        """
        self.image_size, self.channels, self.width = sizes(model)
        self.batch = BATCH_OF_SMALL_IMAGES if self.image_size <= SMALL_IMAGE else BATCH
        self._model, self._preprocess, self._threads, self._precision = model, preprocess, threads, precision
        self._calibration = calibration

    @cached_property
    def engine(self) -> list[str]:
        """The software and hardware, see describe_engine, the precision, and a digest of the features of fixed images.

        The description alone is not enough: a virtual machine can hide instructions, which changes the last bits too.
        """
        return [*describe_engine(), self._precision, self._fingerprint]

    @cached_property
    def _fingerprint(self) -> str:
        """Digest the features of fixed images. They take the way of all others, so it covers decoding and resizing."""
        features = [
            extracted.features.tobytes() for extracted in self.extract(enumerate(fixed_images(self.channels)), 1)
        ]
        return hashlib.sha256(b"".join(features)).hexdigest()

    def extract(self, images: Iterable[tuple[int, bytes]], pixel_size: int) -> Iterator[Extracted]:
        """Compute the features and the raw pixels of images. Each image is decoded once for both.

        Args:
            images: pairs of a key and an encoded image.
            pixel_size: pixels per side of the small copy of the image.

        Yields:
            The features and the pixels of an image with its key, in the order of images.

        Raises:
            UserError: an image does not decode.
        """

        def transform(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return resize_image(images, self.image_size), raw_pixels(images, pixel_size)

        for features, (keys, _, pixels) in self._run(stream_batches(images, transform, self.batch, self.channels)):
            yield from map(Extracted._make, zip(keys.tolist(), features, pixels, strict=True))

    def predict(
        self, images: Sequence[bytes] | np.ndarray, name: str, view: Callable[[tf.Tensor], tf.Tensor] = tf.identity
    ) -> np.ndarray:
        """Apply the network to images, with a progress bar on a terminal.

        Args:
            images: encoded images, n of them: a sequence, or an object array of shape (n,).
            name: label of the progress bar.
            view: applied to images after they were resized: float32, (n, size, size, 3) -> the same. It can, for
                example, flip them.

        Returns:
            float32, (n, d), in the order of images.

        Raises:
            UserError: an image does not decode.
        """

        def transform(images: tf.Tensor) -> tuple[tf.Tensor]:
            return (view(resize_image(images, self.image_size)),)

        outputs = np.empty((len(images), self.width), np.float32)
        with tqdm(desc=name, total=len(images), unit="image", mininterval=1, disable=None) as bar:
            for rows, (keys, _) in self._run(stream_batches(enumerate(images), transform, self.batch, self.channels)):
                outputs[keys] = rows
                bar.update(len(keys))
        return outputs

    @cached_property
    def _run(self) -> Callable[[Iterable[Batch]], Outputs]:
        """Compile the model.

        Returns:
            A function from batches to pairs of the model's outputs and the batch, in the order of batches. A batch is a
            tuple: keys, resized images, and anything else.
        """
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",  # several batches at a time
            "INFERENCE_PRECISION_HINT": HINTS[self._precision],  # the default depends on the processor
            "INFERENCE_NUM_THREADS": self._threads,
            "ENABLE_CPU_PINNING": False,  # every process would pin its threads to the same first cores
        }
        shape = (self.batch, self.image_size, self.image_size, self.channels)
        if isinstance(self._model, OnnxNetwork):
            model = shared_core().read_model(self._model.model.SerializeToString())
            model.reshape(list(shape))
            return partial(_run_by_openvino, self._compile(model, settings), self.batch)
        network = keras.export.ExportArchive()
        network.track(self._model)
        infer = network.add_endpoint(
            "infer",
            lambda batch: self._model(self._preprocess(batch), training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )
        if gpus():
            return partial(_run_by_tensorflow, infer, self.batch)
        with tempfile.TemporaryDirectory() as folder:
            network.write_out(folder, verbose=False)
            compiled = self._compile(shared_core().read_model(folder), settings)
            return partial(_run_by_openvino, compiled, self.batch)

    def _compile(self, model: openvino.Model, settings: dict[str, Any]) -> openvino.CompiledModel:
        """Compile the network, and quantise it before if its precision is int8."""
        if self._precision == "int8":
            images = enumerate(self._calibration)
            batches = stream_batches(
                images, lambda images: (resize_image(images, self.image_size),), self.batch, self.channels
            )
            model = quantise(model, [np.resize(resized, (self.batch, *resized.shape[1:])) for _, resized in batches])
        return shared_core().compile_model(model, "CPU", settings)


def _run_by_tensorflow(infer: Callable[[tf.Tensor], Any], size: int, batches: Iterable[Batch]) -> Outputs:
    for batch in batches:
        yield infer(tf.constant(_fill(batch[1], size))).numpy()[: len(batch[1])], batch


def _run_by_openvino(compiled: openvino.CompiledModel, size: int, batches: Iterable[Batch]) -> Outputs:
    parallel = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    # OpenVINO runs half of these requests at a time and queues the other half, so that no core is idle.
    idle = [compiled.create_infer_request() for _ in range(2 * parallel)]
    busy: deque[tuple[openvino.InferRequest, Batch]] = deque()
    for batch in batches:
        if not idle:
            yield _finish(busy, idle)
        request = idle.pop()
        request.start_async([_fill(batch[1], size)])
        busy.append((request, batch))
    while busy:
        yield _finish(busy, idle)


def _finish(
    busy: deque[tuple[openvino.InferRequest, Batch]], idle: list[openvino.InferRequest]
) -> tuple[np.ndarray, Batch]:
    request, batch = busy.popleft()
    request.wait()
    idle.append(request)
    return request.get_output_tensor().data[: len(batch[1])].copy(), batch


def _fill(images: np.ndarray, size: int) -> np.ndarray:
    """Fill a batch up with copies of its last image, because the network is compiled for one batch size."""
    missing = size - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
