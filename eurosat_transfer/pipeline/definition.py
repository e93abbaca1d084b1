"""What dvc.yaml says about one stage."""

import functools
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

OUTPUT_SECTIONS = ("outs", "metrics", "plots")


def stage_entry(stage: str) -> dict[str, Any]:
    """Read the entry of a stage in dvc.yaml.

    Args:
        stage: its name.

    Returns:
        The entry as it stands there: cmd, params, deps, outs, metrics, plots.

    Raises:
        KeyError: dvc.yaml has no such stage.
    """
    return dict(_load("dvc.yaml")["stages"][stage])


def all_stages() -> list[str]:
    """List the names of all stages, in the order of dvc.yaml."""
    return list(_load("dvc.yaml")["stages"])


def inputs_of(stage: str) -> list[Path]:
    """List the files and folders that a stage depends on, sorted.

    Args:
        stage: its name in dvc.yaml.

    Returns:
        Paths as dvc.yaml has them.
    """
    return sorted(Path(dependency) for dependency in stage_entry(stage).get("deps", ()))


def outputs_of(stage: str) -> list[Path]:
    """List the files and folders that a stage writes: its outs, metrics and plots.

    Args:
        stage: its name in dvc.yaml.

    Returns:
        Paths as dvc.yaml has them, in its order.
    """
    return _listed_outputs(stage_entry(stage))


def stages_by_output() -> dict[Path, str]:
    """Map every file and folder that a stage writes, as dvc.yaml has it, to the name of the stage.

    Raises:
        FileNotFoundError: there is no dvc.yaml here.
    """
    stages = _load("dvc.yaml")["stages"]
    return {output: stage for stage, entry in stages.items() for output in _listed_outputs(entry)}


def _listed_outputs(entry: dict[str, Any]) -> list[Path]:
    listed = [output for section in OUTPUT_SECTIONS for output in entry.get(section, ())]
    # An output with options, such as "cache: false", is a mapping with one key.
    return [Path(next(iter(output)) if isinstance(output, dict) else output) for output in listed]


def parameters_of(stage: str) -> dict[str, Any]:
    """Read the values of the parameters that a stage depends on.

    Args:
        stage: its name in dvc.yaml.

    Returns:
        Name as in dvc.yaml, such as "svm" or "svm.C", to its value in params.yaml. A missing parameter is None.
    """
    params = _load("params.yaml")
    return {name: functools.reduce(_item, name.split("."), params) for name in stage_entry(stage).get("params", ())}


def _item(section: object, key: str) -> Any:
    return section.get(key) if isinstance(section, dict) else None


def _load(name: str) -> Any:
    return YAML(typ="safe").load(Path(name))
