"""The whole graph with a network from an ONNX file gives what the same network gives in Keras."""

import sys

import numpy as np
import pytest
import tf2onnx
from conftest import dvc, run, stages_run, write_params

from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.networks.backbones import load_backbone
from eurosat_transfer.tensorflow_setup import tf

pytestmark = pytest.mark.slow

TILENET = {"divide_by": 127.5, "mean": 1, "std": 1}  # from -1 to 1


@pytest.fixture
def features_of_keras(reproduced):
    """Read the features of the run with Keras, before the next run deletes the file."""
    with np.load(reproduced / "data/features.npz") as file:
        return dict(file)


def export(folder, path):
    """Export the network that the backbone stage saved."""
    model, _ = load_backbone(folder / "data/backbone")
    spec = tf.TensorSpec((None, 32, 32, 3), tf.float32, name="pixels")
    function = tf.function(lambda images: model(images, training=False), input_signature=[spec])
    tf2onnx.convert.from_function(function, [spec], opset=15, output_path=path)


def predict(folder):
    """Apply the saved model to some tiles with the command."""
    result = run(sys.executable, "-m", "eurosat_transfer", "predict", "tiles", cwd=folder)
    assert result.returncode == 0, result.stderr
    return read_csv(folder / "predictions.csv")


def test_graph_runs_with_a_network_from_keras(reproduced, features_of_keras, tmp_path):
    write_params(reproduced, **{"model.classifier": "svm"})
    dvc(reproduced, "repro", "--single-item", "compare", "model")
    dataset = TileDataset(reproduced / "data/array_records")
    (reproduced / "tiles").mkdir()
    for number in range(0, len(dataset), len(dataset) // 8):
        (reproduced / f"tiles/{number}.jpg").write_bytes(dataset[number].image)
    predicted = predict(reproduced)
    tested = read_csv(reproduced / "plots/svm_predictions.csv")
    export(reproduced, tmp_path / "network.onnx")

    changes = {"backbone.name": "onnx", "backbone.weights": str(tmp_path / "network.onnx")}
    changes |= {"backbone.image_size": "auto", "model.classifier": "svm"}
    write_params(reproduced, **changes, **{f"backbone.onnx.{key}": value for key, value in TILENET.items()})
    printed = dvc(reproduced, "repro")
    # The features can have the same bits, so that svm and the others need not run.
    assert stages_run(printed) >= {"backbone", "extract", "finetune", "compare", "model", "map", "report"}
    assert "finetune is left out: fine-tuning needs a Keras network, and backbone.name=onnx is none" in printed
    with np.load(reproduced / "data/features.npz") as file:
        for key, expected in features_of_keras.items():
            if key.startswith("X_"):
                np.testing.assert_allclose(file[key], expected, atol=1e-4)
            else:
                np.testing.assert_array_equal(file[key], expected)
    assert np.abs(features_of_keras["X_train"]).max() > 0.3
    of_onnx = read_csv(reproduced / "plots/svm_predictions.csv")
    assert [row["predicted"] for row in of_onnx] == [row["predicted"] for row in tested]
    again = predict(reproduced)
    assert [row["class"] for row in again] == [row["class"] for row in predicted]
    probabilities = [[float(row["probability"]) for row in rows] for rows in (again, predicted)]
    np.testing.assert_allclose(*probabilities, atol=1e-3)

    assert "finetune" not in read_json(reproduced / "metrics/compare.json")["tied"]
    report = (reproduced / "report/report.html").read_text(encoding="utf-8")
    assert "finetune is left out: fine-tuning needs a Keras network" in report
    summary = run(sys.executable, "-m", "eurosat_transfer", cwd=reproduced).stdout
    assert "finetune is left out: fine-tuning needs a Keras network" in summary
    assert "Use " in summary
    dvc(reproduced, "metrics", "show")
    dvc(reproduced, "plots", "show")
    assert stages_run(dvc(reproduced, "repro")) == set()
