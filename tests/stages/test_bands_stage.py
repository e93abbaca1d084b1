"""What the bands of tiles are worth, on made tiles of 13 bands whose classes differ in the near infrared only."""

from pathlib import Path

import pytest
from conftest import write_tree
from data.image_archives import zip_tree
from data.satellite_tiles import CLASSES, ms_tree
from networks.onnx_files import EXPORTED

from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.evaluation.classifier_metrics import read_metrics
from eurosat_transfer.evaluation.classifiers import CLASSIFIERS
from eurosat_transfer.features.feature_set import load_features
from eurosat_transfer.io.csv_files import read_csv
from eurosat_transfer.io.json_files import read_json
from eurosat_transfer.io.npz import read_npz
from eurosat_transfer.parameters.loading import load_parameters
from eurosat_transfer.prediction.saved_model import NoModelError, load_model
from eurosat_transfer.reporting.model_card import write_model_card
from stages import backbone, bands, compare, download, extract, finetune, knn, model, pixels, split, svm

EXPECTED = {"bands": list(EUROSAT), "mean": 0.5, "std": 0.2}  # by the network from a file
GUESSING = 0.6  # of three classes, with 24 test tiles


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ms")
    return zip_tree(ms_tree(folder / "tiles", tiles=20, side=32), folder / "EuroSAT_MS.zip", "EuroSAT_MS/")


@pytest.fixture
def prepare(world, archive):
    """Prepare the data set and its split, with further parameters."""

    def prepare_with(**changes):
        made = {"data.name": "eurosat-ms", "data.url": str(archive), "knn.k": 3}
        sizes = {"split.train": 24, "split.val": 6, "split.test": 24, "split.unlabelled": "none"}
        world(**made | sizes | changes)
        download.main()
        split.main()

    return prepare_with


def accuracy(name: str) -> float:
    return read_json(f"metrics/{name}.json")["test"]["accuracy"]


def test_statistics_of_all_bands_tell_apart_what_the_picture_does_not_show(prepare, capsys):
    prepare()
    for stage in (backbone, extract, bands):
        stage.main()
    assert accuracy("bands") == 1
    others = read_json("metrics/bands_classifiers.json")
    assert len(others) == 3
    assert set(others) < set(CLASSIFIERS)
    assert all(figures["test"]["accuracy"] > 0.8 for figures in others.values())
    assert others["svm"] == read_json("metrics/bands.json")
    assert all({"val", "test", "training_labels"} <= set(figures) for figures in others.values())
    assert "85 statistics of bands and indices" in capsys.readouterr().out
    features = load_features("data/bands.npz")
    names = read_npz("data/bands.npz", "names")[0].tolist()
    assert features.X["train"].shape == (24, 85)
    near_infrared = features.X["test"][:, names.index("B08 mean")]
    for label in range(len(CLASSES)):
        assert near_infrared[features.y["test"] == label].mean() == pytest.approx(500 + 700 + 800 * label, abs=5)
    assert features.files["test"] == [row["file"] for row in read_csv("data/split.csv") if row["subset"] == "test"]


def test_svm_learns_from_what_svm_features_says(prepare):
    prepare()
    backbone.main()
    extract.main()
    bands.main()
    found = {}
    for features in (["deep"], ["bands"], ["deep", "bands"]):
        params = Path("params.yaml").read_text(encoding="utf-8")
        Path("params.yaml").write_text(params.replace("features: [deep]", f"features: [{', '.join(features)}]"))
        svm.main()
        found[tuple(features)] = accuracy("svm")
        Path("params.yaml").write_text(params)
    assert found["deep",] < GUESSING  # natural colours do not show the near infrared
    assert found["bands",] == 1
    assert found["deep", "bands"] > 0.9


@pytest.mark.parametrize("choice", [["B08", "B04", "B03"], "all"], ids=str)
def test_a_network_sees_the_bands_that_are_chosen(prepare, choice):
    prepare(**{"data.bands": choice})
    for stage in (backbone, extract, knn, pixels):
        stage.main()
    channels = 13 if choice == "all" else 3
    assert load_features("data/pixels.npz").X["train"].shape == (24, 8 * 8 * channels)
    assert accuracy("knn") > 0.9
    assert accuracy("pixels") > 0.9


def test_a_network_from_a_file_sees_all_bands(prepare):
    network = {"backbone.name": "onnx", "backbone.weights": str(EXPORTED / "bands.onnx"), "backbone.image_size": "auto"}
    prepare(**{"data.bands": "all"} | network | {f"backbone.onnx.{key}": value for key, value in EXPECTED.items()})
    for stage in (backbone, extract, finetune):
        stage.main()
    assert load_features().X["train"].shape == (24, 12)
    knn.main()
    assert accuracy("knn") > 0.9
    assert "left_out" in read_json("metrics/finetune.json")


@pytest.mark.slow
def test_a_network_of_all_bands_is_fine_tuned(prepare):
    """Only the near infrared tells the classes apart, and no picture shows it."""
    settings = {"finetune.epochs": 12, "finetune.head_epochs": 0, "finetune.label_sizes": [], "finetune.lr": 0.01}
    prepare(**{"data.bands": "all"} | settings)
    backbone.main()
    finetune.main()
    assert accuracy("finetune") > 0.8


def test_no_model_of_all_bands_is_saved(prepare, capsys):
    prepare(**{"data.bands": "all"})
    for stage in (backbone, extract, bands):
        stage.main()
    for name in CLASSIFIERS:
        for file in ("metrics/{}.json", "plots/{}_predictions.csv", "plots/{}_classes.csv"):
            Path(file.format(name)).write_bytes(Path(file.format("bands")).read_bytes())
    compare.main()
    model.main()
    write_model_card(Path("model"), load_parameters().as_dict(), read_metrics()[0], read_json("metrics/compare.json"))
    with pytest.raises(NoModelError, match="no model here"):
        load_model(Path("model"))
    assert "There is no model here. With data.bands=all" in Path("model/README.md").read_text(encoding="utf-8")
    assert "There is no model here" in capsys.readouterr().out


def test_rgb_tiles_have_statistics_too(world, tmp_path):
    world(**{
        "data.name": "folder", "data.path": str(write_tree(tmp_path / "mine")), "split.train": 24, "split.val": 6,
        "split.test": 24,
    })  # fmt: skip
    for stage in (download, split, backbone, extract, bands):
        stage.main()
    names = read_npz("data/bands.npz", "names")[0].tolist()
    assert [names[0], names[-1], len(names)] == ["red mean", "NGRDI texture", 20]
    assert accuracy("bands") == 1


def test_tiles_that_differ_in_any_band_are_no_copies(prepare):
    """All values of the picture are clipped, so the pictures are equal."""
    prepare(**{"data.scale": [0, 1]})
    counts = read_json("metrics/data.json")
    assert (counts["images"], counts["copies"]) == (60, 0)
