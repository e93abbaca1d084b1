"""EuroSAT with 13 bands: an archive of the published layout with made tiles."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geotiffs import raster_file
from image_archives import eurosat_tree, prepared, zip_tree
from satellite_tiles import LAST, NEAR_INFRARED, ms_tree

from eurosat_transfer.data.builders import eurosat, eurosat_ms, registry
from eurosat_transfer.data.dataset import TileDataset
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.network_inputs import decode_input
from eurosat_transfer.errors import UserError

ORIGINAL = "ds/images/remote_sensing/otherDatasets/sentinel_2/tif/"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return ms_tree(tmp_path_factory.mktemp("ms") / "tiles", tiles=2)


@pytest.fixture(scope="module")
def archive(tree):
    return zip_tree(tree, tree.parent / "EuroSAT_MS.zip", "EuroSAT_MS/")


def stored(tree: Path, name: str) -> np.ndarray:
    with rasterio.open(tree / name.split("_")[0] / name) as file:
        return np.moveaxis(file.read(), 0, -1)


def scaled(values: np.ndarray) -> np.ndarray:
    """Scale values as `gdal_translate -scale 0 2750 1 255` does."""
    return np.clip(np.floor(values / 2750 * 254 + 1.5), 1, 255).astype(np.uint8)


def test_the_archives_of_both_mirrors_give_the_same_data_set(tree, tmp_path):
    results = []
    for top in ("EuroSAT_MS/", ORIGINAL):
        archive = zip_tree(tree, tmp_path / "x.zip", top)
        prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))
        results.append({p.name: p.read_bytes() for p in (tmp_path / "dataset").iterdir()})
    assert results[0] == results[1]


def test_tiles_have_all_bands_with_their_names_and_a_picture(tree, archive, tmp_path):
    dataset = prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))
    assert " ".join(dataset.band_names) == "B01 B02 B03 B04 B05 B06 B07 B08 B09 B10 B11 B12 B8A"
    assert dataset.band_names[LAST] == "B8A"
    assert dataset.band_names[NEAR_INFRARED] == "B08"
    assert len(dataset) == 6
    for index, tile in enumerate(dataset):
        expected = stored(tree, tile.file)
        bands = dataset.read_bands(index)
        assert bands.dtype == np.uint16
        np.testing.assert_array_equal(bands, expected)
        np.testing.assert_array_equal(decode_image(tile.image), scaled(expected[..., [3, 2, 1]]))
        assert dataset.read_input(index) == tile.image
    assert dataset.network_bands is None


@pytest.mark.parametrize("bands", [["B08", "B04", "B03"], ["b8", "B4", "B3"], [8, 4, 3]], ids=str)
def test_three_bands_are_chosen_by_name_or_number(tree, archive, tmp_path, bands):
    dataset = prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive), bands=bands)
    for index, tile in enumerate(dataset):
        expected = stored(tree, tile.file)
        np.testing.assert_array_equal(decode_image(tile.image), scaled(expected[..., [7, 3, 2]]))
        np.testing.assert_array_equal(dataset.read_bands(index), expected)


def test_a_network_sees_all_bands_if_asked_to(tree, archive, tmp_path):
    dataset = prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive), bands="all")
    assert dataset.network_bands == dataset.band_names
    for index, tile in enumerate(dataset):
        expected = stored(tree, tile.file)
        np.testing.assert_array_equal(decode_input(dataset.read_input(index)), scaled(expected))
        np.testing.assert_array_equal(decode_image(tile.image), scaled(expected[..., [3, 2, 1]]))


def test_another_scale_is_used_for_the_picture_and_for_all_bands(tree, archive, tmp_path):
    dataset = prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive), bands="all", scale=[0, 5500])
    expected = scaled(stored(tree, dataset[0].file) / 2)
    np.testing.assert_array_equal(decode_input(dataset.read_input(0)), expected)
    np.testing.assert_array_equal(decode_image(dataset[0].image), expected[..., [3, 2, 1]])


def test_the_names_are_in_the_files_of_the_data_set(archive, tmp_path):
    prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))
    metadata = json.loads((tmp_path / "dataset/metadata.json").read_text())
    assert metadata["bands"]["names"][-1] == "B8A"
    assert metadata["bands"]["picture"] == [4, 3, 2]


def test_a_data_set_without_its_names_is_refused(archive, tmp_path):
    prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))
    (tmp_path / "dataset/metadata.json").write_text("{}")
    with pytest.raises(UserError, match="has bands without a description .*`dvc repro` prepares it again"):
        TileDataset(tmp_path / "dataset")


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (
            ["B08", "B04", "B14"],
            r"data\.bands has the name 'B14'; allowed: B01, .*, B12, B8A, or numbers from 1, or all",
        ),
        ([14, 4, 3], r"data\.bands has the number 14; allowed: 1 to 13"),
    ],
)
def test_a_band_that_does_not_exist_is_refused_before_the_download(monkeypatch, tmp_path, bands, message):
    monkeypatch.setattr(registry, "fetch_ms_archive", lambda *_: pytest.fail("a download"))
    with pytest.raises(UserError, match=message):
        prepared(tmp_path / "dataset", name="eurosat-ms", bands=bands)


@pytest.mark.parametrize(
    ("raster", "message"),
    [
        (np.zeros((3, 64, 64), np.uint8), "it has 3 bands of uint8; allowed: 13 of uint16"),
        (np.zeros((12, 64, 64), np.uint16), "it has 12 bands of uint16; allowed: 13 of uint16"),
        (np.zeros((13, 64, 64), np.float32), "it has 13 bands of float32; allowed: 13 of uint16"),
    ],
)
def test_tiles_with_other_bands_are_refused(tmp_path, raster, message):
    tree = ms_tree(tmp_path / "tiles", tiles=1)
    (tree / "River/River_1.tif").write_bytes(raster_file(raster))
    archive = zip_tree(tree, tmp_path / "x.zip", "EuroSAT_MS/")
    with pytest.raises(UserError, match=rf"EuroSAT_MS/River/River_1\.tif is not a readable image: {message}"):
        prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))


def test_the_rgb_archive_is_refused(tmp_path):
    archive = zip_tree(eurosat_tree(tmp_path / "tiles"), tmp_path / "x.zip", "EuroSAT_RGB/")
    with pytest.raises(UserError, match="not a GeoTIFF file; the other files have 13 bands"):
        prepared(tmp_path / "dataset", name="eurosat-ms", url=str(archive))


def test_mirrors_are_used_over_https_and_with_a_checksum():
    assert len(eurosat_ms.MIRRORS) == 3
    for url, checksum in eurosat_ms.MIRRORS:
        assert url.startswith("https://")
        algorithm, _, digits = checksum.partition(":")
        assert len(digits) == {"md5": 32, "sha256": 64}[algorithm]


def test_mirrors_of_the_archive_with_13_bands_are_tried(monkeypatch):
    asked = []
    monkeypatch.setattr(eurosat, "fetch_file", lambda source, *_: asked.append(source) or Path("x.zip"))
    assert eurosat_ms.fetch_ms_archive(None, None) == Path("x.zip")
    assert asked == ["https://zenodo.org/records/7711810/files/EuroSAT_MS.zip"]
