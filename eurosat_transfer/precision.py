"""The numbers that networks compute with on a CPU."""

from typing import Literal

from eurosat_transfer.openvino_setup import shared_core

Precision = Literal["float32", "bfloat16", "int8"]

# OpenVINO's INFERENCE_PRECISION_HINT. A quantised network says itself where its integers are; the rest is float32.
HINTS: dict[str, str] = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
CAPABILITIES = {"bfloat16": "BF16", "int8": "INT8"}  # among OpenVINO's OPTIMIZATION_CAPABILITIES


def usable_precision(wanted: Precision) -> Precision:
    """Return the wanted precision, or float32 if this processor has no instructions for it. A line says so.

    Without such instructions it would be slower than float32, and as inexact.
    """
    needed = CAPABILITIES.get(wanted)
    if needed and needed not in shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        print(f"this processor has no {wanted}: computing in float32")
        return "float32"
    return wanted
