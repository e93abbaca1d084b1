"""ONNX files that are made to do harm are refused: no other file is read, no code runs, and memory is bounded."""

import pickle
from zipfile import ZipFile

import numpy as np
import onnx
import pytest
from conftest import REPOSITORY
from networks.onnx_files import EXPORTED, mean_of_channels, read, settings, write
from onnx import AttributeProto, TensorProto, helper

from eurosat_transfer.errors import UserError
from eurosat_transfer.networks.onnx_source import MAX_BYTES, fetch_onnx_file, read_onnx_file

SECRET = np.arange(3, dtype=np.float32)


def refused(params, message):
    with pytest.raises(UserError, match=message) as refusal:
        fetch_onnx_file(params)
    assert str(refusal.value).startswith(f"backbone.weights: {params.weights} ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"no network", pickle.dumps({"weights": [1.0]})], ids=len)
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    refused(settings(tmp_path / "x"), "is not an ONNX file|has no ONNX graph")


def test_a_file_of_pytorch_and_a_truncated_file_are_refused(tmp_path):
    with ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("archive/data.pkl", b"cos\nsystem\n(S'true'\ntR.")
    refused(settings(tmp_path / "x"), "is not an ONNX file|has no ONNX graph")
    (tmp_path / "y").write_bytes((EXPORTED / "transformer.onnx").read_bytes()[:-2000])
    refused(settings(tmp_path / "y"), "is not an ONNX file, or is truncated|cannot be used as an ONNX network")


def external(path, location, **keys):
    """Write a model that adds three numbers from another file."""
    write(path, [helper.make_node("Add", ["x", "w"], ["y"])], shape=("n", 8, 8, 3), constants={"w": SECRET})
    model = onnx.load(path)
    [tensor] = model.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **keys}.items():
        tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def secret(tmp_path):
    """Write a file beside the folder of the network, and return the folder."""
    (tmp_path / "secret").write_bytes(SECRET.tobytes())
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.mark.parametrize("kind", ["parent", "absolute", "link"])
def test_external_data_outside_the_folder_is_refused(secret, kind):
    (secret / "link").symlink_to(secret.parent / "secret")
    location = {"parent": "../secret", "absolute": str(secret.parent / "secret"), "link": "link"}[kind]
    path = external(secret / "x", location)
    refused(settings(path), f"weights are in '{location}'; allowed: files in the folder of the ONNX file")


def test_external_data_in_an_attribute_is_found(secret):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [3], SECRET.tobytes(), raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    nodes = [helper.make_node("Constant", [], ["w"], value=tensor), helper.make_node("Add", ["x", "w"], ["y"])]
    refused(settings(write(secret / "x", nodes, shape=("n", 8, 8, 3))), "allowed: files in the folder")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"length": 13}, "'data' is truncated"),
        ({"offset": 13}, "'data' is truncated"),
        ({"offset": -4}, "offset must be non-negative"),
        ({"offset": "many"}, "invalid literal"),
    ],
    ids=str,
)
def test_external_data_beyond_the_end_is_refused(tmp_path, keys, message):
    (tmp_path / "data").write_bytes(SECRET.tobytes())
    refused(settings(external(tmp_path / "x", "data", **keys)), message)


def test_external_data_that_is_missing_or_no_file_is_refused(tmp_path):
    for location in ("nowhere", ".", ""):
        refused(settings(external(tmp_path / "x", location)), f"'{location}', which is missing")


def test_a_checksum_or_an_address_is_for_one_file(tmp_path, serve):
    (tmp_path / "data").write_bytes(SECRET.tobytes())
    path = external(tmp_path / "x", "data")
    fetch_onnx_file(settings(path))
    refused(settings(f"{serve(tmp_path)}/x"), "an address or a checksum is for one file")


def test_large_files_are_refused_before_they_are_read(tmp_path):
    """The file is sparse, so it needs no room."""
    with (tmp_path / "x").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(UserError, match=rf"it has {MAX_BYTES + 1} bytes; allowed: at most {MAX_BYTES}"):
        read_onnx_file(tmp_path / "x", "x", one_file=True)


def test_large_external_data_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "data").open("wb") as file:
        file.truncate(MAX_BYTES)
    refused(settings(external(tmp_path / "x", "data")), rf"bytes; allowed: at most {MAX_BYTES}, with its external data")


@pytest.mark.parametrize("inside", [False, True])
def test_custom_operators_are_refused(tmp_path, inside):
    node = helper.make_node("Steal", ["x"], ["y"], domain="com.example")
    if inside:  # a branch of an If
        branch = helper.make_graph([node], "branch", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
        node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    path = write(tmp_path / "x", [node], constants={"c": np.bool_(True)})
    refused(settings(path), r"it has the custom operator com\.example\.Steal; allowed: operators of the ONNX standard")


def test_functions_are_refused(tmp_path):
    model = onnx.load(mean_of_channels(tmp_path / "x"))
    opset = helper.make_opsetid("", 18)
    model.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], [helper.make_node("Abs", ["a"], ["b"])], [opset])
    )
    onnx.save(model, tmp_path / "x")
    refused(settings(tmp_path / "x"), "it defines the function 'F'; allowed")


def test_newer_formats_are_refused(tmp_path):
    newest = onnx.defs.onnx_opset_version()
    refused(settings(mean_of_channels(tmp_path / "x", opset=newest + 1)), rf"its opset is {newest + 1}; allowed: at")
    model = onnx.load(mean_of_channels(tmp_path / "x"))
    model.ir_version = onnx.IR_VERSION + 1
    (tmp_path / "x").write_bytes(model.SerializeToString())
    refused(settings(tmp_path / "x"), rf"its IR version is {onnx.IR_VERSION + 1}; allowed: at most {onnx.IR_VERSION}")


def test_sparse_weights_are_refused(tmp_path):
    model = onnx.load(mean_of_channels(tmp_path / "x"))
    values, indices = (helper.make_tensor(name, kind, [1], [1]) for name, kind in (("w", 1), ("i", 7)))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [10**9]))
    onnx.save(model, tmp_path / "x")
    refused(settings(tmp_path / "x"), "it has sparse weights; allowed: dense ones")


def test_an_operator_with_impossible_attributes_is_refused(tmp_path):
    node = helper.make_node("GlobalAveragePool", ["x"], ["y"])
    node.attribute.append(AttributeProto(name="stolen", type=AttributeProto.INT, i=1))
    refused(settings(write(tmp_path / "x", [node])), "Unrecognized attribute: stolen")


def test_a_damaged_name_is_refused(tmp_path):
    """A name that is not UTF-8 is bytes in Python."""
    node = helper.make_node("Abs", ["x"], ["unclear"])
    content = write(tmp_path / "x", [node, helper.make_node("Abs", ["unclear"], ["y"])]).read_bytes()
    (tmp_path / "x").write_bytes(content.replace(b"unclear", b"unclea\xff"))
    with pytest.raises(UserError, match="cannot be used as"):
        read(settings(tmp_path / "x"))


def test_descriptions_are_removed(tmp_path):
    """They can name folders of the machine that exported the network."""
    path = mean_of_channels(tmp_path / "x")
    model = onnx.load(path)
    model.doc_string = model.graph.doc_string = model.graph.node[0].doc_string = str(REPOSITORY)
    model.graph.node[0].metadata_props.add(key="trace", value=str(REPOSITORY))
    model.metadata_props.add(key="trace", value=str(REPOSITORY))
    onnx.save(model, path)
    assert str(REPOSITORY).encode() not in read(settings(path)).model.SerializeToString()
