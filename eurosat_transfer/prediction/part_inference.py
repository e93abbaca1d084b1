"""A part of a classifier, applied by OpenVINO."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from eurosat_transfer.openvino_setup import openvino, shared_core
from eurosat_transfer.precision import HINTS, Precision, usable_precision


class PartInference:
    """A compiled part of a classifier. Results depend neither on other inputs nor on the number of cores."""

    def __init__(self, onnx: bytes, shapes: Mapping[str, tuple[int, ...]], precision: Precision):
        """Compile the part.

        Args:
            onnx: content of an ONNX file.
            shapes: of its inputs, by name.
            precision: of the computation.
        """
        model = shared_core().read_model(onnx)
        model.reshape({name: list(shape) for name, shape in shapes.items()})
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": HINTS[usable_precision(precision)],
            "ENABLE_CPU_PINNING": False,
        }
        compiled = shared_core().compile_model(model, "CPU", settings)
        count = 2 * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._names = [output.get_any_name() for output in compiled.outputs]
        self._requests = [compiled.create_infer_request() for _ in range(count)]

    def infer(self, inputs: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        """Compute outputs, several at a time.

        Args:
            inputs: arrays by name, of the compiled shapes.

        Yields:
            The outputs by name, in the order of the inputs.
        """
        idle, busy = list(self._requests), deque[openvino.InferRequest]()
        for arrays in inputs:
            if not idle:
                yield self._finish(busy.popleft(), idle)
            request = idle.pop()
            request.start_async(dict(arrays))
            busy.append(request)
        while busy:
            yield self._finish(busy.popleft(), idle)

    def _finish(self, request: "openvino.InferRequest", idle: list) -> dict[str, np.ndarray]:
        request.wait()
        outputs = {name: request.get_tensor(name).data.copy() for name in self._names}
        idle.append(request)
        return outputs
