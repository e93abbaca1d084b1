"""The folder of a saved classifier."""

import pytest
from prediction.small_model import write_model

from eurosat_transfer.errors import UserError
from eurosat_transfer.prediction.saved_model import ONNX_FILE, load_model


def test_an_onnx_file_of_another_model_is_refused(tmp_path):
    folder = write_model(tmp_path / "model")
    assert load_model(folder).onnx == folder / ONNX_FILE
    content = bytearray((folder / ONNX_FILE).read_bytes())
    content[-1] ^= 1
    (folder / ONNX_FILE).write_bytes(content)
    with pytest.raises(UserError, match=r"model\.onnx is not the file that model\.json describes; copy or fetch"):
        load_model(folder)
