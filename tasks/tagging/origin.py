"""Origin of a tagged shard: the source and slice that it was made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from elman.data.store.disk import key_of


@dataclass(frozen=True, kw_only=True)
class ShardOrigin:
    """The `source` of a tagged shard in a manifest or receipt.

    Attributes:
        name, sha256: of the source.
        number: of the slice, from 0.
        begin, end, state: of the slice; see `data.formats.common.slices.Slice`.
        last: True for the last slice of the source.
        corpus: name of the ingested corpus that the source is of, if any.
        base: sentences of its first document in the slices before; None where they were not known yet.
        names: documents that got another name, because an earlier slice has theirs.
        refused: True if the whole source went to quarantine.
    """

    name: str
    sha256: str
    number: int
    begin: int
    end: int
    state: dict[str, Any]
    last: bool
    corpus: str | None = None
    base: int | None = None
    names: int = 0
    refused: bool = False

    @property
    def key(self) -> str:
        """Hash of what the shard is made from; sentences before it do not count, `renumber` adds them."""
        return key_of(
            name=self.name,
            sha256=self.sha256,
            number=self.number,
            begin=self.begin,
            end=self.end,
            state=self.state,
        )

    @property
    def id(self) -> str:
        """Name of the shard in its dataset; puts the shards of a source in order."""
        return f"{key_of(name=self.name, sha256=self.sha256)[:16]}-{self.number:06}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `corpus` and `refused` only where they are set."""
        value = asdict(self)
        if self.corpus is None:
            del value["corpus"]
        if not self.refused:
            del value["refused"]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ShardOrigin":
        """Return the origin that `to_json` gave."""
        return cls(**value)
