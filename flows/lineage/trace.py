"""`elman trace`: what a thing came from and what was made of it, offline, each link checked by hash."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional

from elman.data.store.disk import atomic_write
from elman.flows.arguments import Config
from elman.tasks.lineage.drawing import drawing
from elman.tasks.lineage.trace import Trace
from elman.tasks.lineage.trace import trace as trace_id


@dataclass(frozen=True, kw_only=True)
class TraceConfig(Config):
    """Trace what an id came from and what was made of it, from files alone; each link is checked by hash."""

    id: Positional[Annotated[str, tyro.conf.arg(metavar="ID")]]
    """run, model, corpus, output, models:/NAME/VERSION, file, folder of files, OUTPUT#ROW, CORPUS#DOCUMENT"""
    svg: Path | None = None
    """a drawing, written there"""
    records_only: bool = False
    """check passports and manifests, not the contents of weights and tables"""


def trace(config: TraceConfig) -> Trace:
    """Trace, and draw it if that was asked for."""
    found = trace_id(config.id, files=not config.records_only)
    if config.svg is not None:
        atomic_write(config.svg, drawing(found).encode())
    return found
