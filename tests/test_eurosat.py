"""On the real data: EUROSAT_ZIP names the archive, EUROSAT_WEIGHTS MobileNetV2's ImageNet weights (alpha 0.35)."""

import os
from pathlib import Path

import pytest
from conftest import REPOSITORY, TINY, write_params
from ruamel.yaml import YAML

from stages import (
    activations,
    backbone,
    compare,
    download,
    extract,
    finetune,
    knn,
    labels,
    pixels,
    probe,
    report,
    split,
    svm,
    tsne,
)
from stages.common.files import read_csv, read_json

pytestmark = [
    pytest.mark.eurosat,
    pytest.mark.xdist_group("eurosat"),
    pytest.mark.skipif(
        not (os.environ.get("EUROSAT_ZIP") and os.environ.get("EUROSAT_WEIGHTS")),
        reason="EUROSAT_ZIP and EUROSAT_WEIGHTS do not name the real data",
    ),
]


@pytest.fixture(scope="module")
def eurosat(tmp_path_factory):
    """A folder with all of EuroSAT prepared; call it to set parameters, beyond the real defaults."""
    params = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    defaults = {name: params[name.split(".")[0]][name.split(".")[1]] for name in TINY if name.count(".") == 1}
    folder = tmp_path_factory.mktemp("eurosat")
    (folder / "dvc.yaml").symlink_to(REPOSITORY / "dvc.yaml")
    (folder / "stages").symlink_to(REPOSITORY / "stages")

    def set_params(**changes):
        real = {"data.name": "eurosat", "data.url": os.environ["EUROSAT_ZIP"]}
        write_params(folder, **defaults | real | changes)
        return folder

    set_params()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        download.main()
        yield set_params


def test_all_of_it_prepares_and_splits(eurosat):
    rows = read_csv("data/index.csv")
    assert len({row["file"] for row in rows}) == 27000
    assert {row["class"] for row in rows} >= {"AnnualCrop", "SeaLake"}
    eurosat(**{"split.train": "all", "split.test": "all"})
    split.main()
    subsets = [row["subset"] for row in read_csv("data/split.csv")]
    assert (subsets.count("train"), subsets.count("val"), subsets.count("test")) == (13340, 160, 13500)


def test_fine_tuning_beats_probe_and_svm(eurosat):
    eurosat(**{
        "backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}, "backbone.image_size": 224,
        "backbone.weights": os.environ["EUROSAT_WEIGHTS"],
    })  # fmt: skip
    for stage in (split, backbone, extract, svm, probe, finetune):
        stage.main()
    accuracy = {name: read_json(f"metrics/{name}.json")["test"]["accuracy"] for name in ("svm", "probe", "finetune")}
    assert accuracy["svm"] >= 0.86
    assert accuracy["probe"] >= 0.85
    assert accuracy["finetune"] > max(accuracy["svm"], accuracy["probe"])


def test_resnet50_goes_through_every_stage(eurosat):
    eurosat(**{
        "backbone.name": "resnet50", "backbone.weights": "none", "backbone.image_size": 64, "split.train": 64,
        "split.val": 32, "split.test": 64, "finetune.epochs": 1, "finetune.warmup_epochs": 0, "tsne.perplexity": 5,
        "activations.max_epochs": 1,
    })  # fmt: skip
    on_features = (tsne, pixels, knn, svm, probe, labels)
    for stage in (split, backbone, extract, *on_features, finetune, compare, activations, report):
        stage.main()
    assert Path("report/report.html").exists()
    assert read_json("metrics/backbone.json")["descriptor_size"] == 2048
    assert 0 <= read_json("metrics/finetune.json")["test"]["accuracy"] <= 1
