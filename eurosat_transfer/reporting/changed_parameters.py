"""The parameters of a run that differ from the project's defaults."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from ruamel.yaml import YAML

DEFAULTS = files("eurosat_transfer.parameters") / "defaults.yaml"


def default_parameters() -> dict[str, dict[str, Any]]:
    """Read the defaults of all parameters: those of the repository's params.yaml.

    They are a file of the package, so that a run that changes params.yaml can be compared with it without Git.

    Returns:
        {section: {parameter: value}}.
    """
    content: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(DEFAULTS.read_text(encoding="utf-8"))
    return content


def changed_parameters(
    params: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Find the parameters whose values differ from the defaults.

    Args:
        params: {section: {parameter: value}}.
        defaults: {section: {parameter: value}}.

    Returns:
        Values by name, such as svm.C or backbone.pretrain.images, in the order of params. A parameter without a default
        is among them.
    """
    values, usual = _flatten(params), _flatten(defaults)
    return {name: value for name, value in values.items() if name not in usual or usual[name] != value}


def data_name(params: Mapping[str, Mapping[str, Any]]) -> str:
    """Name the data for a reader: by the name of the data set, or of the folder that the images come from.

    Args:
        params: {section: {parameter: value}}.
    """
    name, path = params["data"]["name"], params["data"].get("path")
    return PurePath(path).name or name if path else name


def _flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in params.items():
        # An empty mapping is a value, and so is one that a user fills: backbone.options.
        nested = isinstance(value, Mapping) and value and f"{prefix}{key}" != "backbone.options"
        values |= _flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return values
