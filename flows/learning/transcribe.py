"""`elman transcribe`: the text of clips of speech, with times and probabilities, in bulk."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval

from elman.data.errors import UsageError
from elman.data.sources.copies import Copies
from elman.data.sources.reading import collect_sources
from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.flows.arguments import Config, Model, Sources
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.console import print_status, progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.runtime.quarantine import report_quarantine
from elman.tasks.runtime.source_copies import source_copies
from elman.tasks.tagging.discovery import check_outside
from elman.tasks.tagging.model_choice import passport_hash
from elman.tasks.transcription import clips_in_bulk
from elman.tasks.transcription.transcriber import Transcriber

FormatName = Literal["parquet", "txt", "ctm", "srt"]


@dataclass(frozen=True, kw_only=True)
class TranscribeConfig(Config):
    """Write down speech with a model of `elman train --task transcribe`; a killed run goes on if rerun."""

    model: Model
    """a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    sources: Sources
    """sound files (WAV, FLAC, OGG), folders and archives of them, lists that name clips"""
    out: Path
    """folder of the transcribed dataset"""
    format: tuple[FormatName, ...] = ("parquet",)
    """parquet: always written; txt: a line a clip; ctm: a line a word; srt: subtitles, a file a clip"""
    beam: Annotated[int, Interval(ge=1, le=100)] = 8
    """texts kept while decoding; 1 takes the best character of each frame"""
    workers: Annotated[int, Ge(1)] | None = None
    """threads at most, all cores by default; the bytes are the same for any number"""

    def __post_init__(self) -> None:
        """Check that there is something to transcribe."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected a SOURCE to transcribe. Got none.")


@dataclass(frozen=True, kw_only=True)
class Transcribed:
    """Result of a run.

    Attributes:
        out: folder of the dataset.
        model: version of the model.
        clips, words, quarantined: in it.
        digest: sha256 of the manifest.
        seconds: wall time.
        run_id: of MLflow if the run was sent, else our own.
    """

    out: Path
    model: str
    clips: int
    words: int
    quarantined: int
    digest: str
    seconds: float
    run_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        counts = {"clips": self.clips, "words": self.words, "quarantined": self.quarantined}
        end = {"digest": self.digest, "seconds": self.seconds, "run_id": self.run_id}
        return {"out": str(self.out), "model": self.model, **counts, **end}


@flow
def transcribe(config: TranscribeConfig) -> Transcribed:
    """Find the clips, transcribe them shard by shard, and commit all of them at once."""
    check_outside(config.out, config.sources)
    with source_copies() as copies:
        return _transcribe(config, copies)


def _transcribe(config: TranscribeConfig, copies: Copies) -> Transcribed:
    begun = time.monotonic()
    folder = model_folder.resolve(config.model)
    transcriber = Transcriber.read(folder)
    sources, skipped = collect_sources(list(config.sources), family="speech", copies=copies)
    for path, why in skipped:
        print_status(f"skipped: {path}: {why}")
    settings = clips_in_bulk.settings_of(transcriber, passport_hash(folder), config.beam)
    writer = DatasetWriter(config.out, kind=clips_in_bulk.KIND, config=settings)
    params = {"model": transcriber.version, "asked": config.model, "out": config.out, **settings}
    name = f"{config.out.name} by {transcriber.version}"
    with mlflow_sync.record_run("transcribe", name, params) as recorder, writer:
        with progress("transcribing", len(sources), "sources") as advance:
            shards = clips_in_bulk.stage_sources(
                writer,
                sources,
                transcriber,
                config.beam,
                workers=config.workers or os.cpu_count() or 1,
                on_source=advance,
            )
        exports = clips_in_bulk.export(writer, shards, config.format)
        entries = [source.to_json() for source in sources]
        dataset = writer.commit(shards, sources=entries, meta={"asked": config.model}, exports=exports)
        totals = dataset.manifest["totals"]["counts"]
        counts = {name: int(totals.get(name, 0)) for name in ("clips", "words", "quarantined")}
        seconds = round(time.monotonic() - begun, 3)
        recorder.log_metrics({**counts, "transcribe_s": seconds}, 0)
        report_quarantine(dataset)
        atomic_write(recorder.run.artifacts / "summary.json", to_bytes(counts))
        recorder.run.add_tags({"elman.model": transcriber.version, "elman.manifest": dataset.digest})
        result = Transcribed(
            out=config.out,
            model=transcriber.version,
            clips=counts["clips"],
            words=counts["words"],
            quarantined=counts["quarantined"],
            digest=dataset.digest,
            seconds=seconds,
        )
    return replace(result, run_id=recorder.run.id)
