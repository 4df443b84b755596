"""Genomes: which files belong together, their contigs, and the table they become.

for genome in pair(fasta, gff3, open_bytes)[0]:
    for record in read_genome(genome, open_bytes):      # Contig | Quarantined
        frame = pieces(record)                          # schema.DNA
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from elman.data.formats.fasta import read_fasta
from elman.data.formats.genbank import read_genbank
from elman.data.formats.gff3 import Annotation, Row, read_gff3
from elman.data.formats.records import Quarantined
from elman.data.genome.annotation_rules import CODING, AnnotationRule
from elman.data.genome.contigs import Contig, Feature, over_origin

_SKIPPED = 1 << 20  # bytes passed over together


class Source(Protocol):
    """A file of a genome: where it lies, what it is called in tables, and "fasta", "gff3" or "genbank"."""

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102


S = TypeVar("S", bound=Source)


@dataclass(frozen=True)
class Genome:
    """Files that are read together: sequences, and the annotations that speak of their contigs."""

    sequences: tuple[Source, ...]
    annotations: tuple[Source, ...] = ()


def stem(path: Path) -> str:
    """A file's name without its compression and format endings: NAME of NAME.fna.gz."""
    return re.sub(r"\.(gz|bgz|zst)$", "", path.name).rsplit(".", 1)[0]


def pair(
    sequences: Sequence[S], annotations: Sequence[S], open_bytes: Callable[[S], BinaryIO]
) -> tuple[list[Genome], list[tuple[Path, str]]]:
    """Find the annotation of each genome.

    NAME.gff3 and NAME.KIND.gff3 belong to NAME.fna in the same folder. An annotation left over belongs to the
    FASTA files, without annotation so far, that hold its contigs. One with a `##FASTA` section stands alone.

    Args:
        sequences: FASTA and GenBank files.
        annotations: GFF3 files.
        open_bytes: opens one, decompressed.

    Returns:
        genomes in the order of their sequences, and (path, reason) of each annotation that has no sequence.
    """
    fasta = [source for source in sequences if source.kind == "fasta"]
    of: dict[Path, list[S]] = {source.path: [] for source in fasta}
    left: list[S] = []
    for annotation in annotations:
        own = stem(annotation.path)
        near = [s for s in fasta if s.path.parent == annotation.path.parent]
        named = [s for s in near if own == stem(s.path)] or [
            s for s in near if own.startswith(stem(s.path) + ".")
        ]
        if named:
            of[max(named, key=lambda s: len(stem(s.path))).path].append(annotation)
        else:
            left.append(annotation)
    genomes: dict[Path, Genome] = {}
    skipped: list[tuple[Path, str]] = []
    ids = {s.path: _ids(s, open_bytes) for s in fasta if not of[s.path]} if left else {}
    claimed: dict[Path, Genome] = {}
    own_sequence: list[Genome] = []
    for annotation in left:
        with open_bytes(annotation) as stream:
            found = read_gff3(stream, annotation.name)
        partners = tuple(
            s for s in fasta if ids.get(s.path, set()) & found.contigs.keys() and s.path not in claimed
        )
        if partners:
            genome = Genome(partners, (annotation,))
            claimed.update({s.path: genome for s in partners})
        elif found.fasta is not None:
            own_sequence.append(Genome((annotation,), ()))
        else:
            skipped.append((annotation.path, "an annotation without a FASTA file that holds its contigs"))
    for source in sequences:
        if source.kind != "fasta":
            genomes[source.path] = Genome((source,))
        elif source.path in claimed:
            genome = claimed[source.path]
            genomes.setdefault(genome.sequences[0].path, genome)
        else:
            genomes[source.path] = Genome((source,), tuple(of[source.path]))
    return [*genomes.values(), *own_sequence], skipped


def _ids(source: S, open_bytes: Callable[[S], BinaryIO]) -> set[str]:
    try:
        with open_bytes(source) as stream:
            return {record.id for record in read_fasta(stream, source.name) if isinstance(record, Contig)}
    except (OSError, EOFError, zlib.error):
        return set()


def read_genome(
    genome: Genome,
    open_bytes: Callable[[S], BinaryIO],
    rules: Sequence[AnnotationRule] = CODING,
    spool: Path | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read contigs with their features; one contig is in memory at a time, and the labelled rows.

    Args:
        genome: the files, as `pair` found them.
        open_bytes: opens one, decompressed.
        rules: which features become labels.
        spool: of `data.formats.fasta.read_fasta`.

    Yields:
        contigs, and what was refused: entries, lines of the annotation, features outside their contig or on a
        contig that is nowhere.
    """
    annotations: list[Annotation] = []
    for source in genome.annotations:
        with open_bytes(source) as stream:  # type: ignore[arg-type]
            annotations.append(read_gff3(stream, source.name, rules))
        yield from annotations[-1].quarantined
    seen: set[str] = set()
    for source in genome.sequences:
        byte_offset, line, own = 0, 1, annotations
        if source.kind == "gff3":
            with open_bytes(source) as stream:  # type: ignore[arg-type]
                inside = read_gff3(stream, source.name, rules)
            yield from inside.quarantined
            own = annotations = [inside]
            if inside.fasta is None:
                continue
            byte_offset, line = inside.fasta
        with open_bytes(source) as stream:  # type: ignore[arg-type]
            if source.kind == "genbank":
                yield from read_genbank(stream, source.name, rules, seen=seen, spool=spool)
                continue
            for at in range(0, byte_offset, _SKIPPED):
                stream.read(min(_SKIPPED, byte_offset - at))
            for record in read_fasta(
                stream, source.name, byte_offset=byte_offset, line=line, seen=seen, spool=spool
            ):
                if isinstance(record, Quarantined) or not own:
                    yield record
                else:
                    yield from _annotate(record, own)
    for annotation in annotations:
        for contig, rows in annotation.rows.items():
            if contig not in seen:
                detail = f"expected a contig of the genome. Got {contig!r}"
                yield from (_misplaced(row, "unknown-contig", detail) for row in rows)


def _annotate(contig: Contig, annotations: list[Annotation]) -> Iterator[Contig | Quarantined]:
    """Refuse features that lie outside, cut those that run over the origin of a circle, attach the rest."""
    features: list[Feature] = []
    circular = contig.circular or any(contig.id in annotation.circular for annotation in annotations)
    for annotation in annotations:
        for row in annotation.rows.get(contig.id, ()):
            feature = row.feature
            if feature.end <= contig.length:
                features.append(feature)
            elif circular and feature.start < contig.length:
                features += over_origin(feature, contig.length)
            else:
                detail = f"expected an end within {contig.id}, {contig.length} bases long. Got {feature.end}"
                yield _misplaced(row, "outside-contig", detail)
    ordered = tuple(sorted(features, key=lambda f: (f.start, f.end)))
    yield replace(contig, features=ordered, circular=circular)


def _misplaced(row: Row, reason: str, detail: str) -> Quarantined:
    return Quarantined(
        source=row.source,
        line=row.line,
        byte_offset=row.byte_offset,
        reason=reason,
        detail=detail,
        todo="Give the annotation that was made for this sequence, of the same version.",
        raw=row.raw,
    )
