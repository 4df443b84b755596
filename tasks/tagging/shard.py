"""One shard of tagging, from the bytes of a slice to staged files: what every worker of every engine does.

A worker loads the model once (`Shards.load`) and then takes jobs, plain values all of them. What is staged
depends on the slice, the model and what is asked for alone: which worker does it, and when, leaves no trace.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.corpus.shards import quarantine_table
from elman.data.errors import ElmanError
from elman.data.formats.options import Options
from elman.data.formats.records import Quarantined
from elman.data.formats.slices import Slice
from elman.data.store import schema
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import Staging
from elman.data.text.string_table import DEFAULT_STRINGS, INPUT_CACHE_BYTES
from elman.data.text.tokenizer import Tokenizer
from elman.tasks.models import model_folder
from elman.tasks.tagging.inputs import File, Input, Part, Record, input_of, records
from elman.tasks.tagging.text_tables import Cut, Tables, cuts, entities

WINDOW = 1 << 20  # characters or bases at a time; the rows of a shard do not depend on it, bits may
BINS = 20  # of the histogram of probabilities

Say = Callable[[int, int], None]  # told which records are tried next: from, to


@dataclass(frozen=True, kw_only=True)
class Request:
    """What all shards of a run have in common.

    Attributes:
        model: folder.
        out: folder of the dataset.
        salt: of its keys.
        formats: what is asked for.
        min_probability: entities and intervals below it are left out.
        genetic_code: of DNA; the model's own if None.
        reuse: whether equal sentences may be tagged once.
        kept: words, and stretches between white space, in the tables of a worker.
        rows: bytes of its table of what enters the cells for these words.
    """

    model: str
    out: str
    salt: str
    formats: tuple[str, ...]
    min_probability: float = 0.0
    genetic_code: int | None = None
    reuse: bool = True
    kept: int = DEFAULT_STRINGS
    rows: int = INPUT_CACHE_BYTES

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt at a shard.

    Attributes:
        source: `Input.to_job` of what it is of.
        about: what the manifest says of where it came from; names the shard.
        piece: the slice.
        base: sentences of the document before it, where that is known; else None, and they are added later.
        unpacked, start: as of `data.sources.splitting.read_slice`.
        skip: number of each record that is not to be tried, and why: reason and detail.
        suspect: records that are tried in small parts, each announced.
    """

    source: dict[str, Any]
    about: dict[str, Any]
    piece: list[Any]
    base: int | None = None
    unpacked: str | None = None
    start: int = 0
    skip: dict[int, tuple[str, str]] = field(default_factory=dict)
    suspect: tuple[int, int] | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Job":
        """From the plain values of `asdict`, also when they have been JSON."""
        skip = {int(number): (why[0], why[1]) for number, why in value["skip"].items()}
        suspect = None if value["suspect"] is None else (value["suspect"][0], value["suspect"][1])
        return cls(**{**value, "skip": skip, "suspect": suspect})


PARTS = 16  # into which suspect records are divided


def about_of(each: Input, number: int, piece: Slice, last: bool) -> dict[str, Any]:
    """What a manifest says of where a shard came from."""
    corpus = {} if isinstance(each, File) else {"corpus": each.corpus}
    return {
        "name": each.name,
        "sha256": each.sha256,
        "number": number,
        "begin": piece.begin,
        "end": piece.end,
        "state": piece.state,
        "last": last,
        **corpus,
    }


def shard_key(about: dict[str, Any]) -> str:
    """Names what a shard is made from; sentences before it are no part of it, they follow."""
    return key_of(**{name: about[name] for name in ("name", "sha256", "number", "begin", "end", "state")})


def shard_id(about: dict[str, Any]) -> str:
    """Names a shard in its dataset, and puts those of one source in order."""
    return f"{key_of(name=about['name'], sha256=about['sha256'])[:16]}-{about['number']:06}"


class Shards:
    """A loaded model that tags slices and stages what it finds."""

    def __init__(
        self, request: Request, staging: Staging, tables: Callable[[Input, bool], Tables], options: Options
    ) -> None:
        self.request, self.staging, self.tables, self.options = request, staging, tables, options

    @classmethod
    def load(cls, request: Request) -> "Shards":
        """Load the model.

        Raises:
            BadInput, IntegrityError: as `tasks.models.model_folder.read`.
        """
        loaded = model_folder.read(Path(request.model))
        staging = Staging(Path(request.out), request.salt)
        if loaded.kind == "dna":
            from elman.tasks.models.gene_finder import load_model
            from elman.tasks.tagging.genome_tables import Genomes

            finder = load_model(loaded).of_code(request.genetic_code)
            options = Options(spool=staging.temporary_folder())
            return cls(request, staging, Genomes(finder, request.formats, staging), options)
        from elman.tasks.models.text_tagger import Tagger

        tables = entities(Tagger.of(loaded, request.kept, request.rows), request.formats, request.reuse)
        return cls(
            request, staging, lambda each, whole: tables, replace(options_of(loaded), strings=request.kept)
        )

    def tag(self, job: Job, print_status: Say = lambda begin, end: None) -> Shard:
        """Tag a slice and stage it.

        Raises:
            BadInput: the source was changed or cannot be read.
            OSError: the disk is full, ...
        """
        each, piece = input_of(job.source), Slice.from_json(job.piece)
        unpacked = Path(job.unpacked) if job.unpacked else None
        tables_of = self.tables(each, job.about["last"] and job.about["number"] == 0)
        kept = list[pl.DataFrame]()
        stream = _apart(records(each, piece, self.options, unpacked, job.start), kept)
        counted = Counter[str]()
        frames: dict[str, list[pl.DataFrame]] = {}
        quarantined: list[Quarantined] = []
        for cut in _parts(_without(_counted(stream, counted), job, quarantined), job.suspect):
            print_status(cut.first, cut.first + cut.length)
            found, counts = tables_of(cut.cut)
            counted.update(counts)
            quarantined += cut.cut.quarantined
            for name, frame in self._kept(found, counted).items():
                frames.setdefault(name, []).append(frame)
        tables = {name: _joined(name, some) for name, some in frames.items()}
        if kept:
            _keep(tables, pl.concat(kept))
        tables["quarantine"] = quarantine_table(quarantined)
        _check(each, counted, tables, len(job.skip))
        counted["quarantined"], counted["rows"] = len(quarantined), tables["data"].height
        counts = {name: int(n) for name, n in sorted(counted.items()) if not name.startswith("read ")}
        return self.stage(job.about, tables, counts, job.base)

    def stage(
        self, about: dict[str, Any], tables: dict[str, pl.DataFrame], counts: dict[str, int], base: int | None
    ) -> Shard:
        """Stage the tables of a shard, those of no rows left out, `data` in any case."""
        kept = {name: frame.rechunk() for name, frame in tables.items() if frame.height or name == "data"}
        if base:
            kept = {name: _shifted(frame, base) for name, frame in kept.items()}
        about = {**about, "base": base, "names": 0}
        return self.staging.stage(shard_id(about), shard_key(about), kept, counts=counts, source=about)

    def _kept(self, found: dict[str, pl.DataFrame], counted: Counter[str]) -> dict[str, pl.DataFrame]:
        """Tables without rows of too low a probability, and what there is to count of those left."""
        data = found["data"]
        if self.request.min_probability > 0:
            sure = data["probability"] >= self.request.min_probability
            counted["below"] += data.height - int(sure.sum())
            data = data.filter(sure)
        kind = "type" if "type" in data.columns else "label"
        for name, count in data[kind].value_counts().iter_rows():
            counted[f"{kind} {name}"] += count
        bins = np.minimum((data["probability"].to_numpy() * BINS).astype(np.int64), BINS - 1)
        for number, count in enumerate(np.bincount(bins, minlength=BINS).tolist()):
            counted[f"probability {number:02}"] += count
        return {**found, "data": data}


def options_of(loaded: model_folder.Model) -> Options:
    """How sources of text are read for a model."""
    if loaded.kind == "dna":
        return Options()
    tokenizer = Tokenizer.from_json(loaded.passport["tokenizer"])
    return Options(unit=loaded.passport["unit"], tokenizer=tokenizer)


def _apart(stream: Iterable[Record | pl.DataFrame], kept: list[pl.DataFrame]) -> Iterator[Record]:
    """Records alone; frames of columns that are kept are put aside."""
    for record in stream:
        if isinstance(record, pl.DataFrame):
            kept.append(record)
        else:
            yield record


def _keep(tables: dict[str, pl.DataFrame], kept: pl.DataFrame) -> None:
    """Give all rows of a document the kept columns of the row it came from."""
    tables["documents"] = tables["documents"].join(kept, on="line", how="left", maintain_order="left")
    of = tables["documents"].select("document", pl.exclude(schema.TAGGED_DOCUMENTS.names()))
    for name in ("data", "tokens"):
        if name in tables:
            tables[name] = tables[name].join(of, on="document", how="left", maintain_order="left")


def _counted(stream: Iterable[Record], seen: Counter[str]) -> Iterator[Record]:
    """Count what is read, to be compared with what is written."""
    for record in stream:
        if isinstance(record, Part):
            seen["read sentences"] += len(record)
            seen["records"] += record.records
        else:
            seen["records"] += 1
            seen["read quarantine" if isinstance(record, Quarantined) else "read contigs"] += 1
        yield record


def _check(each: Input, seen: Counter[str], tables: dict[str, pl.DataFrame], skipped: int) -> None:
    """Compare what was read with what is to be written.

    Raises:
        ElmanError: something was lost or doubled.
    """
    written = {
        "sentences": seen["sentences"],
        "contigs": tables["contigs"].height if "contigs" in tables else 0,
        "quarantine": tables["quarantine"].height,
    }
    found = sum(written.values())
    read = sum(seen[f"read {name}"] for name in written)
    if found != read or written["quarantine"] != seen["read quarantine"] + skipped:
        raise ElmanError(
            f"{each.name}: expected {read} sentences, contigs and quarantined records. Got {written}."
        )


def _without(stream: Iterable[Record], job: Job, quarantined: list[Quarantined]) -> Iterator[Record]:
    """Records without those to be skipped, which are quarantined."""
    if not job.skip:
        yield from stream
        return
    done = 0
    for record in stream:
        length = _length(record)
        here = sorted(number - done for number in job.skip if done <= number < done + length)
        if not here:
            yield record
        elif isinstance(record, Part):
            at = 0
            for number in here:
                if number > at:
                    yield record.slice(at, number)
                quarantined.append(_quarantined(record.slice(number, number + 1), *job.skip[done + number]))
                at = number + 1
            if at < length:
                yield record.slice(at, length)
        else:
            quarantined.append(_quarantined(record, *job.skip[done]))
        done += length


def _length(record: Record) -> int:
    """Records that can be skipped: sentences, contigs."""
    return len(record) if isinstance(record, Part) else 0 if isinstance(record, Quarantined) else 1


_ADVICE = "Look at the record: tagging it ended its worker. Shorten or mend it, and tag it again."


def _quarantined(record: Record, reason: str, detail: str) -> Quarantined:
    assert not isinstance(record, Quarantined)
    if isinstance(record, Part):
        where = f"sentence at character {int(record.start[0])} of {record.document}"
        raw = record.texts[0].encode("utf-8", "surrogatepass")
    else:
        where, raw = f"contig {record.id}", record.bases[: 1 << 20].encode("latin-1", "replace")
    detail = f"expected a worker to tag the {where}. Got {detail}"
    return Quarantined(record.source, record.line, record.byte_offset, reason, detail, _ADVICE, raw)


@dataclass
class _Announced:
    """Records tried together, and their place in the slice, skipped ones not counted."""

    cut: Cut
    first: int
    length: int


def _parts(stream: Iterable[Record], suspect: tuple[int, int] | None) -> Iterator[_Announced]:
    """Windows of the records, those under suspicion in parts."""
    done = 0
    for cut in cuts(stream, WINDOW):
        length = sum(map(len, cut.parts)) + len(cut.contigs)
        if suspect is None or suspect[1] <= done or done + length <= suspect[0]:
            yield _Announced(cut, done, length)
        else:
            yield from _divided(cut, done, length, suspect)
        done += length


def _divided(cut: Cut, done: int, length: int, suspect: tuple[int, int]) -> Iterator[_Announced]:
    low, high = max(suspect[0], done), min(suspect[1], done + length)
    step = max(-(-(suspect[1] - suspect[0]) // PARTS), 1)
    edges = sorted({done, *range(low, high, step), high, done + length})
    rest = replace(cut, parts=[], contigs=[])
    yield _Announced(rest, done, 0)
    for a, b in itertools.pairwise(edges):
        some, at = Cut(), done
        for part in cut.parts:
            x, y = max(a - at, 0), min(b - at, len(part))
            if x < y:
                some.parts.append(part.slice(x, y))
            at += len(part)
        some.contigs = cut.contigs[max(a - at, 0) : max(b - at, 0)]
        yield _Announced(some, a, b - a)


def _joined(name: str, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all windows; a document that goes on in the next has one."""
    frame = pl.concat(frames)
    if name != "documents" or len(frames) == 1:
        return frame
    places = frame.group_by("source", "document", maintain_order=True)
    return places.agg(pl.col("line").first(), pl.col("sentences", "tokens").sum()).select(frame.columns)


def _shifted(frame: pl.DataFrame, base: int) -> pl.DataFrame:
    """Sentences counted from the beginning of their document."""
    if "sentence" not in frame.columns:
        return frame
    return frame.with_columns((pl.col("sentence") + base).cast(pl.Int32))
