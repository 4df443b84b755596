"""Results of a training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elman.data.encoding.encoded_corpus import EncodingNotes
from elman.data.metrics.entities import EntityScores


@dataclass(frozen=True, kw_only=True)
class FittedTagger:
    """A trained tagger of text.

    Attributes:
        model: its folder.
        parameters: numbers in all its networks.
        best_epoch: epoch whose weights were chosen.
        history: loss, seconds and score on dev of each epoch.
        dev: scores on dev, if there is a dev split.
        notes: what was left or held out of the corpus.
        sizes: sentences and tokens by split.
    """

    model: str
    parameters: int
    best_epoch: int
    history: list[dict[str, float]]
    dev: EntityScores | None
    notes: EncodingNotes
    sizes: Mapping[str, tuple[int, int]]

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.history)

    @property
    def seconds(self) -> float:
        """Time of all epochs."""
        return sum(line["seconds"] for line in self.history)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without `model`, `history`, `dev` and `sizes`."""
        return {
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "parameters": self.parameters,
            **self.notes.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class FittedGenes:
    """A trained gene finder.

    Attributes:
        model: its folder.
        updates: of the network; 0 if it was taken from another model.
        loss: mean of the last hundred updates, if any.
        parameters: numbers in all its networks.
        labels: its families.
        history: step and mean loss of every hundred updates.
        bases_per_s: bases that the network was fitted on a second; 0 if it was taken from another model.
    """

    model: str
    updates: int
    loss: float | None
    parameters: int
    labels: list[str]
    history: list[dict[str, float]]
    bases_per_s: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without `model`, `history` and `bases_per_s`."""
        return {
            "updates": self.updates,
            "loss": self.loss,
            "parameters": self.parameters,
            "labels": self.labels,
        }
