"""The model card."""

import pytest

from eurosat_transfer.prediction.saved_model import FORMAT, Description
from eurosat_transfer.reporting.changed_parameters import default_parameters
from eurosat_transfer.reporting.model_card import write_card

FIGURES = {
    "accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94, "macro_f1": 0.88, "ece": 0.02, "ece_limit": 0.05,
}  # fmt: skip
METRICS = {
    "svm": {"val": {"accuracy": 0.91}, "test": FIGURES, "training_labels": 640},
    "probe": {"val": {"accuracy": 0.90}, "test": FIGURES | {"accuracy": 0.8}, "training_labels": 640},
}
COMPARISON = {
    "small_classes": {},
    "saw_test": [],
    "pairs": [
        {"better": "svm", "worse": "probe", "words": "svm is better than probe by 0.1"},
        {"better": "probe", "worse": "knn", "words": "probe is better than knn by 0.1"},
    ],
}
DESCRIPTION = Description(
    format=FORMAT, classifier="svm", classes=["a", "b", "c"], tile_size=(48, 64), bands=(4, 3, 2), scale=(0, 2750),
    histograms=[[0] * 256] * 3, calibration_scores=[0.1] * 39, calibrated_on="val", distance_threshold=3.25,
    confusion=[[8, 2, 0], [1, 9, 0], [0, 0, 0]], made_from={"data/split.csv": "abc"}, onnx_sha256="0" * 64,
)  # fmt: skip


@pytest.fixture
def card(tmp_path):
    def write(**changes) -> str:
        params = default_parameters()
        for name, value in changes.items():
            section, key = name.split("__")
            params[section][key] = value
        write_card(tmp_path / "README.md", DESCRIPTION, params, METRICS, COMPARISON)
        return (tmp_path / "README.md").read_text()

    return write


def test_the_card_says_what_the_figures_are(card):
    text = card(data__name="eurosat")
    assert "| **svm** | 0.900 | 0.850 to 0.940 |" in text
    assert "svm is better than probe" in text
    assert "probe is better than knn" not in text
    assert "| a | 0.800 | 0.889 | 10 | b (2) |" in text
    assert "| c | - | - | 0 | - |" in text
    assert "bands 4, 3 and 2 are red, green and blue; the values 0 to 2750 become 1 to 255" in text
    assert "allow levels up to 97.5 %" in text
    assert "64 x 48 pixels" in text


def test_a_classifier_that_saw_the_test_images_is_named(tmp_path):
    write_card(
        tmp_path / "README.md", DESCRIPTION, default_parameters(), METRICS, COMPARISON | {"saw_test": ["spread"]}
    )
    assert "spread learned from the test images too, without their labels" in (tmp_path / "README.md").read_text()


def test_names_of_classes_are_text(tmp_path):
    odd = DESCRIPTION.model_copy(update={"classes": ["<b>", "low_$5_$6", "a|b"]})
    write_card(tmp_path / "README.md", odd, default_parameters(), METRICS, COMPARISON)
    text = (tmp_path / "README.md").read_text()
    assert "with 3 classes: &lt;b>, low&#95;&#36;5&#95;&#36;6, a&#124;b." in text
    assert "| &lt;b> | 0.800 |" in text


def test_only_drawn_tiles_make_a_toy(card):
    assert "This is a toy" in card()
    assert "This is a toy" not in card(data__name="eurosat")


def test_a_refitted_classifier_is_called_untested(card):
    text = card(model__refit=True)
    assert "This very model was not tested" in text
    assert "all 39 selected labels but test" in text
    assert "This very model was not tested" not in card()


def test_pseudo_labels_are_named(tmp_path):
    for used, named in (({}, False), ({"pseudo_labels": 1275}, True)):
        metrics = METRICS | {"svm": METRICS["svm"] | used}
        write_card(tmp_path / "README.md", DESCRIPTION, default_parameters(), metrics, COMPARISON)
        assert ("It also learned from pseudo-labels" in (tmp_path / "README.md").read_text()) == named


def test_licences_of_data_and_weights_are_named(card):
    assert "EuroSAT" in card(data__name="eurosat").split("## Licence")[1]
    assert "weights that were trained elsewhere" in card(backbone__name="resnet50")
    text = card(backbone__name="onnx", backbone__weights="/home/me/dinov3.onnx")
    assert "weights that were trained elsewhere" in text
    assert "The network is `onnx (dinov3.onnx)`." in text
    assert "/home/me" not in text
    assert "weights that were trained elsewhere" not in card()
