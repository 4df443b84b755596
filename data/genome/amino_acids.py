"""Genes as amino acids, and the one-hot blocks a network reads of each. L bases, N residues, K blocks.

A residue is a codon of a gene, its stop codon included. Its blocks are windows of residues around it: alone,
three neighbours, and wider ones with gaps, some over eight groups of like residues, so that relatives far
apart still share blocks. Windows with more words than `_MOST` share rows by a hash.

Labels are IOB2 numbers: 0 is none, label k begins with 2k + 1 and goes on with 2k + 2.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data import ragged
from elman.data.genome.nucleotides import Codes, codons_of

AMINO = "ACDEFGHIKLMNPQRSTVWY"
OTHER, BEYOND = 20, 21  # a stop codon or one with unknown bases; beyond the ends of the gene
_SYMBOLS = 22
_GROUPS = ("LVIMC", "AG", "ST", "P", "FYW", "EDNQ", "KR", "H")
_GROUP = np.array([*(next(i for i, g in enumerate(_GROUPS) if a in g) for a in AMINO), 7, 7], np.int64)
_MOST = 1 << 15
_WINDOWS: tuple[tuple[tuple[int, ...], bool], ...] = (  # places around the residue, and whether by group
    ((0,), False),
    ((-1, 0, 1), False),
    ((-1, 0, 1, 2), False),
    ((-2, 0, 3), False),
    ((-2, -1, 0, 1, 2), True),
    ((-3, -1, 0, 2, 4), True),
)
_REACH = max(abs(place) for places, _ in _WINDOWS for place in places)
_SIZES = tuple(
    min((len(_GROUPS) if grouped else _SYMBOLS) ** len(places), _MOST) for places, grouped in _WINDOWS
)
_FIRST = ragged.offsets_of(_SIZES)
TABLE_ROWS, TEMPLATES = int(_FIRST[-1]), len(_WINDOWS)

_Int = npt.NDArray[np.int64]


class Proteins(NamedTuple):
    """Genes as residues, one after the other.

    residues: (N,) uint8 below 22; offsets: (n + 1,) where each gene begins; low: (N,) the lowest base of each
    residue's codon.
    """

    residues: npt.NDArray[np.uint8]
    offsets: _Int
    low: _Int


@cache
def translation(code: int) -> npt.NDArray[np.uint8]:
    """Residue of each codon as read on the forward strand, for a gene on either: (2, 65)."""
    from Bio.Data import CodonTable

    table: Any = CodonTable.unambiguous_dna_by_id[code]
    out = np.full((2, 65), OTHER, np.uint8)
    for codon, letter in table.forward_table.items():
        x, y, z = ("ACGT".index(base) for base in codon)
        out[0, x * 16 + y * 4 + z] = AMINO.index(letter)
        out[1, (3 - z) * 16 + (3 - y) * 4 + (3 - x)] = AMINO.index(letter)
    return out


def translate(
    words: npt.NDArray[np.uint8],
    start: _Int,
    end: _Int,
    reverse: npt.NDArray[np.bool_],
    phase: _Int,
    code: int,
) -> Proteins:
    """Translate genes of one piece each.

    Args:
        words: (L,) of `data.genome.nucleotides.codons_of`.
        start, end, reverse, phase: (n,) the genes, 0-based half-open.
        code: genetic code of NCBI.
    """
    counts = np.maximum(end - start - phase, 0) // 3
    offsets = ragged.offsets_of(counts)
    number = ragged.positions_of(offsets)
    first = np.where(reverse, end - phase - 3, start + phase)
    low = np.repeat(first, counts) + number * np.repeat(np.where(reverse, -3, 3), counts)
    return Proteins(translation(code)[np.repeat(reverse, counts).astype(np.int64), words[low]], offsets, low)


def template_rows(residues: npt.NDArray[np.uint8], offsets: _Int) -> npt.NDArray[np.int32]:
    """The table rows of each residue, (N, K)."""
    counts = np.diff(offsets)
    room = np.full(len(residues) + 2 * _REACH * (len(counts) + 1), BEYOND, np.int64)
    at = np.arange(len(residues)) + np.repeat(2 * _REACH * np.arange(1, len(counts) + 1) - _REACH, counts)
    room[at] = residues
    groups = _GROUP[room]
    out = np.empty((len(residues), TEMPLATES), np.int32)
    for block, (places, grouped) in enumerate(_WINDOWS):
        symbols, base = (groups, len(_GROUPS)) if grouped else (room, _SYMBOLS)
        word = np.zeros(len(residues), np.int64)
        for place in places:
            word = word * base + symbols[at + place]
        if base ** len(places) > _SIZES[block]:
            word = (word * 2654435761 >> 8) % _SIZES[block]  # Knuth's multiplicative hash
        out[:, block] = word + _FIRST[block]
    return out


def labelled_proteins(
    codes: Codes, features: pl.DataFrame, start: int, labels: Sequence[str], gene: str, code: int
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]]:
    """The genes of an annotated stretch as residues, with their labels.

    Args:
        codes: (L,) of the stretch.
        features: rows of schema.FEATURE, contig coordinates.
        start: where the stretch begins in the contig.
        labels: those learned; where several hold, that of the shortest feature.
        gene: the label of genes.
        code: genetic code of NCBI.

    Returns:
        residues and IOB2 numbers of each gene that lies in the stretch as a whole.
    """
    order = {label: number for number, label in enumerate(labels)}
    rows = features.select("start", "end", "strand", "phase", "label", "id")
    marks = sorted((row for row in rows.iter_rows() if row[4] in order), key=lambda row: row[0] - row[1])
    places = np.array([row[:2] for row in marks], np.int64).reshape(-1, 2) - start
    out = []
    for _, parts in rows.filter(pl.col("label") == gene).group_by("id", "strand", maintain_order=True):
        parts = parts.sort("start")  # noqa: PLW2901
        reverse = parts["strand"][0] == "-"
        begin, end = parts["start"].to_numpy() - start, parts["end"].to_numpy() - start
        if begin[0] < 0 or end.max() > len(codes):
            continue
        at = np.concatenate([np.arange(a, b) for a, b in zip(begin, end, strict=True)])
        whole = np.array([0]), np.array([len(at)]), np.array([reverse]), parts["phase"].to_numpy()[[-reverse]]
        found = translate(codons_of(codes[at]), *whole, code)
        low = at[found.low]
        mark = np.full(len(low), -1)
        for i in np.flatnonzero((places[:, 0] < end.max()) & (places[:, 1] > begin[0])):
            first, last = places[i]
            strand, phase = marks[i][2:4]
            if (strand == "-") == reverse:
                frame = last - phase - low - 3 if reverse else low - first - phase
                mark[(low + 1 >= first) & (low + 1 < last) & (frame % 3 == 0)] = i
        kinds = np.array([-1, *(order[row[4]] for row in marks)])[mark + 1]
        fresh = np.diff(mark, prepend=-1) != 0
        if len(low):
            out.append((found.residues, np.where(mark < 0, 0, 2 * kinds + 2 - fresh).astype(np.int32)))
    return out
