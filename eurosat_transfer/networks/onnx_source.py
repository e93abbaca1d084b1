"""ONNX files that the user names, checked before anything runs them."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.download import DOWNLOADS, fetch_file
from eurosat_transfer.parameters.backbone import Backbone

MAX_BYTES = 2 * 10**9  # of the file with its external data; a file in the format of protobuf has less than 2**31
DOMAINS = ("", "ai.onnx")  # of the operators that the ONNX standard defines for neural networks


def fetch_onnx_file(params: Backbone) -> onnx.ModelProto:
    """Fetch and read the ONNX file that backbone.weights names.

    Args:
        params: weights is the path or address of the file, sha256 its checksum or None.

    Returns:
        As read_onnx_file.

    Raises:
        UserError: the file is missing, has another checksum, or read_onnx_file refuses it.
    """
    path = fetch_file(params.weights, f"sha256:{params.sha256}" if params.sha256 else None, "backbone.weights")
    is_address = path.is_relative_to(DOWNLOADS)
    return read_onnx_file(path, params.weights, one_file=is_address or params.sha256 is not None)


def read_onnx_file(path: Path, source: str, one_file: bool) -> onnx.ModelProto:
    """Read an ONNX file, with the external data that lies beside it.

    Args:
        path: of the file.
        source: what the user named it, for messages.
        one_file: refuse external data, because only this file was downloaded or has a checksum.

    Returns:
        The model, complete in memory, with operators of the ONNX standard only.

    Raises:
        UserError: the file is no ONNX file, is too large, is newer than the installed onnx, has other operators, or has
            external data that lies outside its folder.
    """
    try:
        _check_size(path.stat().st_size)
        model = onnx.load_model(path, load_external_data=False)
        _check_versions(model)
        _check_operators(model)
        _load_external_data(model, path, one_file)
        onnx.checker.check_model(model)
        _strip(model)
    except DecodeError:
        raise UserError(f"backbone.weights: {source} is not an ONNX file, or is truncated") from None
    except (ValueError, OSError, TypeError, onnx.checker.ValidationError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"backbone.weights: {source} cannot be used as an ONNX network: {reason}") from None
    return model


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"it has {size} bytes; allowed: at most {MAX_BYTES}, with its external data")


def _check_versions(model: onnx.ModelProto) -> None:
    if not model.ir_version or not model.graph.node:
        raise ValueError("it has no ONNX graph; export the network with torch.onnx.export or tf2onnx")
    if model.ir_version > onnx.IR_VERSION:
        raise ValueError(f"its IR version is {model.ir_version}; allowed: at most {onnx.IR_VERSION}")
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in DOMAINS and opset.version > newest:
            raise ValueError(f"its opset is {opset.version}; allowed: at most {newest}, so export it with a lower one")


def _check_operators(model: onnx.ModelProto) -> None:
    """Refuse operators that are defined elsewhere, or by the file itself."""
    if model.functions:
        raise ValueError(
            f"it defines the function {model.functions[0].name!r}; allowed: operators of the ONNX standard; "
            "onnx.inliner.inline_local_functions removes functions"
        )
    for graph in _graphs(model.graph):
        for node in graph.node:
            if node.domain not in DOMAINS:
                raise ValueError(
                    f"it has the custom operator {node.domain}.{node.op_type}; allowed: operators of the ONNX standard"
                )


def _strip(model: onnx.ModelProto) -> None:
    """Remove descriptions, which can name folders of the machine that exported the network."""
    for graph in _graphs(model.graph):
        for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """List a graph and those inside of its nodes, such as the branches of an If."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    for one in _graphs(graph):
        if one.sparse_initializer:
            raise ValueError("it has sparse weights; allowed: dense ones")
        yield from one.initializer
        for node in one.node:
            for attribute in node.attribute:
                yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)


def _load_external_data(model: onnx.ModelProto, path: Path, one_file: bool) -> None:
    folder, total = path.parent.resolve(), path.stat().st_size
    for tensor in _tensors(model.graph):
        if not onnx.external_data_helper.uses_external_data(tensor):
            continue
        place = onnx.external_data_helper.ExternalDataInfo(tensor)
        if one_file:
            raise ValueError(
                f"its weights are in another file, {place.location!r}; an address or a checksum is for one file, so "
                "write one with onnx.save(onnx.load(<file>), <new file>)"
            )
        file = (folder / place.location).resolve()
        if not file.is_relative_to(folder):
            raise ValueError(f"its weights are in {place.location!r}; allowed: files in the folder of the ONNX file")
        if not file.is_file():
            raise ValueError(f"its weights are in {place.location!r}, which is missing; put it beside the ONNX file")
        rest = file.stat().st_size - (place.offset or 0)
        length = rest if place.length is None else place.length
        if not 0 <= length <= rest:
            raise ValueError(f"{place.location!r} is truncated")
        total += length  # several tensors can name the same bytes
        _check_size(total)
    onnx.external_data_helper.load_external_data_for_model(model, str(folder))
