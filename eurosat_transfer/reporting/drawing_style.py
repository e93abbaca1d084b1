"""Matplotlib's own defaults, for the pictures of the project."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib


@contextmanager
def default_style() -> Iterator[None]:
    """Draw with Matplotlib's defaults instead of those in a matplotlibrc file or a notebook, which stay as they are.

    A function that draws uses it as a decorator. It makes a Figure without pyplot, so that no backend is needed.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
