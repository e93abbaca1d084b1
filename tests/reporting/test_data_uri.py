"""Images as data URIs."""

import base64
import io

import numpy as np
from conftest import encoded
from PIL import Image

from eurosat_transfer.reporting.data_uri import to_data_uri


def test_a_small_image_is_embedded_as_it_is():
    content = encoded((1, 2, 3), "JPEG", size=(64, 64))
    assert to_data_uri(content) == f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def test_a_large_image_is_made_smaller():
    uri = to_data_uri(encoded((200, 0, 0), "PNG", size=(130, 65)))
    kind, _, content = uri.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (kind, image.format, image.size) == ("data:image/png", "PNG", (64, 32))
    assert np.asarray(image)[0, 0].tolist() == [200, 0, 0]


def test_a_page_decides_how_large_its_images_are():
    uri = to_data_uri(encoded((200, 0, 0), "PNG", size=(130, 65)), max_side=130)
    assert Image.open(io.BytesIO(base64.b64decode(uri.partition(";base64,")[2]))).size == (130, 65)
