"""The stage model, on the results of a tiny run of the real pipeline."""

import csv
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import dvc, run, write_params

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.selection import open_selection
from eurosat_transfer.evaluation.choice import SAVABLE, choose_classifier
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.prediction.saved_model import load_model
from eurosat_transfer.reporting.model_card import write_model_card
from stages import compare, model


def predict_by_onnxruntime(folder, images):
    session = onnxruntime.InferenceSession(folder / "model" / "model.onnx")
    return np.concatenate([session.run(["probabilities"], {"images": image[None]})[0] for image in images])


@pytest.fixture
def repository(reproduced, monkeypatch):
    monkeypatch.chdir(reproduced)
    return reproduced


def test_a_classifier_that_saw_the_test_images_is_not_chosen():
    metrics = {name: {"val": {"accuracy": 0.5}} for name in SAVABLE}
    metrics["probe"] = {"val": {"accuracy": 0.7}}
    metrics["spread"] = {"val": {"accuracy": 0.9}, "saw_test": False}
    assert choose_classifier("auto", metrics) == "spread"
    metrics["spread"]["saw_test"] = True
    assert choose_classifier("auto", metrics) == "probe"
    assert choose_classifier("svm", metrics) == "svm"


def test_an_svm_on_statistics_of_bands_is_not_chosen(capsys):
    metrics = {name: {"val": {"accuracy": 0.5}} for name in SAVABLE}
    metrics["svm"] = {"val": {"accuracy": 0.9}}
    metrics["probe"] = {"val": {"accuracy": 0.7}}
    assert choose_classifier("auto", metrics, ["deep"]) == "svm"
    assert choose_classifier("auto", metrics, ["deep", "bands"]) == "probe"
    assert "model.classifier=auto leaves svm out" in capsys.readouterr().out


@pytest.mark.parametrize("name", SAVABLE)
def test_the_file_predicts_what_the_metrics_were_computed_from(repository, name):
    write_params(repository, **{"model.classifier": name})
    compare.main()
    model.main()
    description = load_model(repository / "model").description
    dataset, selection = open_selection()
    images = [decode_image(dataset[int(index)].image) for index in selection.indices["test"]]
    probabilities = predict_by_onnxruntime(repository, images)
    with (repository / f"plots/{name}_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert description.classifier == name
    assert [description.classes[label] for label in probabilities.argmax(axis=1)] == [row["predicted"] for row in rows]
    confidence = np.array([float(row["confidence"]) for row in rows])
    np.testing.assert_allclose(probabilities.max(axis=1), confidence, atol=1e-4)
    assert np.sum(description.confusion) == len(rows)
    assert len(description.calibration_scores) == 20  # val


def test_refit_uses_all_labels_but_test(repository):
    write_params(repository, **{"model.classifier": "svm"})
    compare.main()
    model.main()
    tested = (repository / "model/model.onnx").read_bytes()
    write_params(repository, **{"model.classifier": "svm", "model.refit": True})
    model.main()
    write_model_card(Path("model"), load_parameters().as_dict(), read_metrics()[0], read_json("metrics/compare.json"))
    assert (repository / "model/model.onnx").read_bytes() != tested
    assert len(load_model(repository / "model").description.calibration_scores) > 20  # by cross-validation
    assert "This very model was not tested" in (repository / "model/README.md").read_text()


def test_another_machine_gets_the_model_by_its_name(repository, tmp_path):
    dvc(repository, "remote", "add", "-d", "-f", "shelf", str(tmp_path / "shelf"))
    run("git", "commit", "-qam", "a remote", cwd=repository)
    assert run("git", "tag", "-a", "classifier@v1.0.0", "-m", "a model", cwd=repository).returncode == 0
    dvc(repository, "push", "-q")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    dvc(elsewhere, "artifacts", "get", str(repository), "classifier")
    for file in (repository / "model").iterdir():
        assert (elsewhere / "model" / file.name).read_bytes() == file.read_bytes()
