"""Failures of a training as errors of the input."""

from collections.abc import Iterator
from contextlib import contextmanager

from elman.data.errors import BadInput
from elman.rnn.errors import TrainingError


@contextmanager
def training_failures() -> Iterator[None]:
    """Raise BadInput where training raises TrainingError: the loss or a gradient is not finite."""
    try:
        yield
    except TrainingError as error:
        raise BadInput(
            "a finite loss and finite gradients",
            got=str(error),
            todo="Train with a lower --learning-rate; if it is the preset's, look for mislabelled data.",
        ) from error
