"""What dvc.yaml says about a stage."""

from pathlib import Path

import pytest

from eurosat_transfer.pipeline.definition import inputs_of, outputs_of, parameters_of, stage_entry

DVC_YAML = """
stages:
  svm:
    cmd: python -m stages.svm
    params: [svm, labels.sizes, labels.sizes.first, absent]
    deps: [stages/svm.py, data/features.npz]
    outs: [data/model, data/log.csv: {cache: false}]
    metrics: [metrics/svm.json: {cache: false}]
    plots: [plots/svm.csv: {x: actual, y: predicted}, plots/svm.png]
  bare:
    cmd: "true"
"""


@pytest.fixture(autouse=True)
def _repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(DVC_YAML, encoding="utf-8")
    Path("params.yaml").write_text("svm: {C: 1e-3}\nlabels: {sizes: [1, 2]}", encoding="utf-8")


def test_inputs_are_sorted():
    assert inputs_of("svm") == [Path("data/features.npz"), Path("stages/svm.py")]


def test_outputs_include_metrics_and_plots_with_options():
    names = ["data/model", "data/log.csv", "metrics/svm.json", "plots/svm.csv", "plots/svm.png"]
    assert outputs_of("svm") == [Path(name) for name in names]


def test_parameters_have_their_values():
    expected = {"svm": {"C": 0.001}, "labels.sizes": [1, 2], "labels.sizes.first": None, "absent": None}
    assert parameters_of("svm") == expected


def test_a_stage_with_only_a_command_has_no_inputs_or_outputs():
    assert (inputs_of("bare"), outputs_of("bare"), parameters_of("bare")) == ([], [], {})
    assert stage_entry("bare") == {"cmd": "true"}


def test_an_unknown_stage_is_an_error():
    with pytest.raises(KeyError):
        stage_entry("knn")
