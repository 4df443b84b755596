"""Results of a training."""

from dataclasses import dataclass
from typing import Any


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
    """

    model: str
    updates: int
    loss: float | None
    parameters: int
    labels: list[str]
    history: list[dict[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without `model` and `history`."""
        return {
            "updates": self.updates,
            "loss": self.loss,
            "parameters": self.parameters,
            "labels": self.labels,
        }
