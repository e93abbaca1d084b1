"""The embedded default: a data set of drawn tiles."""

import numpy as np
import pytest
from image_archives import prepared

from eurosat_transfer.data.builders import landcover_demo
from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.drawings.landcover import CLASSES, draw_tile

EUROSAT = {  # images per class
    "AnnualCrop": 3000, "Forest": 3000, "HerbaceousVegetation": 3000, "Highway": 2500, "Industrial": 2500,
    "Pasture": 2000, "PermanentCrop": 2500, "Residential": 3000, "River": 2500, "SeaLake": 3000,
}  # fmt: skip


def test_the_classes_have_the_proportions_of_eurosat():
    assert {label: 10 * count for label, count in landcover_demo.COUNTS.items()} == EUROSAT


@pytest.fixture
def few_tiles(monkeypatch):
    """Draw two tiles of each class, instead of 2,700 tiles that take ten seconds."""
    monkeypatch.setattr(landcover_demo, "COUNTS", dict.fromkeys(CLASSES, 2))


@pytest.mark.usefixtures("few_tiles")
def test_the_data_set_has_the_drawn_tiles(tmp_path):
    dataset = prepared(tmp_path / "dataset", name="landcover-demo")
    assert dataset.classes == list(EUROSAT)
    assert dataset.description == "Drawn tiles of ten classes: drawings, not satellite images."
    assert {tile.file for tile in dataset} == {f"{label}_{number}.jpg" for label in CLASSES for number in (1, 2)}
    for tile in dataset:
        label, number = tile.file.removesuffix(".jpg").split("_")
        assert dataset.classes[tile.label] == label
        error = decode_image(tile.image).astype(float) - draw_tile(label, int(number))
        assert np.abs(error).mean() < 8  # JPEG is lossy


@pytest.mark.usefixtures("few_tiles")
def test_the_data_set_has_the_same_bytes_every_time(tmp_path):
    results = []
    for _ in range(2):
        prepared(tmp_path / "dataset", name="landcover-demo")
        results.append({p.name: p.read_bytes() for p in (tmp_path / "dataset").iterdir()})
    assert results[0] == results[1]
