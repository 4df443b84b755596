"""Licence and description of a corpus, as the user gives them, in the manifest's `meta`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.data.store.dataset import Dataset

ABOUT = ("licence", "description")


def about_in(meta: Mapping[str, Any]) -> dict[str, str]:
    """Licence and description, as far as they are given, of the `meta` of a corpus."""
    return {name: str(meta[name]) for name in ABOUT if meta.get(name)}


def about_corpus(folder: Path) -> dict[str, str]:
    """Licence and description, as far as they are given, of a corpus."""
    return about_in(Dataset.open(folder).meta)
