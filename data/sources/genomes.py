"""Genomes: which files belong together, and their contigs with features.

for genome in pair(sequences, annotations, open_bytes)[0]:
    for record in read_genome(genome, open_bytes, options):  # Contig | Quarantined
        frame = pieces(record)                               # schema.DNA
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from elman.data.errors import BadInput
from elman.data.formats.common.annotations import Annotation, Row
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.streams import BROKEN, COMPRESSED_NAME
from elman.data.formats.dna.fasta import read_fasta
from elman.data.formats.registry import AnnotationFormat, SequenceFormat
from elman.data.genome.annotation_rules import CODING, AnnotationRule
from elman.data.genome.contigs import Contig, Feature, over_origin, unreadable
from elman.data.sources.detect import Source

_SKIPPED = 1 << 20  # bytes passed over together
_DATABASES = {"gi", "ref", "gb", "emb", "dbj", "gnl", "lcl", "tpg", "chr"}  # between bars of names of contigs


@dataclass(frozen=True)
class Genome:
    """Files that are read together: sequences, and the annotations of their contigs."""

    sequences: tuple[Source, ...]
    annotations: tuple[Source, ...] = ()


def stem(path: Path) -> str:
    """A file's name without its compression and format endings: NAME of NAME.fna.gz."""
    return COMPRESSED_NAME.sub("", path.name).rsplit(".", 1)[0]


def pair(
    sequences: Sequence[Source], annotations: Sequence[Source], open_bytes: Callable[[Source], BinaryIO]
) -> tuple[list[Genome], list[tuple[Path, str]]]:
    """Find the annotation of each genome.

    NAME.gff3, NAME.bed and NAME.KIND.gff3 belong to NAME.fna in the same folder. An annotation left over
    belongs to the FASTA files, without annotation so far, that hold its contigs. One with a `##FASTA` section
    stands alone.

    Args:
        sequences: FASTA and GenBank files.
        annotations: GFF3 and BED files.
        open_bytes: opens one, decompressed.

    Returns:
        genomes in the order of their sequences, and (path, reason) of each annotation that has no sequence.
    """
    bare = [source for source in sequences if not _has_features(source)]
    of: dict[Path, list[Source]] = {source.path: [] for source in bare}
    left: list[Source] = []
    for annotation in annotations:
        own = stem(annotation.path)
        near = [s for s in bare if s.path.parent == annotation.path.parent]
        named = [s for s in near if own == stem(s.path)] or [
            s for s in near if own.startswith(stem(s.path) + ".")
        ]
        if named:
            of[max(named, key=lambda s: len(stem(s.path))).path].append(annotation)
        else:
            left.append(annotation)
    genomes: dict[Path, Genome] = {}
    skipped: list[tuple[Path, str]] = []
    ids = {s.path: _ids(s, open_bytes) for s in bare if not of[s.path]} if left else {}
    claimed: dict[Path, Genome] = {}
    own_sequence: list[Genome] = []
    for annotation in left:
        with open_bytes(annotation) as stream:
            content = _read_annotation(annotation, stream)
        partners = tuple(
            s for s in bare if ids.get(s.path, set()) & content.contigs.keys() and s.path not in claimed
        )
        if partners:
            genome = Genome(partners, (annotation,))
            claimed.update({s.path: genome for s in partners})
        elif content.fasta is not None:
            own_sequence.append(Genome((annotation,), ()))
        else:
            _check_names(annotation, content, {name: s for s in bare for name in ids.get(s.path, ())})
            skipped.append((annotation.shown, "an annotation without a FASTA file that holds its contigs"))
    for source in sequences:
        if _has_features(source):
            genomes[source.path] = Genome((source,))
        elif source.path in claimed:
            genome = claimed[source.path]
            genomes.setdefault(genome.sequences[0].path, genome)
        else:
            genomes[source.path] = Genome((source,), tuple(of[source.path]))
    return [*genomes.values(), *own_sequence], skipped


def _check_names(annotation: Source, content: Annotation, contigs: Mapping[str, Source]) -> None:
    """Check that the contigs of an annotation are not those of a FASTA file in another form.

    Raises:
        BadInput: they are.
    """
    for contig in content.contigs:
        if like := _like(contig, contigs):
            todo = "Write the same names of contigs in both files, that of the annotation in the FASTA say."
            raise BadInput(
                f"contigs named as in the FASTA{like}", got=repr(contig), todo=todo, source=annotation.shown
            )


def _read_annotation(
    source: Source, stream: BinaryIO, rules: Sequence[AnnotationRule] = CODING
) -> Annotation:
    assert isinstance(source.format, AnnotationFormat)
    return source.format.read(stream, source.name, rules)


def _has_features(source: Source) -> bool:
    """Return True if the entries of a file come with their features."""
    return isinstance(source.format, SequenceFormat) and source.format.has_features


def _ids(source: Source, open_bytes: Callable[[Source], BinaryIO]) -> set[str]:
    """Ids of the entries of a file of sequences."""
    assert isinstance(source.format, SequenceFormat)
    try:
        with open_bytes(source) as stream:
            records = source.format.read(stream, source.name, Options())
            return {record.id for record in records if isinstance(record, Contig)}
    except BROKEN:
        return set()


def read_genome(
    genome: Genome, open_bytes: Callable[[Source], BinaryIO], options: Options
) -> Iterator[Contig | Quarantined]:
    """Read contigs with their features; one contig is in memory at a time, and the labelled rows.

    Args:
        genome: the files, as `pair` found them.
        open_bytes: opens one, decompressed.
        options: of reading.

    Yields:
        contigs, and what is quarantined: entries, lines of the annotation, features outside their contig or
        on an unknown contig.
    """
    annotations: list[Annotation] = []
    for source in genome.annotations:
        with open_bytes(source) as stream:
            annotations.append(_read_annotation(source, stream, options.labels))
        yield from annotations[-1].quarantined
    annotations = [one for one in annotations if not _lacks_cds(one, genome.annotations[0])]
    seen: set[str] = set()
    for source in genome.sequences:
        if not isinstance(source.format, SequenceFormat):  # an annotation with sequences of its own
            with open_bytes(source) as stream:
                annotations = [_read_annotation(source, stream, options.labels)]
            yield from annotations[0].quarantined
            _lacks_cds(annotations[0], source)
        with open_bytes(source) as stream:
            for record in _contigs(source, stream, annotations, seen, options):
                used = [one for one in annotations if not one.genes_without_cds]
                if isinstance(record, Quarantined) or not used or record.features is not None:
                    yield record
                else:
                    yield from _annotate(record, annotations)
    for annotation in annotations:
        for contig, rows in annotation.rows.items():
            if contig not in seen:
                detail = f"expected a contig of the genome{_like(contig, seen)}. Got {contig!r}"
                yield from (_misplaced(row, "unknown-contig", detail) for row in rows)


def _lacks_cds(annotation: Annotation, source: Source) -> bool:
    """Warn of an annotation with genes and no CDS: its contigs count as unannotated, not as non-coding."""
    if annotation.genes_without_cds:
        warnings.warn(
            f"{source.name}: genes without a CDS; its contigs count as not annotated. Give the annotation "
            "with its CDS features.",
            stacklevel=2,
        )
    return annotation.genes_without_cds


def _contigs(
    source: Source, stream: BinaryIO, annotations: list[Annotation], seen: set[str], options: Options
) -> Iterator[Contig | Quarantined]:
    """Entries of a file of sequences, or of the sequence section of an annotation, the last one read."""
    if isinstance(source.format, SequenceFormat):
        yield from source.format.read(stream, source.name, options, seen=seen)
    elif annotations[-1].fasta is not None:
        byte_offset, line = annotations[-1].fasta
        for at in range(0, byte_offset, _SKIPPED):
            stream.read(min(_SKIPPED, byte_offset - at))
        yield from read_fasta(stream, source.name, options, byte_offset=byte_offset, line=line, seen=seen)


def _annotate(contig: Contig, annotations: list[Annotation]) -> Iterator[Contig | Quarantined]:
    """Quarantine features outside the contig, split those over the origin, and attach the rest."""
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
                features += unreadable(feature.start, feature.end, contig.length, feature.id)
        for start, end in annotation.unreadable.get(contig.id, ()):
            features += unreadable(start, end, contig.length, f"unreadable{start + 1}")
    ordered = tuple(sorted(features, key=lambda f: (f.start, f.end)))
    yield replace(contig, features=ordered, circular=circular)


def _like(contig: str, names: Iterable[str]) -> str:
    """A name that may mean the same contig in another form, for messages; "" if there is none.

    `c1` and `c1.1` differ in their version, and `gi|123|ref|c1.1|` holds an accession among others.
    """
    forms = _forms(contig)
    other = next((name for name in names if forms & _forms(name)), None)
    return f", as {other!r}, which seems to be the same in another form" if other else ""


def _forms(contig: str) -> set[str]:
    """Accessions that a contig's name may stand for, without versions."""
    parts = [part for part in re.split(r"[|:]", contig) if part and part not in _DATABASES]
    return {re.sub(r"\.\d+$", "", part).casefold() for part in (contig, *parts)}


def _misplaced(row: Row, reason: str, detail: str) -> Quarantined:
    todo = "Give the annotation that was made for this sequence, of the same version and with the same names."
    return row.place.quarantine(reason, detail, todo)
