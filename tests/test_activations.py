import importlib

import pytest

from stages import activations
from stages.common.files import read_csv, read_json
from stages.common.stage import UserError
from stages.common.tfds import tfds


def test_the_four_networks_are_compared(world):
    world(**{"activations.max_epochs": 4, "activations.loss": 1.0})
    activations.main()
    figures = read_json("metrics/activations.json")
    assert {network: set(found) for network, found in figures.items()} == {
        "mlp": {"sigmoid", "relu"},
        "convnet": {"sigmoid", "relu"},
    }
    assert figures["convnet"]["sigmoid"]["iterations"] is None  # it has not even begun
    assert figures["mlp"]["relu"]["iterations"] % 45 == 0  # 1,437 digits in batches of 32
    curve = [row for row in read_csv("plots/activations.csv") if (row["network"], row["activation"]) == ("mlp", "relu")]
    assert int(curve[-1]["iteration"]) == figures["mlp"]["relu"]["iterations"]
    assert float(curve[-1]["loss"]) <= 1.0 < float(curve[0]["loss"])


def test_mnist_without_a_network_is_one_line(world, tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise tfds.download.DownloadError("no route\nto host")

    importlib.import_module(
        "tensorflow_datasets.image_classification.mnist"
    )  # under pytest TFDS loads no builder itself
    world(**{"activations.data": "mnist"})
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", unreachable)
    with pytest.raises(UserError, match=r"activations.data=mnist: TFDS could not prepare it \(no route to host\)"):
        activations.main()
