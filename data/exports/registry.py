"""Registry of export formats: what `elman tag --format` writes beside Parquet.

A format is one module of the folder `text`, `dna` or `classes` that registers an `Export`, and its test;
names, families and the staged tables it reads are taken from here.
"""

import hashlib
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import polars as pl

from elman.data import exports
from elman.data.errors import UsageError

Family = Literal["text", "dna", "classes"]
PARQUET = "parquet"  # the tagged dataset itself, always written


class Tables(Protocol):
    """Staged tables of a tagged dataset."""

    def __call__(self, *names: str, optional: tuple[str, ...] = ()) -> Iterator[tuple[pl.DataFrame, ...]]:
        """Frames of the named tables, shard by shard in order; shards that lack one of them are skipped.

        After them come those of `optional` tables, without columns where a shard lacks one.
        """


Chunk = bytes | memoryview
Writer = Callable[[Tables, Mapping[str, Any]], Iterator[Chunk]]


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export format.

    Attributes:
        name: value of `--format`.
        suffix: of the file, `tags.SUFFIX`; the name if not given.
        family: models whose output it can hold: taggers of "text", of "dna", or classifiers, "classes".
        tables: names of the staged tables that `write` reads.
        description: one line for the documentation.
        write: yields the bytes of the file, given the tables and the config of the tagged dataset.
        by_source: True for a file of each source, where there are several: two genomes may use the same names
            of contigs, which must stay those of the FASTA.
    """

    name: str
    family: Family
    tables: tuple[str, ...]
    description: str
    write: Writer
    by_source: bool = False
    suffix: str | None = None

    def file(self, source: str | None = None) -> str:
        """Name of the file in the dataset: `tags.NAME`, of one source among several `NAME/SOURCE.NAME`."""
        suffix = self.suffix or self.name
        return f"tags.{suffix}" if source is None else f"{self.name}/{file_stem(source)}.{suffix}"


_UNSAFE = re.compile(r"[^A-Za-z0-9._-]|\.(?=\.)")
_LONGEST = 100  # characters of a name


def file_stem(name: str) -> str:
    """Name of a file made from any string: the same for the same string, another for another.

    Letters of ASCII, digits and `._-` stay. Where something else had to be replaced or cut off, a part of the
    sha256 of the string follows.
    """
    safe = _UNSAFE.sub("_", name)[:_LONGEST].lstrip(".-")
    return safe if safe == name else f"{safe or '_'}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


_registered: dict[tuple[str, str], Export] = {}  # by name and family
_FAMILIES: dict[Family, Family] = {"text": "text", "dna": "text", "classes": "classes"}  # that share names


def register(export: Export) -> Export:
    """Add a format.

    Raises:
        ValueError: another module has registered the name, which taggers of text and of DNA share.
    """
    key = export.name, _FAMILIES[export.family]
    if export.name == PARQUET or _registered.setdefault(key, export) != export:
        raise ValueError(f"expected a new name of an export format. Got {export.name!r}, which is taken")
    return export


@cache
def _load() -> None:
    """Import every module below this folder, so that it registers its format."""
    for module in pkgutil.walk_packages(exports.__path__, f"{exports.__name__}."):
        importlib.import_module(module.name)


def all_exports() -> list[Export]:
    """All formats, sorted by name."""
    _load()
    return [export for _, export in sorted(_registered.items())]


def names(family: Family | None = None) -> tuple[str, ...]:
    """Values of `--format` for one family of models, or for all: parquet, then the registered names."""
    return PARQUET, *dict.fromkeys(e.name for e in all_exports() if family in (None, e.family))


def find(name: str, family: Family = "text") -> Export:
    """Look up a format by its name, of classifiers or of taggers.

    Raises:
        UsageError: there is no such format.
    """
    _load()
    try:
        return _registered[name, _FAMILIES[family]]
    except KeyError:
        raise UsageError(f"expected a format of {', '.join(names())}. Got {name}.") from None


def needed_tables(formats: Iterable[str], family: Family = "text") -> frozenset[str]:
    """Names of the staged tables that these formats read; parquet needs none beyond those always staged."""
    return frozenset(table for name in formats if name != PARQUET for table in find(name, family).tables)
