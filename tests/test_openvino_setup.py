"""OpenVINO without its telemetry."""

import re
import subprocess
import sys

from conftest import REPOSITORY, run
from prediction.small_model import write_model

from eurosat_transfer.openvino_setup import openvino

STATEMENT = r"^\s*(import|from) openvino\b"
IMPORTS = """
import sys
from eurosat_transfer.openvino_setup import openvino
from openvino.tools.ovc import convert, telemetry_utils
print(telemetry_utils.tm.__name__, sorted(name for name in sys.modules if "openvino_telemetry" in name))
print(sys.modules["openvino_telemetry"])
"""

SIGNAL = """
import os, signal, threading, time
from pathlib import Path
from eurosat_transfer.prediction.inference import Classifier
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
classifiers = [Classifier(Path(os.environ["MODEL"]))]
thread = threading.Thread(target=classifiers.clear)
thread.start()
thread.join()
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.5)
"""


def test_openvino_does_not_load_its_telemetry(tmp_path):
    variables = {"HOME": str(tmp_path), "CI": "", "TF_BUILD": "", "JENKINS_URL": ""}
    result = run(sys.executable, "-c", IMPORTS, cwd=REPOSITORY, **variables)
    assert result.stdout == "openvino.tools.ovc.telemetry_stub ['openvino_telemetry']\nNone\n", result.stderr
    assert list(tmp_path.iterdir()) == []


def test_openvino_works():
    assert "CPU" in openvino.Core().available_devices


def test_a_signal_is_handled_after_a_classifier_was_deleted_in_another_thread(tmp_path):
    write_model(tmp_path / "model")
    result = run(sys.executable, "-c", SIGNAL, cwd=REPOSITORY, MODEL=str(tmp_path / "model/model.onnx"))
    assert result.stdout == "alarm\n", result.returncode


def test_no_other_module_imports_openvino():
    files = subprocess.run(["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    contents = {name: (REPOSITORY / name).read_text(encoding="utf-8") for name in files.stdout.splitlines()}
    importers = {name for name, content in contents.items() if re.search(STATEMENT, content, re.MULTILINE)}
    assert importers - {"tests/test_openvino_setup.py"} == {"eurosat_transfer/openvino_setup.py"}
