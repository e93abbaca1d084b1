"""Stages that need no network start without TensorFlow, which takes seconds to import."""

import sys

import pytest
from conftest import REPOSITORY, run
from ruamel.yaml import YAML

STAGES = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]
WITH_TENSORFLOW = {"download", "backbone", "extract", "probe", "probe_labels", "finetune", "model", "activations"}


@pytest.mark.slow
def test_light_stages_do_not_import_tensorflow():
    modules = ", ".join(f"stages.{name}" for name in STAGES if name not in WITH_TENSORFLOW)
    code = f"import sys, {modules}; print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    result = run(sys.executable, "-c", code, cwd=REPOSITORY)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "[]\n"
