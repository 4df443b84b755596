"""`elman tag`: tag text or DNA in bulk into Parquet and exports."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data.errors import UsageError
from flows.arguments import Model, Sources
from tasks import model, tracking
from tasks.orchestration import flow
from tasks.progress import progress
from tasks.refused import say_refused
from tasks.tag import (
    DNA_FORMATS,
    SHARD_SIZE,
    TEXT_FORMATS,
    begin,
    commit_tags,
    count_tags,
    find_input,
    pinned_model,
    tag_items,
    tag_writer,
)
from tasks.tag_sources import grouped

EXIT_BAD_DATA = 3


@dataclass(frozen=True, kw_only=True)
class TagConfig:
    """Tag text or DNA with a model; what the output has of these sources already is reused."""

    model: Model  # a folder, models:/NAME@alias, models:/NAME/VERSION or a run id
    sources: Sources  # files or folders, of text or of DNA as the model
    out: Path  # folder of the tagged dataset
    format: str = "parquet"  # and, comma-separated, jsonl, conll (text) or gff3, bed, faa (DNA)
    shard_size: int = SHARD_SIZE  # characters or bases in a unit of committed work
    genetic_code: Literal[1, 4, 11] | None = None  # of DNA: NCBI's number; the model's own (11) if not given

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not self.sources:
            raise UsageError("expected files or folders to tag. Got none.")
        wrong = [name for name in self.formats if name not in (*TEXT_FORMATS, *DNA_FORMATS)]
        if wrong:
            known = ", ".join(dict.fromkeys((*TEXT_FORMATS, *DNA_FORMATS)))
            raise UsageError(f"expected --format of {known}. Got {', '.join(wrong)}.")
        if self.shard_size < 1:
            raise UsageError(f"expected --shard-size of 1 or more. Got {self.shard_size}.")

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats asked for."""
        return tuple(name.strip() for name in self.format.split(",") if name.strip())


@flow
def tag(config: TagConfig) -> dict[str, Any]:
    """Find the model and the sources, tag what is new shard by shard, and commit all of it at once."""
    begun = time.monotonic()
    folder = str(pinned_model(config.out, config.model))
    loaded = model.read(Path(folder))
    inputs, skipped = find_input(config.sources, loaded.kind, folder, config.out)
    params = {"model": loaded.version, "out": config.out, "format": config.format}
    with tracking.recording("tag", f"{config.out.name} by {loaded.version}", params) as recorder:
        with tag_writer(config.out, folder, config.formats, config.shard_size, config.genetic_code) as writer:
            begin(writer, config.model, folder, inputs)
            with progress("tagging", sum(each.size for each in inputs) / 1e6, "MB") as advance:
                tagged = [
                    line
                    for group in grouped(inputs)
                    for line in tag_items(
                        writer.staging,
                        group,
                        folder,
                        config.formats,
                        config.shard_size,
                        lambda done: advance(done / 1e6),
                        writer.committed,
                        config.genetic_code,
                    )
                ]
            counts = count_tags(writer, tagged)
            dataset = commit_tags(writer, inputs, tagged)
        if counts["quarantined"]:
            say_refused(dataset)
        seconds = round(time.monotonic() - begun, 3)
        recorder.metrics({**counts, "seconds": seconds}, 0)
        recorder.run.save(tags={"elman.model": loaded.version, "elman.manifest": dataset.digest})
    return {
        **counts,
        "seconds": seconds,
        "out": str(config.out),
        "model": loaded.version,
        "digest": dataset.digest,
        "skipped": [{"path": path, "reason": reason} for path, reason in skipped],
        "exit_code": EXIT_BAD_DATA if counts["quarantined"] else 0,
    }
