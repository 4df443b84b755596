"""Exceptions and their exit codes."""

from pathlib import Path


def unwrapped(error: BaseException) -> BaseException:
    """The exception that a signal raised, where a compiled kernel wrapped it; any other as it is.

    Python turns an exception that is raised while Numba's dispatcher is called into a SystemError.
    """
    cause = error.__cause__
    return cause if isinstance(error, SystemError) and not isinstance(cause, Exception | None) else error


class ElmanError(Exception):
    """An error a user can act on: printed as one message, never as a traceback."""

    exit_code = 1


class UsageError(ElmanError):
    """The command cannot be run with these options."""

    exit_code = 2


class BadInput(ElmanError):
    """Input that cannot be read; the message has its place, what was expected, what came, and what to do."""

    exit_code = 3

    def __init__(
        self,
        expected: str,
        *,
        got: str,
        todo: str,
        source: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        place = "" if source is None else f"{source}:{line}: " if line is not None else f"{source}: "
        super().__init__(f"{place}expected {expected}. Got {got}. {todo}")
        self.expected, self.got, self.todo, self.source, self.line = expected, got, todo, source, line


class Changed(BadInput):
    """A file has changed during the run; its content is not at fault."""


class IntegrityError(ElmanError):
    """A file differs from the hash in its manifest or passport."""

    exit_code = 4


class Locked(ElmanError):
    """Another run is writing the same dataset."""

    exit_code = 5
