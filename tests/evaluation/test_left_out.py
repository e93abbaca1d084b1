"""A classifier that cannot run with the parameters is left out of everything that compares classifiers."""

from pathlib import Path

import pytest
from networks.onnx_files import EXPORTED, read, settings
from reporting.example_run import write_run

from eurosat_transfer.commands import lab
from eurosat_transfer.evaluation.choice import choose_classifier
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.left_out import write_left_out
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.networks.backbones import NEEDS_KERAS
from eurosat_transfer.networks.onnx_network import save_onnx_backbone
from eurosat_transfer.reporting.results import load_results
from stages import compare, finetune, model
from stages import map as map_stage


@pytest.fixture
def left_out(world):
    """Write the results of all classifiers, and leave finetune out as its stage does."""
    world()
    write_run()
    params = settings(EXPORTED / "convolutions.onnx")
    save_onnx_backbone(Path("data/backbone"), read(params), params.onnx)
    finetune.main()


@pytest.mark.usefixtures("left_out")
def test_the_stage_says_why_and_writes_all_its_files():
    assert read_json("metrics/finetune.json") == {"left_out": NEEDS_KERAS}
    assert Path("data/finetune.weights.h5").read_bytes() == b""
    for name in ("predictions", "classes", "history", "labels"):
        assert len(Path(f"plots/finetune_{name}.csv").read_text().splitlines()) == 1


@pytest.mark.usefixtures("left_out")
def test_it_is_in_no_comparison():
    metrics, reasons = read_metrics()
    assert reasons == {"finetune": NEEDS_KERAS}
    assert "finetune" not in metrics
    compare.main()
    pairs = read_json("metrics/compare.json")["pairs"]
    assert len(metrics) == 6
    assert len(pairs) == 15
    assert not any("finetune" in (pair["better"], pair["worse"]) for pair in pairs)
    results = load_results()
    assert results.left_out == reasons
    for by_classifier in (results.metrics, results.predictions, results.history, results.subset_fits):
        assert "finetune" not in by_classifier


@pytest.mark.usefixtures("left_out")
def test_auto_chooses_among_the_others():
    metrics, _ = read_metrics()
    metrics["probe"]["val"]["accuracy"] = 0.5
    assert choose_classifier("auto", metrics) == "probe"


@pytest.mark.usefixtures("left_out")
def test_a_run_whose_chosen_classifier_is_left_out_says_why_there_is_no_model(world, capsys):
    world(**{"extract.precision": "bfloat16", "model.classifier": "finetune"})
    compare.main()
    choice = read_json("data/choice.json")
    assert choice["classifier"] is None
    assert f"model.classifier is finetune, which was left out: {NEEDS_KERAS}. Set" in choice["reason"]
    assert choice["reason"] in " ".join(capsys.readouterr().out.split())
    model.main()
    map_stage.main()
    assert Path("map/README.txt").read_text(encoding="utf-8") == f"{choice['reason']}\n"
    assert read_json("metrics/map.json") == {}


@pytest.mark.usefixtures("left_out")
def test_the_lab_compares_the_others(monkeypatch):
    monkeypatch.setattr("eurosat_transfer.pipeline.freshness.outdated_outputs", lambda _: {})
    found = lab.read_workspace_accuracies(dict.fromkeys(["svm", "finetune"]))
    assert found["finetune"] is None
    assert found["svm"] is not None


def test_reasons_are_read_back(world):
    world()
    write_run()
    write_left_out("knn", "there are no neighbours")
    assert read_metrics()[1] == {"knn": "there are no neighbours"}
