"""A block of code gets a time limit."""

import signal
import time

import pytest

from eurosat_transfer.io.deadline import deadline


@pytest.fixture(autouse=True)
def alarm():
    """A handler of the caller, which must be there again afterwards."""
    previous = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    handler = signal.signal(signal.SIGALRM, previous)
    assert handler == signal.SIG_IGN


def test_a_block_that_takes_too_long_is_stopped():
    error, start = LookupError("too late"), time.monotonic()
    with pytest.raises(LookupError, match="too late") as failure, deadline(0.05, error):
        time.sleep(5)
    assert failure.value is error
    assert 0.05 <= time.monotonic() - start < 4


def test_a_block_that_ends_in_time_is_not_stopped():
    with deadline(60, LookupError("too late")):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_error_in_the_block_is_passed_on():
    with pytest.raises(ZeroDivisionError), deadline(60, LookupError("too late")):
        raise ZeroDivisionError
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
