"""JSON files that hold one object."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eurosat_transfer.errors import UserError
from eurosat_transfer.io.atomic import atomic_write


def write_json(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON, with unrounded numbers.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    with atomic_write(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: the file is no JSON, or holds something else than an object.
        FileNotFoundError: there is no such file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a JSON {type(content).__name__}; allowed: an object")
    return content
