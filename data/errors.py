"""What can go wrong with somebody's data, and the exit code each kind of error ends a command with."""

from pathlib import Path


class ElmanError(Exception):
    """An error a user can act on: printed as one message, never as a traceback."""

    exit_code = 1


class UsageError(ElmanError):
    """The command was asked for something that cannot be done as asked."""

    exit_code = 2


class BadInput(ElmanError):
    """Input that cannot be read as what it should be.

    Says where it stands, what was expected, what came, and what to do.
    """

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
    """A file is not what it was when the run looked at it first: no fault of what it holds."""


class IntegrityError(ElmanError):
    """A file is not what its manifest or passport says it is."""

    exit_code = 4


class Locked(ElmanError):
    """Another run is writing the same dataset."""

    exit_code = 5
