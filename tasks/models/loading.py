"""A model folder of either kind, made ready to tag."""

from pathlib import Path
from typing import Any, Protocol

from elman.tasks.models.model_folder import read


class LoadedModel(Protocol):
    """What every loaded model does, of text or of DNA."""

    def tag_raw(self, text: str) -> list[dict[str, Any]]:
        """What is found in a raw string, each with `start` and `end` into it."""
        ...


def load(folder: Path) -> LoadedModel:
    """Load a model of either kind, ready to tag raw strings.

    Raises:
        BadInput, IntegrityError: as `tasks.models.model_folder.read`.
    """
    model = read(folder)
    if model.kind == "dna":
        from elman.tasks.models.gene_finder import load_model

        loaded: LoadedModel = load_model(model)
        return loaded
    from elman.tasks.models.text_tagger import Tagger

    return Tagger.of(model)
