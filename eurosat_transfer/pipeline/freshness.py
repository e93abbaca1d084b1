"""Which outputs do not belong to the present parameters and data.

`dvc status` says more, but takes seconds, and also counts changes of the code that change no result.
"""

import functools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from eurosat_transfer.io.hashing import md5
from eurosat_transfer.pipeline.definition import parameters_of, stages_by_output

LOCK = Path("dvc.lock")


def outdated_outputs(wanted: Collection[Path]) -> dict[Path, str]:
    """Find outputs of the pipeline that are older than what they come from, by dvc.lock.

    An output is up to date if its stage last ran with the parameters of params.yaml, on files that other stages last
    wrote, and if these are up to date too. Lists of code do not count. A file has to be what its stage wrote: Git or a
    person may have replaced it.

    Args:
        wanted: the outputs to check, as paths in dvc.yaml. Others are ignored.

    Returns:
        By path as in dvc.yaml, why it is out of date. Empty if there is no dvc.lock: then stages were run by hand.
    """
    if not LOCK.exists():
        return {}
    locked = YAML(typ="safe").load(LOCK)["stages"]
    maker = stages_by_output()
    written = {Path(out["path"]): out["md5"] for entry in locked.values() for out in entry.get("outs", ())}

    @functools.cache
    def reason_of(stage: str) -> str:
        if stage not in locked:
            return f"{stage} has not run"
        if changed := _changed_parameter(stage, locked[stage]):
            return f"{changed} has changed"
        for path, read in ((Path(dep["path"]), dep.get("md5")) for dep in locked[stage].get("deps", ())):
            if path in maker:
                if earlier := reason_of(maker[path]):
                    return earlier
                if written.get(path) != read:
                    return f"{path} has changed"
        return ""

    found = {path: reason_of(maker[path]) or _replaced(path, written) for path in wanted if path in maker}
    return {path: reason for path, reason in found.items() if reason}


def _changed_parameter(stage: str, entry: dict[str, Any]) -> str:
    """Name a parameter, or a section, whose value is another than when the stage ran."""
    then = entry.get("params", {}).get("params.yaml", {})
    for name, now in parameters_of(stage).items():
        if then.get(name) != now:
            keys = [key for key in now if now[key] != then[name].get(key)] if _are_sections(now, then.get(name)) else []
            return f"{name}.{keys[0]}" if keys else name
    return ""


def _are_sections(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def _replaced(path: Path, written: dict[Path, str]) -> str:
    if path.exists() and md5(path) != written.get(path):
        return f"{path} is not what dvc.lock describes"
    return ""
