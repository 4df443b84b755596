"""Genes as residues, with their one-hot features and labels. L bases, N residues, K feature templates.

A residue is a codon of a gene, its stop codon included. Its features are windows of residues around it:
alone, three neighbours, and wider ones with gaps, some over eight groups of similar residues, so that remote
homologues share features. Windows of more than `_MOST` words share table rows by a hash.

Labels are IOB2 numbers: 0 is none, label k begins with 2k + 1 and continues with 2k + 2.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data import ragged
from elman.data.genome.genetic_code import AMINO_ACIDS, OTHER, residue_table, translate
from elman.data.genome.nucleotides import Codes, codons_of

BEYOND = 21  # padding beyond the ends of a gene; 20 is `genetic_code.OTHER`
_SYMBOLS = 22
_GROUPS = ("LVIMC", "AG", "ST", "P", "FYW", "EDNQ", "KR", "H")
_GROUP = np.array([*(next(i for i, g in enumerate(_GROUPS) if a in g) for a in AMINO_ACIDS), 7, 7], np.int64)
_MOST = 1 << 15
_WINDOWS: tuple[tuple[tuple[int, ...], bool], ...] = (  # offsets from the residue; True for groups
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

# Shares of AMINO_ACIDS that BLOSUM62 was made with (Henikoff and Henikoff, 1992).
_SHARES = (
    *(0.074, 0.025, 0.054, 0.054, 0.047, 0.074, 0.026, 0.068, 0.058, 0.099),
    *(0.025, 0.045, 0.039, 0.034, 0.052, 0.057, 0.051, 0.073, 0.013, 0.032),
)
_Int = npt.NDArray[np.int64]


@cache
def _exchanges() -> npt.NDArray[np.float64]:
    """Running sums of the chances of another amino acid in place of each, (20, 20), by BLOSUM62."""
    from Bio.Align import substitution_matrices

    scores = substitution_matrices.load("BLOSUM62")  # type: ignore[no-untyped-call]  # Biopython
    odds = np.array([[2.0 ** (scores[a, b] / 2) for b in AMINO_ACIDS] for a in AMINO_ACIDS])
    chances = odds * np.array(_SHARES)
    np.fill_diagonal(chances, 0)
    running: npt.NDArray[np.float64] = np.cumsum(chances / chances.sum(axis=1, keepdims=True), axis=1)
    return running


def with_exchanges(
    residues: npt.NDArray[np.uint8], share: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Residues (N,) of which about this share is another amino acid, as in a related protein.

    The first residue and stop codons stay.
    """
    out = residues.copy()
    at = np.flatnonzero((rng.random(len(residues)) < share) & (residues < OTHER))
    at = at[at > 0]
    drawn = (rng.random((len(at), 1)) > _exchanges()[residues[at]]).sum(axis=1)
    out[at] = np.minimum(drawn, OTHER - 1)
    return out


def template_rows(residues: npt.NDArray[np.uint8], offsets: _Int) -> npt.NDArray[np.int32]:
    """One-hot table rows of each residue, (N, K).

    Args:
        residues: (N,) of genes, concatenated.
        offsets: (n + 1,) first residue of each gene.
    """
    counts = np.diff(offsets)
    padded = np.full(len(residues) + 2 * _REACH * (len(counts) + 1), BEYOND, np.int64)
    at = np.arange(len(residues)) + np.repeat(2 * _REACH * np.arange(1, len(counts) + 1) - _REACH, counts)
    padded[at] = residues
    groups = _GROUP[padded]
    out = np.empty((len(residues), TEMPLATES), np.int32)
    for template, (places, grouped) in enumerate(_WINDOWS):
        symbols, base = (groups, len(_GROUPS)) if grouped else (padded, _SYMBOLS)
        word = np.zeros(len(residues), np.int64)
        for place in places:
            word = word * base + symbols[at + place]
        if base ** len(places) > _SIZES[template]:
            word = (word * 2654435761 >> 8) % _SIZES[template]  # Knuth's multiplicative hash
        out[:, template] = word + _FIRST[template]
    return out


def labelled_proteins(
    codes: Codes, features: pl.DataFrame, start: int, labels: Sequence[str], gene: str, code: int
) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]]:
    """Genes of an annotated stretch as residues, with their labels.

    Args:
        codes: (L,) of the stretch.
        features: rows of schema.FEATURE, contig coordinates.
        start: of the stretch in the contig.
        labels: of the families; where several apply, that of the shortest feature counts.
        gene: label of genes.
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
        protein = translate(codons_of(codes[at]), *whole, residue_table(code))
        low = at[protein.low]
        mark = np.full(len(low), -1)
        for i in np.flatnonzero((places[:, 0] < end.max()) & (places[:, 1] > begin[0])):
            first, last = places[i]
            strand, phase = marks[i][2:4]
            if (strand == "-") == reverse:
                frame = last - phase - low - 3 if reverse else low - first - phase
                mark[(low + 1 >= first) & (low + 1 < last) & (frame % 3 == 0)] = i
        kinds = np.array([-1, *(order[row[4]] for row in marks)])[mark + 1]
        begins = np.diff(mark, prepend=-1) != 0
        if len(low):
            out.append((protein.residues, np.where(mark < 0, 0, 2 * kinds + 2 - begins).astype(np.int32)))
    return out
