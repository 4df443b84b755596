"""`elman generate`: pieces of music, text or DNA from a next-symbol model, in bulk."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval

from elman.data.store.disk import atomic_write, to_bytes
from elman.data.store.writer import DatasetWriter
from elman.flows.arguments import Config, Model
from elman.tasks.execution.memory import parse_size
from elman.tasks.generation import pieces_in_bulk
from elman.tasks.generation.drawing import Drawing, Request
from elman.tasks.generation.generator import Generator
from elman.tasks.generation.shards import LOG, stage_pieces, workers_for
from elman.tasks.generation.writing import PLAYED, draw_roll, notes_of
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.console import progress
from elman.tasks.runtime.orchestration import flow
from elman.tasks.tagging.model_choice import passport_hash


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(Config):
    """Generate pieces with a model of `elman train --task generate`; a killed run goes on when run again."""

    model: Model
    """a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    out: Path
    """folder of the generated dataset"""
    count: Annotated[int, Interval(ge=1, le=100_000)] = 10
    """pieces; no two are the same"""
    start: str | None = None
    """symbol to begin from: a note, `K:G`, `M:6/8`, a MIDI number, a letter; from nothing if not given"""
    length: Annotated[int, Ge(1)] | None = None
    """time steps at most; of rolls exactly, the median of training if not given"""
    temperature: Annotated[float, Gt(0)] = 1.0
    """below 1 the likely becomes likelier"""
    seed: Annotated[int, Ge(0)] = 0
    """the same seed gives the same bytes"""
    wav: Annotated[int, Ge(0)] = 10
    """of music: how many pieces, the first ones, are rendered as sound"""
    workers: Annotated[int, Ge(0)] | None = None
    """processes; as many as there are cores if not given; 0: in this process; the bytes are the same"""
    memory: str = "1GiB"
    """for all processes together"""

    def __post_init__(self) -> None:
        """Check the memory."""
        super().__post_init__()
        parse_size(self.memory)

    @property
    def request(self) -> Request:
        """Pieces that are to be generated."""
        return Request(
            count=self.count,
            start=self.start,
            length=self.length,
            temperature=self.temperature,
            seed=self.seed,
            wav=self.wav,
        )


@dataclass(frozen=True, kw_only=True)
class Generated:
    """Result of a run.

    Attributes:
        out: folder of the dataset.
        model: version of the model.
        pieces: in it.
        left_out: pieces that only repeated others however often they were drawn.
        figures: of `tasks.generation.pieces_in_bulk.summary`.
        digest: sha256 of the manifest.
        seconds: wall time.
    """

    out: Path
    model: str
    pieces: int
    left_out: int
    figures: Mapping[str, float]
    digest: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        counts = {"pieces": self.pieces, "left_out": self.left_out}
        end = {"digest": self.digest, "seconds": self.seconds}
        return {"out": str(self.out), "model": self.model, **counts, **self.figures, **end}


@flow
def generate(config: GenerateConfig) -> Generated:
    """Draw the pieces shard by shard, draw those again that repeat others, and commit all of them at once."""
    begun = time.monotonic()
    folder = model_folder.resolve(config.model)
    generator = Generator.read(folder)
    request = config.request
    settings = request.config(generator, passport_hash(folder))
    drawing = Drawing(generator, request)
    workers = partial(workers_for, drawing, config.workers, parse_size(config.memory))
    writer = DatasetWriter(config.out, kind=pieces_in_bulk.KIND, config=settings)
    params = {"model": generator.version, "asked": config.model, "out": config.out, **settings}
    name = f"{config.out.name} by {generator.version}"
    with mlflow_sync.record_run("generate", name, params) as recorder, writer:
        with progress("drawing", config.count, "pieces") as advance:
            staged = stage_pieces(writer, drawing, folder, recorder.run.folder / LOG, workers, advance)
        shards, left_out = pieces_in_bulk.without_repeats(writer, staged, drawing)
        exports = pieces_in_bulk.export(writer, shards, drawing)
        dataset = writer.commit(shards, meta={"left_out": left_out}, exports=exports)
        figures = pieces_in_bulk.summary(dataset)
        counts = {
            "pieces": float(dataset.manifest["totals"]["counts"]["pieces"]),
            "left_out": float(left_out),
        }
        seconds = round(time.monotonic() - begun, 3)
        recorder.log_metrics({**figures, **counts, "generate_s": seconds}, 0)
        _show_first(
            generator,
            dataset.folder,
            dataset.scan().head(1).collect()["symbols"].to_list(),
            recorder.run.artifacts,
        )
        atomic_write(recorder.run.artifacts / "summary.json", to_bytes({**figures, **counts}))
        recorder.run.add_tags({"elman.model": generator.version, "elman.manifest": dataset.digest})
    return Generated(
        out=config.out,
        model=generator.version,
        pieces=int(counts["pieces"]),
        left_out=left_out,
        figures=figures,
        digest=dataset.digest,
        seconds=seconds,
    )


def _show_first(generator: Generator, folder: Path, pieces: list[list[str]], out: Path) -> None:
    """Copy the first piece among the files of the run: its roll, MIDI and sound, or its text."""
    unit = generator.vocabulary.unit
    for symbols in pieces:
        if unit in PLAYED:
            notes = notes_of(unit, symbols, generator.passport.steps_per_quarter)
            draw_roll(notes, f"piece 0 of {generator.version}", out / "roll.png")
        else:
            atomic_write(out / "piece.txt", "".join(symbols).encode("utf-8", "replace"))
    for name in ("midi/000000.mid", "wav/000000.wav", "pieces.abc"):
        if (folder / name).is_file() and (folder / name).stat().st_size < 1 << 23:
            atomic_write(out / name.rpartition("/")[2], (folder / name).read_bytes())
