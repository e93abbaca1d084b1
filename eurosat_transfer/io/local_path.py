"""Local paths, as users write them in parameters."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from eurosat_transfer.errors import UserError


def to_path(text: str, parameter: str) -> Path:
    """Turn what a user wrote into a path.

    Args:
        text: a path, which may begin with ~ for the home folder, or an address that begins with file://.
        parameter: that contains the text. Error messages start with it.

    Returns:
        The path. There may be nothing at it.

    Raises:
        UserError: it is an address of another kind or of another computer.

    Source: RFC 8089, section 2.
    """
    if re.match(r"(?!file:)[a-z][a-z0-9+.-]+://", text, re.IGNORECASE):
        raise UserError(f"{parameter}: {text!r} is an address; download it, and give the path")
    if not text.lower().startswith("file:/"):
        return Path(os.path.expanduser(text))  # noqa: PTH111, Path.expanduser fails for ~name if there is no such user
    address = urlsplit(text)
    if address.netloc not in ("", "localhost"):
        raise UserError(
            f"{parameter}: {text!r} names the computer {address.netloc!r}; allowed: file:///absolute/path, or a path"
        )
    return Path(url2pathname(address.path))
