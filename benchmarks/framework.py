"""How fast a framework runs and trains ResNet-50, on a GPU if it sees one.

    python -m benchmarks.framework NAME PRECISION SIZE TASK STEPS

NAME is one of NAMES, PRECISION is float32 or bfloat16, SIZE is the side of the images in pixels. TASK is the number of
images per batch, after `run:` or `train:`. The weights are random, and one batch is used again and again. The optimizer
and its settings are those of the stage finetune. This module needs none of the project's packages.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.contenders import operations
from benchmarks.rounds import Answer, serve

CLASSES = 10
RATE, CLIP = 0.003, 1.0  # finetune.lr and finetune.clipnorm
NAMES = ("keras-tensorflow", "keras-jax", "keras-torch", "torch", "torch-compiled", "product")
PRODUCT_SIDE = {"cuda": 8192, "cpu": 2048}


def keras_steps(backend: str, precision: str, size: int, batch: int, trains: bool) -> tuple[Answer, Callable]:
    """Build the network with Keras, and return a function that makes a number of steps."""
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    if backend == "tensorflow":  # as eurosat_transfer/tensorflow_setup.py sets it up
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        tf.config.experimental.enable_op_determinism()
    elif backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest" if precision == "float32" else None)
    else:
        _set_up_torch()
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32" if precision == "float32" else "mixed_bfloat16")
    network = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))
    probabilities = keras.layers.Dense(CLASSES, activation="softmax", dtype="float32")(network.output)
    model = keras.Model(network.input, probabilities)
    model.compile(keras.optimizers.AdamW(RATE, clipnorm=CLIP), "sparse_categorical_crossentropy")
    images = keras.ops.convert_to_tensor(np.random.default_rng(0).random((batch, size, size, 3), np.float32))
    labels = keras.ops.convert_to_tensor(np.arange(batch) % CLASSES)

    def batches(steps: int) -> Iterator[tuple]:
        return ((images, labels) for _ in range(steps))

    def make_steps(steps: int) -> None:
        if trains:
            model.fit(batches(steps), steps_per_epoch=steps, epochs=1, verbose=0)
        else:
            model.predict(batches(steps), steps=steps, verbose=0)

    device = {"tensorflow": _tensorflow_device, "jax": _jax_device, "torch": _torch_device}[backend]()
    return {"device": device, "operations": operations(network)}, make_steps


def torch_steps(compiled: bool, precision: str, size: int, batch: int, trains: bool) -> tuple[Answer, Callable]:
    """Build the network with torchvision, and return a function that makes a number of steps."""
    import torch
    from torchvision.models import resnet

    _set_up_torch()
    device = _torch_device()
    torch.manual_seed(0)
    network = resnet.resnet50(weights=None, num_classes=CLASSES)
    for module in network.modules():  # torchvision has its strides one layer later than Keras: 6 % more operations
        if isinstance(module, resnet.Bottleneck):
            module.conv1.stride, module.conv2.stride = module.conv2.stride, module.conv1.stride
    network = network.to(device=device, memory_format=torch.channels_last).train(trains)
    images = torch.rand(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % CLASSES
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, fused=True)

    def compute_loss(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            return torch.nn.functional.cross_entropy(network(images).float(), labels)

    def predict(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            return network(images).float().softmax(dim=1)

    if compiled:
        compute_loss, predict = torch.compile(compute_loss), torch.compile(predict)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        compute_loss(images).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()

    def make_steps(steps: int) -> None:
        for _ in range(steps):
            train() if trains else predict(images).cpu()  # Keras' predict copies its results to the CPU, too
        if device == "cuda":
            torch.cuda.synchronize()

    return {"device": device}, make_steps


def product_steps(precision: str) -> tuple[Answer, Callable]:
    """Return a function that multiplies square matrices of random numbers with PyTorch."""
    import torch

    _set_up_torch()
    device = _torch_device()
    side = PRODUCT_SIDE[device]
    a, b = (torch.randn(side, side, device=device, dtype=getattr(torch, precision)) for _ in range(2))

    def make_steps(steps: int) -> None:
        for _ in range(steps):
            a @ b
        if device == "cuda":
            torch.cuda.synchronize()

    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return {"device": device, "operations": 2 * side**3, "name": name, "version": torch.__version__}, make_steps


def _set_up_torch() -> None:
    """Compute float32 in float32, as this project does, and find the fastest convolutions."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


def _torch_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _jax_device() -> str:
    import jax

    return "cuda" if jax.default_backend() == "gpu" else "cpu"


def _tensorflow_device() -> str:
    import tensorflow as tf

    return "cuda" if tf.config.list_physical_devices("GPU") else "cpu"


def set_up(name: str, precision: str, size: int, task: str, steps: int) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare a framework, and return a function that measures once: {"rate": batches per second}."""
    what, _, batch = task.partition(":")
    if name == "product":
        about, make_steps = product_steps(precision)
    elif name.startswith("keras"):
        about, make_steps = keras_steps(name.partition("-")[2], precision, size, int(batch), what == "train")
    else:
        about, make_steps = torch_steps(name == "torch-compiled", precision, size, int(batch), what == "train")
    start = time.perf_counter()
    make_steps(2)  # compiles
    about["set-up"] = time.perf_counter() - start

    def measure() -> Answer:
        start = time.perf_counter()
        make_steps(steps)
        return {"rate": steps / (time.perf_counter() - start)}

    return about, measure


if __name__ == "__main__":
    serve(lambda: set_up(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
