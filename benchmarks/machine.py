"""How fast a library multiplies matrices in single precision on this machine.

python -m benchmarks.machine numpy|tensorflow|torch SIZE
"""

import sys
import time
from collections.abc import Callable

from benchmarks.rounds import Answer, serve

LIBRARIES = ("numpy", "tensorflow", "torch")
SIZE = 4096  # side of the square matrices
TIMES = 8  # matrix products per round; the result of a round is the speed of the fastest one


def product(library: str, size: int) -> Callable[[], None]:
    """Build a function that multiplies two square matrices and waits for the result."""
    import numpy as np

    a, b = np.random.default_rng(0).normal(size=(2, size, size)).astype(np.float32)
    match library:
        case "numpy":
            return lambda: a @ b
        case "tensorflow":
            import tensorflow as tf

            a, b = tf.constant(a), tf.constant(b)
            return lambda: tf.matmul(a, b).numpy()
        case "torch":
            import torch

            a, b = torch.from_numpy(a), torch.from_numpy(b)
            return lambda: a @ b


def set_up(library: str, size: int) -> tuple[Answer, Callable[[], Answer]]:
    """Prepare the measurement, and return a function that measures once: {"gflops": 10^9 operations per second}."""
    multiply = product(library, size)
    multiply()

    def measure() -> Answer:
        seconds = []
        for _ in range(TIMES):
            start = time.perf_counter()
            multiply()
            seconds.append(time.perf_counter() - start)
        return {"gflops": 2e-9 * size**3 / min(seconds)}

    return {}, measure


if __name__ == "__main__":
    serve(lambda: set_up(sys.argv[1], int(sys.argv[2])))
