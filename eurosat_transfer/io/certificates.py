"""The environment variables that name the certificates which downloads trust."""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

OF_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # requests reads the first that is set
OF_PYTHON = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # the module ssl reads both, and ignores wrong ones without a word


def wrong_certificates(others: Sequence[str] = OF_PYTHON) -> str:
    """Describe the environment variables whose certificates cannot be used.

    Call it after a download has failed: requests and urllib name the variable in no message.

    Args:
        others: variables to check besides that of requests.

    Returns:
        A sentence without a full stop for each wrong variable, joined by "; ". Empty if all can be used.

    Source:
        https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification
        https://docs.python.org/3/library/ssl.html#ssl.SSLContext.set_default_verify_paths
    """
    first = [name for name in OF_REQUESTS if os.environ.get(name)][:1]
    return "; ".join(filter(None, map(_describe, first + [name for name in others if os.environ.get(name)])))


def describe_failed_download(error: Exception) -> str:
    """Describe the failure of a library's download in one line.

    Args:
        error: that the library has raised.

    Returns:
        The text of the error, and what wrong_certificates finds.
    """
    return "; ".join(filter(None, [" ".join(str(error).split()), wrong_certificates()]))


def _describe(variable: str) -> str:
    path = Path(os.environ[variable])
    kind = "folder" if variable == "SSL_CERT_DIR" else "file"
    correct = f"correct or unset the environment variable {variable}"
    if not (path.is_dir() if kind == "folder" else path.exists()):
        return f"{variable}={path} names no {kind}; {correct}"
    if path.is_dir():
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:  # SSLError is one
        return f"{variable}={path} is no readable file of PEM certificates ({error}); {correct}"
    return ""
