"""Registry of engines, and errors on their way from workers."""

import errno
from pathlib import Path

import pytest

from elman.data.errors import BadInput, Changed, ElmanError, UsageError
from elman.tasks.execution.engine import as_error, engine_names, engine_type
from elman.tasks.execution.worker import describe


def test_engines_are_the_modules_of_their_folder():
    assert engine_names() == ("local", "ray")
    assert engine_type("local").one_machine
    assert not engine_type("ray").one_machine


@pytest.mark.parametrize(
    "error",
    [
        BadInput("text", got="none", todo="Fill it.", source=Path("a.txt"), line=3),
        Changed("a file that stays as it is", got="another", todo="Run it again.", source=Path("a.txt")),
        OSError(errno.ENOSPC, "No space left on device", "out"),
        UsageError("expected --engine local"),
        ElmanError("expected a worker to start"),
    ],
)
def test_an_error_of_a_worker_is_raised_by_the_driver_as_it_was(error):
    again = as_error(describe(error))
    assert type(again) is type(error) or isinstance(again, ElmanError)
    assert str(again) == str(error)
    assert getattr(again, "exit_code", None) == getattr(error, "exit_code", None)
