"""Registry of scores: what `elman evaluate` computes for text and for DNA.

A score is one module of this folder that registers a `Score`, and its test. The score named in MAIN gives
the figures that tables, MLflow and the promotion of models use; others are added under their names.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from elman.data import metrics

Family = Literal["text", "dna"]
MAIN: dict[Family, str] = {"text": "entities", "dna": "genes"}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score.

    Attributes:
        name: key of the results.
        family: "text" or "dna".
        compute: for text, function of gold and predicted IOB2 tags, lists of sentences; for DNA, function of
            true and predicted intervals and the lengths of contigs. Returns a mapping from names to numbers,
            or, of a main score, its dataclass.
        headline: the figure by which models are compared.
    """

    name: str
    family: Family
    compute: Callable[..., Any]
    headline: str


_registered: dict[str, Score] = {}


def register(score: Score) -> Score:
    """Add a score.

    Raises:
        ValueError: another module has registered the name.
    """
    if _registered.setdefault(score.name, score) != score:
        raise ValueError(f"expected a new name of a score. Got {score.name!r}, which is taken")
    return score


@cache
def _load() -> None:
    """Import every module of this folder, so that it registers its score."""
    for module in pkgutil.iter_modules(metrics.__path__):
        importlib.import_module(f"{metrics.__name__}.{module.name}")


def main_score(family: Family) -> Score:
    """The score by which models of a family are reported and compared."""
    _load()
    return _registered[MAIN[family]]


def further_scores(family: Family) -> list[Score]:
    """All other scores of a family, by name."""
    _load()
    others = (score for name, score in sorted(_registered.items()) if name != MAIN[family])
    return [score for score in others if score.family == family]
