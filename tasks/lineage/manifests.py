"""Heads of manifests: all but the list of shards, which may be long, with the sha256 of the whole file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import IntegrityError
from elman.data.store.dataset import MANIFEST
from elman.data.store.disk import sha256_bytes

# `data.store.disk.to_chunks` writes sorted keys with one space before those of the outermost object;
# line ends inside of strings are escaped, so these bytes stand nowhere else.
_SHARDS, _SOURCES = b'\n "shards": [', b'\n "sources": '


@dataclass(frozen=True, kw_only=True)
class ManifestHead:
    """Head of a manifest: fields of its dataset as a whole.

    Attributes:
        folder: of the dataset.
        digest: sha256 of manifest.json.
        values: its content without `shards`.
    """

    folder: Path
    digest: str
    values: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Kind of dataset: "corpus-text", "tagged-text", ..."""
        return str(self.values["kind"])

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Entries of the sources."""
        return list(self.values["sources"])

    @property
    def config(self) -> Mapping[str, Any]:
        """Options that decide the content."""
        of: Mapping[str, Any] = self.values["config"]
        return of


def read_head(folder: Path) -> ManifestHead | None:
    """Read the head of a manifest; None if the folder has none.

    Raises:
        IntegrityError: it is no manifest.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    begin = raw.find(_SHARDS)
    end = raw.find(_SOURCES, begin)
    try:
        values = json.loads(raw if begin < 0 or end < 0 else raw[:begin] + raw[end:])
        values.pop("shards", None)
        head = ManifestHead(folder=folder, digest=sha256_bytes(raw), values=values)
        if not isinstance(values["sources"], list) or not isinstance(values["config"], dict):
            raise ValueError("a source or an option of another type")
        _ = head.kind, [entry.get("sha256") for entry in head.sources]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"{path}: expected a manifest. Got something else ({error!r}). Put back a copy, or delete the "
            "whole folder and run again the command that made it."
        ) from None
    return head
