"""Data sets of TFDS whose tiles are arrays of bands. TFDS' own eurosat/all is one; its features are copied here."""

import numpy as np
import pytest
from image_archives import prepared

from eurosat_transfer.data.band_names import EUROSAT
from eurosat_transfer.data.builders import registry
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.network_inputs import decode_input
from eurosat_transfer.data.tfds import tfds
from eurosat_transfer.errors import UserError

CLASSES = ["Forest", "River"]


def make_builder(folder, data_set: str, bands: int, dtype=np.float32, names: bool = True):
    """Build a data set with the features of TFDS' eurosat/all, of eight small tiles."""
    features = {
        "sentinel2": tfds.features.Tensor(shape=[8, 8, bands], dtype=dtype),
        "label": tfds.features.ClassLabel(names=CLASSES),
    } | ({"filename": tfds.features.Text()} if names else {})

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = data_set
        VERSION = tfds.core.Version("2.0.0")

        def _info(self):
            described = tfds.features.FeaturesDict(features)
            keys = ("sentinel2", "label")
            return tfds.core.DatasetInfo(
                builder=self, description="All\nbands.", features=described, supervised_keys=keys
            )

        def _split_generators(self, _):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for number in range(8):
                example = {"sentinel2": tile(number, bands, dtype), "label": number % 2}
                yield number, example | ({"filename": f"{number}.tif"} if names else {})

    return Builder(data_dir=folder)


def tile(number: int, bands: int, dtype=np.float32) -> np.ndarray:
    highest = 255 if dtype == np.uint8 else 3000
    return np.random.default_rng(number).integers(0, highest, (8, 8, bands)).astype(dtype)


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Let TFDS find a builder under its name: offer("eurosat", 13)."""

    def register(data_set, bands, **options):
        builder = make_builder(tmp_path / "tfds", data_set, bands, **options)
        monkeypatch.setattr(registry.tfds, "builder", lambda _: builder)

    return register


def test_the_features_are_those_of_eurosat_all():
    info = tfds.builder("eurosat/all").info
    made = make_builder("/nowhere", "eurosat", 13).info
    assert info.supervised_keys == made.supervised_keys
    assert {name: type(feature) for name, feature in info.features.items()} == {
        name: type(feature) for name, feature in made.features.items()
    }
    assert (info.features["sentinel2"].shape[-1], info.features["sentinel2"].np_dtype) == (13, np.float32)


@pytest.mark.parametrize("bands", [None, ["B08", "B04", "B03"], "all"], ids=str)
def test_eurosat_with_all_bands_has_names_and_pictures(offer, tmp_path, bands):
    offer("eurosat", 13)
    dataset = prepared(tmp_path / "dataset", name="eurosat/all", bands=bands)
    assert dataset.classes == CLASSES
    assert dataset.description == "All bands."
    assert dataset.band_names == EUROSAT
    assert sorted(each.file for each in dataset) == [f"{number}.tif" for number in range(8)]
    for index, each in enumerate(dataset):
        number = int(each.file.removesuffix(".tif"))
        expected = tile(number, 13)
        assert each.label == number % 2
        np.testing.assert_array_equal(dataset.read_bands(index), expected)
        scaled = np.clip(np.floor(1.5 + expected.astype(float) * 254 / 2750), 1, 255)
        picture = [7, 3, 2] if isinstance(bands, list) else [3, 2, 1]
        np.testing.assert_array_equal(decode_image(each.image), scaled[..., picture])
        seen = decode_input(dataset.read_input(index))
        np.testing.assert_array_equal(seen, scaled if bands == "all" else scaled[..., picture])


def test_other_data_sets_have_numbers_for_names(offer, tmp_path):
    offer("other", 5, names=False)
    dataset = prepared(tmp_path / "dataset", name="other", bands=[3, 2, 1], scale=[0, 3000])
    assert dataset.band_names == ("1", "2", "3", "4", "5")
    assert sorted(each.file for each in dataset) == [f"train[{number}]" for number in range(8)]


def test_values_of_8_bits_need_no_scale(offer, tmp_path):
    offer("other", 5, dtype=np.uint8)
    dataset = prepared(tmp_path / "dataset", name="other", bands=[3, 2, 1])
    np.testing.assert_array_equal(decode_image(dataset[0].image), dataset.read_bands(0)[..., [2, 1, 0]])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, r"other has 5 bands; set data\.bands, for example data\.bands=\[3,2,1\]"),
        ({"bands": [6, 2, 1]}, r"data\.bands has the number 6; allowed: 1 to 5"),
        ({"bands": [3, 2, 1]}, r"has float32 values \(from .*\); allowed without a scale: uint8; set data\.scale"),
    ],
)
def test_what_is_missing_is_named(offer, tmp_path, params, message):
    offer("other", 5)
    with pytest.raises(UserError, match=message):
        prepared(tmp_path / "dataset", name="other", **params)


@pytest.mark.parametrize("params", [{"bands": "all"}, {"scale": [0, 255]}])
def test_data_sets_of_images_have_no_choice_of_bands(tmp_path, params):
    with pytest.raises(UserError, match=r"data\.\w+=.*: mnist has images of 8 bits; set data\.\w+=null"):
        prepared(tmp_path / "dataset", name="mnist", **params)


def test_a_download_that_fails_gives_one_line(offer, tmp_path, monkeypatch):
    offer("eurosat", 13)

    def fail(*_, **__):
        raise tfds.download.DownloadError("the host does not answer")

    monkeypatch.setattr(registry.tfds.builder(""), "download_and_prepare", fail)
    with pytest.raises(UserError, match=r"^data\.name=eurosat/all: TFDS could not .*: the host does not answer"):
        prepared(tmp_path / "dataset", name="eurosat/all")
