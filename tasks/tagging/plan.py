"""Plan of a tagging run: the model, the sources, and the slices of each.

It is made when a run begins and kept until its output is committed, so that a run that was stopped goes
on with the same slices and the same model. Sources that the output has already, unchanged and made the
same way, are not planned again.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import Slice, SliceSize
from elman.data.store.dataset import STAGING, Shard
from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.tasks.tagging.origin import ShardOrigin
from elman.tasks.tagging.sources import TaggingSource

PLAN = "plan.json"
SMALLEST, COMMON, LARGEST = 1 << 20, 1 << 22, 1 << 26  # bytes of a slice
MANY = 1 << 14  # slices of COMMON size; of larger input they grow
WHOLE = 1 << 60  # bytes of a slice that is all of its source
FEW = 64  # slices; of smaller input they shrink


def slice_size(sources: Sequence[TaggingSource]) -> int:
    """Return the bytes of a slice: enough slices for all workers, not too many for one manifest."""
    total = sum(source.unpacked_size for source in sources)
    return min(max(total // MANY, min(total // FEW, COMMON), SMALLEST), LARGEST)


@dataclass
class PlannedSource:
    """A source and its slices.

    Attributes:
        slices: of the source.
        quarantined: quarantines the whole source, which then has one empty slice.
        reused: its shards, where the output has all of them already; it has no slices then.
        in_place: True if slices can be read where the source lies.
    """

    source: TaggingSource
    slices: list[Slice] = field(default_factory=list)
    quarantined: Quarantined | None = None
    reused: list[Shard] | None = None
    in_place: bool = True

    def origin(self, number: int, base: int | None = None) -> ShardOrigin:
        """Return the origin of the shard of a slice; `base`: sentences of its first document before it."""
        slice = self.slices[number]
        return ShardOrigin(
            name=self.source.name,
            sha256=self.source.sha256,
            number=number,
            begin=slice.begin,
            end=slice.end,
            state=slice.state,
            last=number + 1 == len(self.slices),
            corpus=self.source.corpus,
            base=base,
            refused=self.quarantined is not None,
        )

    def quarantine(self, record: Quarantined) -> None:
        """Quarantine the whole source."""
        self.quarantined, self.slices = record, [Slice(0, 0)]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        refused = None
        if self.quarantined:
            raw = base64.b64encode(self.quarantined.raw).decode()
            refused = {**asdict(self.quarantined), "raw": raw}
        slices = [slice.to_json() for slice in self.slices]
        return {"sha256": self.source.sha256, "pieces": slices, "refused": refused}

    @classmethod
    def from_json(cls, source: TaggingSource, value: dict[str, Any]) -> "PlannedSource":
        """Return what `to_json` gave, of this source."""
        refused = value["refused"]
        if refused:
            refused = Quarantined(**{**refused, "raw": base64.b64decode(refused["raw"])})
        return cls(source, [Slice.from_json(slice) for slice in value["pieces"]], refused)


def plan_path(out: Path) -> Path:
    """Return the path of the plan of an unfinished output."""
    return out / STAGING / PLAN


def read_plan(out: Path) -> dict[str, Any] | None:
    """Read the plan of an unfinished run, if there is one."""
    try:
        plan: dict[str, Any] = json.loads(plan_path(out).read_bytes())
    except (OSError, ValueError):
        return None
    return plan


def plan_sources(
    writer: DatasetWriter,
    sources: Sequence[TaggingSource],
    options: Options,
    size: int | None,
    *,
    whole_documents: bool = False,
) -> list[PlannedSource]:
    """Find the slices of all sources; those of an unfinished run stay as they are.

    Args:
        writer: of the output.
        sources: to be tagged.
        options: how they are read.
        size: bytes of a slice; chosen by the size of the input if None.
        whole_documents: True if no document may go on from slice to slice.

    Raises:
        BadInput: a source was changed while it was read.
    """
    unfinished = (read_plan(writer.folder) or {}).get("sources", {})
    committed: dict[str, list[Shard]] = {}
    for shard in writer.committed:
        committed.setdefault(shard.source["name"], []).append(shard)
    sizes = SliceSize.of(size or slice_size(sources))
    plan = []
    for source in sources:
        reused = _complete(writer, source, committed.get(source.name, []))
        if reused is not None:
            plan.append(PlannedSource(source, reused=reused))
            continue
        before = unfinished.get(source.name)
        if before and before["sha256"] == source.sha256:
            planned = PlannedSource.from_json(source, before)
        else:
            one_slice = whole_documents and source.documents_span_slices
            planned = _split(source, options, SliceSize.of(WHOLE) if one_slice else sizes)
        planned.in_place = source.sliceable_in_place
        plan.append(planned)
    return plan


def _split(source: TaggingSource, options: Options, sizes: SliceSize) -> PlannedSource:
    planned = PlannedSource(source)
    try:
        slices = source.split(options, sizes)
    except BadInput as error:
        slices = source.unreadable(error)
    if isinstance(slices, Quarantined):
        planned.quarantine(slices)
    else:
        planned.slices = slices
    return planned


def _complete(writer: DatasetWriter, source: TaggingSource, shards: list[Shard]) -> list[Shard] | None:
    """Return the committed shards of a source, if they are all of it as it would be made now."""
    origins = [ShardOrigin.from_json(shard.source) for shard in shards]
    order = sorted(range(len(shards)), key=lambda n: origins[n].number)
    for number, n in enumerate(order):
        same = origins[n].sha256 == source.sha256 and origins[n].number == number
        if not same or shards[n].key != writer.staging.full_key(origins[n].key):
            return None
    if not shards or not origins[order[-1]].last or not all(map(writer.staging.holds, shards)):
        return None
    return [shards[n] for n in order]


def write_plan(writer: DatasetWriter, model_uri: str, folder: Path, plan: Sequence[PlannedSource]) -> None:
    """Write the plan of a run.

    Args:
        writer: of the output.
        model_uri: the model as the user named it.
        folder: of the model.
        plan: the sources.
    """
    sources = {planned.source.name: planned.to_json() for planned in plan if planned.reused is None}
    wanted = {"asked": model_uri, "folder": str(folder.resolve())}
    value = {**wanted, "config": writer.config, "sources": sources}
    atomic_write(plan_path(writer.folder), to_bytes(value))
