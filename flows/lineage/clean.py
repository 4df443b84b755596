"""`elman clean`: what nothing in the home refers to any more, listed and on request removed."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from elman.flows.arguments import Config
from elman.tasks.lineage import unused
from elman.tasks.lineage.unused import Cleaned


@dataclass(frozen=True, kw_only=True)
class CleanConfig(Config):
    """List what nothing refers to, such as old runs; never a registered model or what it came from."""

    keep: Annotated[int, Ge(0)]
    """newest runs of each kind that stay, with what they refer to"""
    remove: bool = False
    """remove what is listed; without it nothing is touched"""


def clean(config: CleanConfig) -> Cleaned:
    """Find what is unused, and remove it if that was asked for."""
    found, notes = unused.find_unused(config.keep)
    if config.remove and found:
        unused.remove(found)
    return Cleaned(unused=tuple(found), removed=config.remove, notes=tuple(notes))
