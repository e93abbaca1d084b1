"""Everything that looks at a tile sees the same pixels, also if an EXIF orientation turns the image."""

import base64
import io

import numpy as np
import pytest
from conftest import turned
from PIL import Image
from small_training import finetune_parameters

from eurosat_transfer.data.decoding import decode_image
from eurosat_transfer.data.image_files import to_rgb
from eurosat_transfer.data.selection import EncodedTiles
from eurosat_transfer.features.inference import Network
from eurosat_transfer.models import finetuning
from eurosat_transfer.networks.backbones import build_backbone, find_preprocess
from eurosat_transfer.reporting.data_uri import to_data_uri
from eurosat_transfer.reporting.tile_sheet import draw_tile_sheet
from eurosat_transfer.tensorflow_setup import keras, tf

SIZE = 32
NOISE = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)  # the fast inverse DCT differs from it


def seen_by_the_network(content: bytes) -> np.ndarray:
    inputs = keras.Input([SIZE, SIZE, 3])
    network = Network(keras.Model(inputs, keras.layers.Flatten()(inputs)), tf.identity)
    (row,) = network.extract([(0, content)], SIZE)
    assert np.array_equal(row.features, row.pixels)  # the network sees the raw pixels
    return row.pixels.reshape(SIZE, SIZE, 3)


def seen_in_training(content: bytes) -> np.ndarray:
    tiles = EncodedTiles(np.array([content], object), np.array([0]))
    load = finetuning.training_loader(tiles, SIZE, tf.identity, finetune_parameters())
    data = tf.data.Dataset.from_tensors((tf.constant(0, tf.int64), 0)).map(lambda *arguments: load(*arguments)[0])
    return next(data.as_numpy_iterator())


def seen_in_the_picture(content: bytes) -> np.ndarray:
    (image,) = draw_tile_sheet("tiles.png", {"class": [content]}).axes[0].images
    return np.asarray(image.get_array())


def seen_in_the_report(content: bytes) -> np.ndarray:
    """What a browser shows that ignores EXIF orientation."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(to_data_uri(content).partition("base64,")[2]))))


@pytest.mark.parametrize("orientation", [1, 6], ids=["upright", "turned"])
@pytest.mark.parametrize("see", [seen_by_the_network, seen_in_training, seen_in_the_picture, seen_in_the_report])
def test_all_see_the_same_pixels(see, orientation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = to_rgb(turned(NOISE, orientation), "x.jpg")
    stored = np.asarray(Image.open(io.BytesIO(content)))
    expected = stored if orientation == 1 else np.rot90(stored, -1)
    assert np.array_equal(see(content), expected)
    assert np.array_equal(decode_image(content), expected)


@pytest.mark.slow
def test_turned_images_have_the_features_of_upright_ones():
    keras.utils.set_random_seed(0)
    network = Network(build_backbone("tilenet", SIZE, {}), find_preprocess("tilenet"))
    images = [to_rgb(turned(NOISE[: 20 + n], orientation), "x.jpg") for n, orientation in enumerate(range(2, 9))]
    upright = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(decode_image(image)).save(buffer, "PNG")
        upright.append(buffer.getvalue())
    assert network.predict(images, "images").tobytes() == network.predict(upright, "images").tobytes()
