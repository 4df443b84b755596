"""Quality checks of annotated genomes: missing genes, overlaps, frames broken by stop codons, GC content."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from elman.data.corpus.contig_pieces import Stretch
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.nucleotides import UNKNOWN, codons_of, encode_bases
from elman.data.quality.findings import Example, Finding, FindingBuilder, Severity

LONG_CONTIG = 20_000  # bases; an annotated contig of this length without a gene is unlikely
LONGEST_OVERLAP = 60  # bases that genes of one strand may share (Hyatt et al., 2010)


_CHECKS: tuple[tuple[str, Severity, str, str, str], ...] = (
    (
        "genome-without-genes",
        "error",
        "sources",
        "sources without a CDS beside annotated ones",
        "Give its annotation or leave it out: training would learn its genes as non-coding.",
    ),
    (
        "contig-without-genes",
        "warning",
        "contigs",
        f"annotated contigs of {LONG_CONTIG:,} and more bases without a CDS",
        "Look whether the annotation names its contigs as the FASTA file does.",
    ),
    (
        "stop-within-gene",
        "warning",
        "genes",
        "genes with stop codons before their last codon",
        "Check the genetic code, the phase, or whether it is a pseudogene.",
    ),
    (
        "length-not-of-codons",
        "warning",
        "genes",
        "genes whose length is no multiple of three",
        "Check start, end and phase: GFF3 counts from 1, both ends included.",
    ),
    (
        "long-overlap",
        "warning",
        "genes",
        f"genes of one strand that share more than {LONGEST_OVERLAP} bases",
        "Remove the second annotation of one gene.",
    ),
    (
        "unusual-start",
        "note",
        "genes",
        "genes that begin with another codon than ATG, GTG or TTG",
        "Right for some; look at them if there are many.",
    ),
    (
        "unannotated-contig",
        "note",
        "contigs",
        "contigs without annotation",
        "They are left out of training and scores.",
    ),
)


@dataclass
class GenomeChecks:
    """Statistics and findings of a DNA corpus; `add` takes stretches of contigs."""

    code: int = 11  # genetic code of NCBI
    splits: dict[str, dict[str, int]] = field(default_factory=dict)
    gc: dict[str, list[int]] = field(default_factory=dict)  # by source: G and C, A C G and T
    _genes: dict[str, int] = field(default_factory=dict)
    _builders: dict[str, FindingBuilder] = field(
        default_factory=lambda: {
            code: FindingBuilder(code, severity, unit, detail, todo)
            for code, severity, unit, detail, todo in _CHECKS
        }
    )

    def add(self, stretch: Stretch, split: str) -> None:
        """Take a stretch of a contig with its annotation."""
        codes = encode_bases(stretch.bases)
        known = int((codes != UNKNOWN).sum())
        counts = self.splits.setdefault(split, dict.fromkeys(("stretches", "bases", "unknown", "genes"), 0))
        counts["stretches"] += 1
        counts["bases"] += len(codes)
        counts["unknown"] += len(codes) - known
        gc = self.gc.setdefault(stretch.source, [0, 0])
        gc[0] += int(((codes == 1) | (codes == 2)).sum())
        gc[1] += known
        self._genes.setdefault(stretch.source, 0)
        if stretch.features is None:
            self._note("unannotated-contig", stretch, f"{len(codes):,} bases")
            return
        genes = stretch.features.filter(pl.col("label") == CDS)
        counts["genes"] += genes["id"].n_unique()
        self._genes[stretch.source] += genes.height
        if not genes.height and len(codes) >= LONG_CONTIG:
            self._note("contig-without-genes", stretch, f"{len(codes):,} bases")
        self._check_overlaps(stretch, genes)
        self._check_frames(stretch, genes, codons_of(codes))

    def _note(self, code: str, stretch: Stretch, text: str) -> None:
        self._builders[code].add([Example(text, stretch.source, stretch.contig)])

    def _check_overlaps(self, stretch: Stretch, genes: pl.DataFrame) -> None:
        for strand in "+-":
            own = genes.filter(pl.col("strand") == strand).sort("start", "end")
            reached = pl.col("end").cum_max().shift(1, fill_value=0)
            shared = own.with_columns(shared=pl.min_horizontal(pl.col("end"), reached) - pl.col("start"))
            for row in shared.filter(pl.col("shared") > LONGEST_OVERLAP).iter_rows(named=True):
                self._note("long-overlap", stretch, f"{_place(row)}: {row['shared']:,} bases")

    def _check_frames(self, stretch: Stretch, genes: pl.DataFrame, words: np.ndarray) -> None:
        """Whole genes of one part inside the stretch: length, start codon, stop codons within."""
        is_start, is_stop = codon_tables(self.code)
        single = genes.filter(pl.len().over("id") == 1)
        end = stretch.start + len(stretch)
        for row in single.filter(pl.col("start") >= stretch.start, pl.col("end") <= end).iter_rows(
            named=True
        ):
            low, high = row["start"] - stretch.start, row["end"] - stretch.start
            reverse = row["strand"] == "-"
            length = high - low - (row["phase"] or 0)
            if length % 3:
                self._note("length-not-of-codons", stretch, f"{_place(row)}: {high - low:,} bases")
                continue
            first = low if reverse else low + (row["phase"] or 0)
            codons = words[first : first + length : 3]
            codons = codons[::-1] if reverse else codons
            stops = int(is_stop[int(reverse)][codons[:-1]].sum())
            if stops:
                self._note("stop-within-gene", stretch, f"{_place(row)}: {stops} stop codons")
            elif len(codons) and not row["phase"] and not is_start[int(reverse)][codons[0]]:
                self._note("unusual-start", stretch, _place(row))

    def findings(self) -> list[Finding]:
        """All findings, the gravest first."""
        annotated = any(self._genes.values())
        for source, genes in sorted(self._genes.items()):
            if not genes and annotated:
                self._builders["genome-without-genes"].add([Example("no CDS", source)])
        return [found for builder in self._builders.values() if (found := builder.finding()) is not None]

    def to_json(self) -> dict[str, Any]:
        """Statistics as plain values; GC content by source, 0 to 1."""
        gc = {source: round(both[0] / both[1], 4) for source, both in self.gc.items() if both[1]}
        return {"splits": self.splits, "gc": gc}


def _place(row: dict[str, Any]) -> str:
    """A feature for messages, 1-based inclusive as in GFF3."""
    return f"{row['id'] or 'CDS'} {row['start'] + 1}..{row['end']} ({row['strand']})"


def check_genomes(stretches: Iterable[tuple[str, Stretch]], code: int = 11) -> GenomeChecks:
    """Check stretches of contigs given with their split."""
    checks = GenomeChecks(code)
    for split, stretch in stretches:
        checks.add(stretch, split)
    return checks
