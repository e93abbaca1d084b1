"""OpenVINO, imported in one way for the whole project: without its telemetry.

OpenVINO reports each import to Google Analytics, and writes an identifier into the home folder. Every module of the
project takes `openvino` from here.
"""

import functools
import sys

from eurosat_transfer.environment import ONEDNN, remove_variables

# OpenVINO works without its package openvino_telemetry. A None in sys.modules makes the import of a package fail.
# Source: https://docs.python.org/3/reference/import.html#the-module-cache
# https://github.com/openvinotoolkit/openvino/blob/master/tools/ovc/openvino/tools/ovc/telemetry_utils.py
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is allowed, see the reference
remove_variables(ONEDNN)

import openvino  # noqa: E402

__all__ = ["openvino", "shared_core"]


@functools.cache
def shared_core() -> openvino.Core:
    """Return the Core of this process, which is never destroyed.

    A Core gives the thread that first uses the CPU another stack for signal handlers. If it is later destroyed in
    another thread, that stack is freed but stays in use. The next signal then ends the process: Ctrl-C becomes a
    segmentation fault.

    Source: SigAltStackSetup in
        https://github.com/openvinotoolkit/openvino/blob/master/src/plugins/intel_cpu/src/plugin.cpp
    """
    return openvino.Core()
