"""OpenVINO, imported in one way for the whole project: without its telemetry.

OpenVINO reports each import to Google Analytics, and writes an identifier into the home folder. Every module of the
project takes `openvino` from here.
"""

import sys

from eurosat_transfer.environment import ONEDNN, remove_variables

# OpenVINO works without its package openvino_telemetry. A None in sys.modules makes the import of a package fail:
# https://docs.python.org/3/reference/import.html#the-module-cache
# https://github.com/openvinotoolkit/openvino/blob/master/tools/ovc/openvino/tools/ovc/telemetry_utils.py
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is allowed, see the reference
remove_variables(ONEDNN)

import openvino  # noqa: E402

__all__ = ["openvino"]
