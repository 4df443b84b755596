"""Content of a file of annotation: labelled features by contig, with the lines they came from."""

from dataclasses import dataclass, field

from elman.data.formats.common.records import Place, Quarantined
from elman.data.genome.contigs import Feature

REASONS = {
    "wrong-columns": "a line without the columns of the format, or of the other lines",
    "bad-location": "a feature whose location cannot be read",
    "outside-contig": "a feature that lies outside its contig",
    "unknown-contig": "a feature of a contig that no sequence has",
    "no-contig": "a feature without a contig",
    "no-strand": "a labelled feature without a strand",
    "line-too-long": "a line of more than 1 MiB",
    "invalid-utf8": "bytes that are not UTF-8",
    "truncated": "the file breaks off or is damaged there",
}  # of quarantine, that lines of features have in common


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled feature and the line it came from."""

    feature: Feature
    place: Place


@dataclass
class Annotation:
    """Content of one file of annotation.

    rows: features by contig, in the order of the file, end not yet checked against the contig.
    contigs: every contig named, in order.
    circular: contigs with a feature that says so.
    fasta: byte offset and line of the sequences that follow in the same file, or None.
    unreadable: by contig, stretches of quarantined features that would have been labelled, 0-based half-open.
    genes_without_cds: True if there are genes and no feature that is labelled.
    """

    rows: dict[str, list[Row]] = field(default_factory=dict)
    contigs: dict[str, None] = field(default_factory=dict)
    circular: set[str] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)
    fasta: tuple[int, int] | None = None
    unreadable: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    genes_without_cds: bool = False
