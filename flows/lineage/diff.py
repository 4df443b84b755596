"""`elman diff`: what two models, runs or outputs differ in."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro
from annotated_types import Ge
from tyro.conf import Positional

from elman.flows.arguments import Config
from elman.tasks.differences.report import Report, compare


@dataclass(frozen=True, kw_only=True)
class DiffConfig(Config):
    """Compare two models, runs or outputs: configuration, data, F1 by type with significance, sentences."""

    a: Positional[Annotated[str, tyro.conf.arg(metavar="A")]]
    """a model, models:/NAME/VERSION, a run or an output"""
    b: Positional[Annotated[str, tyro.conf.arg(metavar="B")]]
    """another of this kind"""
    on: str | None = None
    """of models and runs: labelled corpus that both tag; that of the first model if not given"""
    split: Literal["test", "dev", "all"] = "test"
    """of this corpus"""
    sentences: Annotated[int, Ge(0)] = 10
    """sentences to show where they differ"""


def diff(config: DiffConfig) -> Report:
    """Compare."""
    return compare(config.a, config.b, config.on, config.split, config.sentences)
