"""A real scene against EuroSAT's tiles.

EUROSAT_SCENE names a GeoTIFF of Sentinel-2 with blue, green, red and near infrared as the bands 1, 2, 3 and 7, in
surface reflectance times 1,000.
"""

import io
import itertools
import os
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image
from prediction.rendered_scenes import check, eurosat_histograms

from eurosat_transfer.data.colour_statistics import colour_statistics
from eurosat_transfer.data.rendering import Rendering
from eurosat_transfer.errors import UserError
from eurosat_transfer.evaluation.familiarity import fit_familiarity
from eurosat_transfer.models.heads import build_classifier_head
from eurosat_transfer.models.onnx_export import export_classifier
from eurosat_transfer.models.saved_classifier import SavedClassifier
from eurosat_transfer.models.svm import fit_calibrated_svm
from eurosat_transfer.networks.backbones import build_backbone, find_preprocess
from eurosat_transfer.prediction.dense_windows import choose_dense
from eurosat_transfer.prediction.inference import Classifier
from eurosat_transfer.prediction.scene_reader import open_scene
from eurosat_transfer.prediction.scene_windows import classify_rows
from eurosat_transfer.prediction.window_grid import make_grid
from eurosat_transfer.tensorflow_setup import tf

pytestmark = [
    pytest.mark.eurosat,
    pytest.mark.skipif(not os.environ.get("EUROSAT_SCENE"), reason="EUROSAT_SCENE does not name the real scene"),
]

HAZE = (30, 45, 75)  # what surface reflectance times 1,000 lacks in red, green and blue


@pytest.fixture(scope="module")
def real_scene():
    with rasterio.open(os.environ["EUROSAT_SCENE"]) as file:
        return file.read()


@pytest.fixture(scope="module")
def real_tiles():
    return eurosat_histograms()


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE])
def test_scene_is_accepted(real_scene, real_tiles, add):
    check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=add)


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE])
def test_parts_of_the_scene_are_accepted(real_scene, real_tiles, add):
    for top in range(0, 800, 100):
        for left in range(0, 800, 100):
            part = real_scene[:, top : top + 128, left : left + 128]
            check(part, real_tiles, (3, 2, 1), (0, 275), add=add)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("scale", [(0, 10_000), (0, 2750), (0, 1000), (0, 100)])
def test_wrong_scale_is_refused(real_scene, real_tiles, scale, sampled):
    with pytest.raises(UserError, match="a wrong scale: try --scale 0,275, or"):
        check(real_scene, real_tiles, (3, 2, 1), scale, sampled)


def test_scale_that_makes_everything_white_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match="brighter .* a wrong scale: try --scale 0,275, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 2.75))


@pytest.mark.parametrize("add", [(0, 0, 0), HAZE[::-1]])
def test_swapped_bands_are_refused(real_scene, real_tiles, add):
    with pytest.raises(UserError, match=r"bands in the wrong order: try --bands 3,2,1 \(now 1,2,3\)"):
        check(real_scene, real_tiles, (1, 2, 3), (0, 275), add=add)


def test_near_infrared_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match=r"values of red of the scene are far .* near infrared"):
        check(real_scene, real_tiles, (7, 2, 1), (0, 275))


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("EUROSAT_WEIGHTS"), reason="EUROSAT_WEIGHTS does not name the real weights")
@pytest.mark.skipif(not os.environ.get("EUROSAT_ZIP"), reason="EUROSAT_ZIP does not name the real tiles")
def test_dense_way_gives_the_classes_of_the_sliding_way(tmp_path):
    """The classifier is fitted on tiles of the archive, as the stage model does it."""
    onnx = write_svm(tmp_path, os.environ["EUROSAT_ZIP"], os.environ["EUROSAT_WEIGHTS"])
    with open_scene(os.environ["EUROSAT_SCENE"], Rendering((3, 2, 1), (0, 275)), offset=HAZE) as scene:
        grid = make_grid(scene.height, scene.width, 64, 8)
        classifier = Classifier(onnx, tile_size=(64, 64))
        dense = choose_dense(onnx, scene, grid, 0.1, "float32")
        rows = range(0, grid.shape[0], 5)
        found, expected = (
            np.concatenate([content.probabilities.argmax(axis=1) for _, content in contents])
            for contents in (
                dense.classify_rows(rows, classifier, 0.1),
                classify_rows(scene, grid, rows, classifier, 0.1),
            )
        )
    assert (found == expected).mean() >= 0.95


def write_svm(folder, archive, weights):
    """Fit a support vector machine on 64 tiles of each class, with features of MobileNetV2, and export it."""
    with zipfile.ZipFile(archive) as file:
        names = sorted(name for name in file.namelist() if name.endswith(".jpg"))
        by_class = [list(of) for _, of in itertools.groupby(names, key=lambda name: name.split("/")[-2])]
        tiles = [np.asarray(Image.open(io.BytesIO(file.read(name)))) for of in by_class for name in of[:64]]
    y = np.repeat(np.arange(len(by_class)), 64)
    network = build_backbone("mobilenetv2", 224, {"alpha": 0.35})
    network.load_weights(weights)
    preprocess = find_preprocess("mobilenetv2")
    batches = np.split(np.stack(tiles), 20)
    X = np.concatenate([network(preprocess(tf.image.resize(batch, (224, 224)))).numpy() for batch in batches])
    head = build_classifier_head(fit_calibrated_svm(X, y, "rbf", 10)[0], len(by_class))
    classifier = SavedClassifier(network, preprocess, head, False, X, ("train",), None)
    familiarity = fit_familiarity(X, np.stack([colour_statistics(tile) for tile in tiles]))
    path = folder / "model.onnx"
    path.write_bytes(export_classifier(classifier, familiarity).SerializeToString(deterministic=True))
    return path


def test_offset_is_refused(real_scene, real_tiles):
    with pytest.raises(UserError, match="an offset of 100 .ESA adds 1000 since 2022.: try --scale 100,375, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=(100, 100, 100))
    with pytest.raises(UserError, match="an offset of 1000 .ESA adds 1000 since 2022.: try --scale 1000,3750, or"):
        check(real_scene.astype(int) * 10, real_tiles, (3, 2, 1), (0, 2750), add=(1000, 1000, 1000))
    with pytest.raises(UserError, match="an offset of 1000 .ESA adds 1000 since 2022.: try --scale 1000,1275, or"):
        check(real_scene, real_tiles, (3, 2, 1), (0, 275), add=(1000, 1000, 1000))
