"""The floating-point numbers that networks compute with on a CPU."""

from typing import Literal

from eurosat_transfer.openvino_setup import shared_core

Precision = Literal["float32", "bfloat16"]

HINTS: dict[str, str] = {"float32": "f32", "bfloat16": "bf16"}  # OpenVINO's INFERENCE_PRECISION_HINT
CAPABILITY = "BF16"  # among OpenVINO's OPTIMIZATION_CAPABILITIES


def usable_precision(wanted: Precision) -> Precision:
    """Return the wanted precision, or float32 if this processor has no instructions for bfloat16. A line says so.

    Without such instructions bfloat16 would be slower than float32, and as inexact.
    """
    if wanted == "bfloat16" and CAPABILITY not in shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        print("this processor has no bfloat16: computing in float32")
        return "float32"
    return wanted
