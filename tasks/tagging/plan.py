"""The plan of a tagging run: which model, which sources, and the slices they are tagged in.

It is made when a run begins and kept until its output is committed, so that a run that was stopped goes on
with the same slices and the same model, whatever has changed since. Sources that the output has already, as
they are and made the same way, are no part of it.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput, Changed
from elman.data.formats.options import Options
from elman.data.formats.records import Quarantined
from elman.data.formats.slices import Slice, SliceSize
from elman.data.store.dataset import STAGING, Shard
from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.tasks.tagging.inputs import File, Input, in_place, split_input
from elman.tasks.tagging.shard import about_of, shard_key

PLAN = "plan.json"
LEAST, COMMON, MOST = 1 << 20, 1 << 22, 1 << 26  # bytes of a shard
SHARDS = 1 << 14  # so many of COMMON size; of more input they are larger
_UNPACKED = 4  # compressed bytes become about so many
_RAW = 1 << 16  # bytes of a file that cannot be read, kept in quarantine


def shard_size(inputs: Sequence[Input]) -> int:
    """Bytes of a shard that suit the input: enough shards for all workers, not too many for one manifest."""
    total = sum(raw_size(each) for each in inputs)
    return min(max(total // SHARDS, min(total // 64, COMMON), LEAST), MOST)


def raw_size(each: Input) -> int:
    """About how many bytes a source has when it is unpacked."""
    packed = isinstance(each, File) and each.item.files[0].compression is not None
    return each.size * (_UNPACKED if packed else 1)


@dataclass
class Planned:
    """A source and the slices it is tagged in.

    Attributes:
        pieces: its slices.
        quarantined: why there are none.
        kept: shards that the output has of it already.
        in_place: whether slices can be read where the source lies.
    """

    each: Input
    pieces: list[Slice] = field(default_factory=list)
    quarantined: Quarantined | None = None
    kept: list[Shard] | None = None
    in_place: bool = True

    def abouts(self) -> list[dict[str, Any]]:
        """What the manifest will say of each shard, but for what stands before it."""
        last = len(self.pieces) - 1
        return [about_of(self.each, n, piece, n == last) for n, piece in enumerate(self.pieces)]

    def refuse(self, error: Exception) -> None:
        """Take note that the file cannot be read to its end.

        Raises:
            the error: it is not the file's fault.
        """
        if not isinstance(self.each, File) or not isinstance(error, BadInput):
            raise error
        if isinstance(error, Changed) or self.each.changed():
            raise error
        with self.each.path.open("rb") as stream:
            raw = stream.read(_RAW)
        detail = f"expected {error.expected}. Got {error.got}"
        self.quarantined = Quarantined(self.each.name, error.line, 0, "unreadable", detail, error.todo, raw)
        self.pieces = [Slice(0, 0)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        refused = None
        if self.quarantined:
            refused = {**asdict(self.quarantined), "raw": base64.b64encode(self.quarantined.raw).decode()}
        pieces = [piece.to_json() for piece in self.pieces]
        return {"sha256": self.each.sha256, "pieces": pieces, "refused": refused}

    @classmethod
    def from_json(cls, each: Input, value: dict[str, Any]) -> "Planned":
        """From the plain values of `to_json`."""
        refused = value["refused"]
        if refused:
            refused = Quarantined(**{**refused, "raw": base64.b64decode(refused["raw"])})
        return cls(each, [Slice.from_json(piece) for piece in value["pieces"]], refused)


def plan_of(out: Path) -> Path:
    """Where the plan of an output is while it is being made."""
    return out / STAGING / PLAN


def read_plan(out: Path) -> dict[str, Any] | None:
    """What an unfinished run set out to do, if there is one."""
    try:
        plan: dict[str, Any] = json.loads(plan_of(out).read_bytes())
    except (OSError, ValueError):
        return None
    return plan


def plan_sources(
    writer: DatasetWriter,
    inputs: Sequence[Input],
    options: Options,
    size: int | None,
    print_status: Callable[[Input], None] = lambda each: None,
) -> list[Planned]:
    """Find the slices of all sources; those of an unfinished run stay as they are.

    Args:
        writer: of the output.
        inputs: the sources.
        options: how they are read.
        size: bytes of a slice; what suits the input if None.
        say: told of each source.

    Raises:
        BadInput: a source was changed while it was read.
    """
    before = (read_plan(writer.folder) or {}).get("sources", {})
    committed: dict[str, list[Shard]] = {}
    for shard in writer.committed:
        committed.setdefault(shard.source["name"], []).append(shard)
    sizes = SliceSize.of(size or shard_size(inputs))
    plan = []
    for each in inputs:
        print_status(each)
        planned = Planned(each, kept=_whole(writer, each, committed.get(each.name, [])))
        if planned.kept is None:
            there = before.get(each.name)
            if there and there["sha256"] == each.sha256:
                planned = Planned.from_json(each, there)
            else:
                try:
                    found = split_input(each, options, sizes)
                    if isinstance(found, Quarantined):
                        planned.quarantined, planned.pieces = found, [Slice(0, 0)]
                    else:
                        planned.pieces = found
                except BadInput as error:
                    planned.refuse(error)
            planned.in_place = in_place(each)
        plan.append(planned)
    return plan


def _whole(writer: DatasetWriter, each: Input, shards: list[Shard]) -> list[Shard] | None:
    """The shards of a source that the output has, if it has all of it as it would be made now."""
    shards = sorted(shards, key=lambda shard: int(shard.source["number"]))
    for number, shard in enumerate(shards):
        about = shard.source
        same = about["sha256"] == each.sha256 and about["number"] == number
        if not same or shard.key != writer.staging.full_key(shard_key(about)):
            return None
    if not shards or not shards[-1].source["last"] or not all(map(writer.staging.holds, shards)):
        return None
    return shards


def write_plan(writer: DatasetWriter, asked: str, folder: Path, plan: Sequence[Planned]) -> None:
    """Pin what the run sets out to do."""
    sources = {planned.each.name: planned.to_json() for planned in plan if planned.kept is None}
    wanted = {"asked": asked, "folder": str(folder.resolve()), "config": writer.config, "sources": sources}
    atomic_write(plan_of(writer.folder), to_bytes(wanted))


@dataclass(frozen=True)
class Place:
    """A shard of the plan: its source and its number there."""

    source: int
    number: int


def places(plan: Sequence[Planned]) -> Iterator[Place]:
    """All shards that are to be there in the end and are not yet committed, in order."""
    for source, planned in enumerate(plan):
        if planned.kept is None:
            yield from (Place(source, number) for number in range(len(planned.pieces)))
