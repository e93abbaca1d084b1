"""A deadline for a block of code."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deadline(seconds: float, error: Exception) -> Iterator[None]:
    """Raise an error if a block takes too long.

    A socket's timeout starts again with every byte, so it does not bound how long a response takes:
    https://requests.readthedocs.io/en/latest/user/quickstart/#timeouts. This function uses SIGALRM, so it works
    in the main thread of a Unix process only.

    Args:
        seconds: that the block may take.
        error: to raise in the block. Do not use an OSError: network libraries handle it as a failure of the socket.

    Raises:
        Exception: the given error, when the time is over.
    """

    def stop(*_: object) -> None:
        raise error

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
