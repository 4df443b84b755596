"""Exceptions: one that a signal raised is told from a failure."""

import pytest

from elman.data.errors import unwrapped


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_a_signal_that_a_kernel_wrapped_is_unwrapped(stop):
    error = SystemError("returned a result with an exception set")
    error.__cause__ = stop
    assert unwrapped(error) is stop
    assert unwrapped(stop) is stop


@pytest.mark.parametrize("cause", [None, ValueError()])
def test_other_errors_stay_as_they_are(cause):
    error = SystemError("x")
    error.__cause__ = cause
    assert unwrapped(error) is error
