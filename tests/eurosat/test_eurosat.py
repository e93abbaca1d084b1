"""Real EuroSAT: EUROSAT_ZIP names the archive, EUROSAT_WEIGHTS the ImageNet weights of MobileNetV2 (alpha 0.35)."""

import graphlib
import importlib
import os
from pathlib import Path

import pytest
from conftest import REPOSITORY, TINY, write_params
from ruamel.yaml import YAML

from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.features import load_features
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from stages import backbone, download, extract, finetune, probe, split, svm

pytestmark = [
    pytest.mark.eurosat,
    pytest.mark.slow,
    pytest.mark.xdist_group("eurosat"),
    pytest.mark.skipif(
        not (os.environ.get("EUROSAT_ZIP") and os.environ.get("EUROSAT_WEIGHTS")),
        reason="EUROSAT_ZIP and EUROSAT_WEIGHTS do not name the real data",
    ),
]


GRAPH = YAML(typ="safe").load(REPOSITORY / "dvc.yaml")["stages"]


def stages_in_order(names: set[str]) -> list[str]:
    """Sort stages of dvc.yaml so that each comes after those whose outputs it reads."""
    makers = {}
    for name, stage in GRAPH.items():
        for output in (output for key in ("outs", "metrics", "plots") for output in stage.get(key, ())):
            makers[output if isinstance(output, str) else next(iter(output))] = name
    needs = {name: {makers[dep] for dep in GRAPH[name].get("deps", ()) if dep in makers} & names for name in names}
    return list(graphlib.TopologicalSorter(needs).static_order())


@pytest.fixture(scope="module")
def eurosat(tmp_path_factory):
    """Prepare all of EuroSAT in a folder. Call the fixture to change parameters from the defaults of params.yaml."""
    params = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    defaults = {name: params[name.split(".")[0]][name.split(".")[1]] for name in TINY if name.count(".") == 1}
    folder = tmp_path_factory.mktemp("eurosat")
    for name in ("dvc.yaml", "stages", "eurosat_transfer"):
        (folder / name).symlink_to(REPOSITORY / name)

    def set_params(**changes):
        real = {"data.name": "eurosat", "data.url": os.environ["EUROSAT_ZIP"]}
        write_params(folder, **defaults | real | changes)
        return folder

    set_params()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        download.main()
        yield set_params


def test_all_tiles_are_prepared_and_split(eurosat):
    rows = read_csv("data/index.csv")
    assert len({row["file"] for row in rows}) == 27000
    assert {row["class"] for row in rows} >= {"AnnualCrop", "SeaLake"}
    eurosat(**{"split.train": "all", "split.test": "all"})
    split.main()
    subsets = [row["subset"] for row in read_csv("data/split.csv")]
    assert (subsets.count("train"), subsets.count("val"), subsets.count("test")) == (13340, 160, 13500)


def test_fine_tuning_is_more_accurate_than_probe_and_svm(eurosat):
    eurosat(**{
        "backbone.name": "mobilenetv2", "backbone.options": {"alpha": 0.35}, "backbone.image_size": 224,
        "backbone.weights": os.environ["EUROSAT_WEIGHTS"], "finetune.label_sizes": [],
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
        "activations.max_epochs": 1, "activations.rates": [0.25], "activations.seeds": 2,
    })  # fmt: skip
    for name in stages_in_order(set(GRAPH) - {"download"}):
        importlib.import_module(f"stages.{name}").main()
    assert read_json("metrics/backbone.json")["descriptor_size"] == 2048
    features = load_features()
    assert {subset: X.shape for subset, X in features.X.items()} == {
        "train": (64, 2048),
        "val": (32, 2048),
        "test": (64, 2048),
    }
    tested = [row["file"] for row in read_csv("data/split.csv") if row["subset"] == "test"]
    actual = [file.rpartition("/")[2].partition("_")[0] for file in tested]
    for name in CLASSIFIERS:
        rows = read_csv(f"plots/{name}_predictions.csv")
        assert [row["actual"] for row in rows] == actual
        correct = sum(row["actual"] == row["predicted"] for row in rows)
        assert read_json(f"metrics/{name}.json")["test"]["accuracy"] == correct / 64
        assert f"{correct / 64:.3f}" in Path("report/report.md").read_text(encoding="utf-8")
