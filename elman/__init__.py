"""Batch sequence tagging on ordinary CPUs: recurrent networks for text and DNA.

elman.load(model).tag("Sam Li and Tom date on Tuesday.")

`__all__` is the public Python surface. The packages stand at the top of the checkout and are imported as
`elman.data`, `elman.rnn`, `elman.tasks` and `elman.flows`, so that modules of the same names on a user's path
are never imported instead.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.tasks.classification.api import Class, ClassifierModel
    from elman.tasks.models.api import Entity, Gene, GeneModel, TextModel

__all__ = ["Class", "ClassifierModel", "Entity", "Gene", "GeneModel", "TextModel", "load"]


def load(model: str | os.PathLike[str]) -> "TextModel | GeneModel | ClassifierModel":
    """Load a model, ready to tag.

    Args:
        model: a model folder, `models:/NAME@alias`, `models:/NAME/VERSION` or the id of a training run; names
            and runs are looked up in MLflow, folders need neither MLflow nor Prefect.

    Returns:
        a `TextModel`, a `GeneModel` or a `ClassifierModel`, as the model was trained.

    Raises:
        elman.data.errors.BadInput: there is no such model, or it is one that generates or transcribes.
        elman.data.errors.IntegrityError: a file of the model is missing or changed.
    """
    from elman.tasks.runtime import environment

    environment.find_kernel_cache()
    from elman.tasks.models import api, model_folder

    loaded = model_folder.read(model_folder.resolve(os.fspath(model)))
    if loaded.kind == "classifier":
        from elman.tasks.classification.api import ClassifierModel
        from elman.tasks.classification.classifier import Classifier

        return ClassifierModel(Classifier.of(loaded))
    return api.tagger_of(loaded)


def __getattr__(name: str) -> Any:
    """Import the public classes when they are first used."""
    if name in ("Class", "ClassifierModel"):
        from elman.tasks.classification import api as classifiers

        return getattr(classifiers, name)
    if name in __all__:
        from elman.tasks.models import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
