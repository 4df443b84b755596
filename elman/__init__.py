"""Batch sequence tagging on ordinary CPUs: recurrent networks for text and DNA.

elman.load(model).tag("Sam Li and Tom date on Tuesday.")

`__all__` is the public Python surface. The packages stand at the top of the checkout and are imported as
`elman.data`, `elman.rnn`, `elman.tasks` and `elman.flows`, so that modules of the same names on a user's path
are never imported instead.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.tasks.models.api import Entity, Gene, GeneModel, TextModel

__all__ = ["Entity", "Gene", "GeneModel", "TextModel", "load"]


def load(model: str | os.PathLike[str]) -> "TextModel | GeneModel":
    """Load a model, ready to tag.

    Args:
        model: a model folder, `models:/NAME@alias`, `models:/NAME/VERSION` or the id of a training run; names
            and runs are looked up in MLflow, folders need neither MLflow nor Prefect.

    Returns:
        a `TextModel` or a `GeneModel`, as the model was trained.

    Raises:
        elman.data.errors.BadInput: there is no such model.
        elman.data.errors.IntegrityError: a file of the model is missing or changed.
    """
    from elman.tasks.runtime import environment

    environment.find_kernel_cache()
    from elman.tasks.models import api

    return api.load(os.fspath(model))


def __getattr__(name: str) -> Any:
    """Import the public classes when they are first used."""
    if name in __all__:
        from elman.tasks.models import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
