"""`elman show`: a text as a corpus or a model sees it, from tokens to tags."""

from dataclasses import dataclass, replace
from typing import Annotated

import tyro
from tyro.conf import Positional

from elman.data.corpus.about import about_corpus
from elman.flows.arguments import Config
from elman.tasks.inspection import genes, text
from elman.tasks.inspection.genes import ShownGenome
from elman.tasks.inspection.target import target
from elman.tasks.inspection.text import ShownText
from elman.tasks.models.model_folder import Model


@dataclass(frozen=True, kw_only=True)
class ShowConfig(Config):
    """Show what becomes of a text: ids, one-hot rows, the padded batch, weights, steps, tags."""

    source: Positional[Annotated[str, tyro.conf.arg(metavar="CORPUS|MODEL")]]
    """by name, folder or version"""
    text: Positional[Annotated[str | None, tyro.conf.arg(metavar="TEXT")]] = None
    """or bases; an example if not given"""


def show(config: ShowConfig) -> ShownText | ShownGenome:
    """Find the corpus or model and show the text as it sees it."""
    found = target(config.source)
    if isinstance(found, Model):
        of_model = genes.of_model if found.kind == "dna" else text.of_model
        return of_model(found, config.text)
    folder, kind = found
    of_corpus = genes.of_corpus if kind == "dna" else text.of_corpus
    return replace(of_corpus(folder, config.text), about=about_corpus(folder))
