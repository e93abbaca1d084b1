"""A precision is used where the processor has it."""

from types import SimpleNamespace

import pytest

from eurosat_transfer import precision
from eurosat_transfer.openvino_setup import shared_core
from eurosat_transfer.precision import HINTS, usable_precision


@pytest.mark.parametrize("capabilities", [["FP32", "BF16"], ["FP32", "INT8"]])
@pytest.mark.parametrize(("wanted", "needed"), [("bfloat16", "BF16"), ("int8", "INT8")])
def test_a_processor_without_a_precision_computes_in_float32_and_says_so(
    monkeypatch, capsys, capabilities, wanted, needed
):
    core = SimpleNamespace(get_property=lambda _, name: {"OPTIMIZATION_CAPABILITIES": capabilities}[name])
    monkeypatch.setattr(precision, "shared_core", lambda: core)
    assert usable_precision("float32") == "float32"
    assert capsys.readouterr().out == ""
    has_it = needed in capabilities
    assert usable_precision(wanted) == (wanted if has_it else "float32")
    assert capsys.readouterr().out == ("" if has_it else f"this processor has no {wanted}: computing in float32\n")


def test_openvino_knows_the_names():
    core = shared_core()
    assert core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for hint in HINTS.values():
        core.set_property("CPU", {"INFERENCE_PRECISION_HINT": hint})
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
