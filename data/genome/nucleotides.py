"""Bases as numbers: codes, labels, and the steps a network reads. L bases, N steps.

A step covers STEP bases. Each of its STEP slots looks up the window of WIDTH bases around its own base, so a
step is STEP one-hot blocks side by side, of WINDOWS rows each: 4 ** WIDTH words, and one for a window that
holds anything but A, C, G, T or reaches over an end. A slot's window begins REACH bases before its base.
When tagging, a letter that stands for several bases (R for A and G) counts as that fraction of each: the
window's row is then the mean of those of all words it may be, of at most MOST_WORDS.

Classes: 0 is no gene; 1, 2, 3 are the positions in a codon on the forward strand, 4, 5, 6 on the reverse one.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.contigs import PSEUDOGENE

STEP, WIDTH, REACH = 6, 6, 2
WINDOWS = 4**WIDTH + 1
TABLE_ROWS = STEP * WINDOWS
CLASSES = ("none", "+0", "+1", "+2", "-0", "-1", "-2")
IGNORE = -1  # label of bases that are not learned from
MIRROR = np.array([0, 4, 5, 6, 1, 2, 3], np.int8)  # what a class becomes on the reverse complement
UNKNOWN, BEYOND = 4, 15  # codes: any base may stand here; no base does, the sequence is over
MOST_WORDS = 256
TGA = 56  # as data.genome.nucleotides.codons_of numbers codons
_PART = 1 << 20

Codes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int8]

# What each letter may be. Its place here is its code.
_IUPAC = "ACGTNRYSWKMBDHV"
_BASES_OF = ("A", "C", "G", "T", "ACGT", "AG", "CT", "CG", "AT", "GT", "AC", "CGT", "AGT", "ACT", "ACG")
_SETS = tuple(tuple("ACGT".index(base) for base in bases) for bases in _BASES_OF)
_BITS = np.array([*np.log2([len(bases) for bases in _SETS]), np.inf], np.float32)
_PAIR = np.array(
    [*(_SETS.index(tuple(sorted(3 - base for base in bases))) for bases in _SETS), BEYOND], np.uint8
)
_CODE = np.full(256, UNKNOWN, np.uint8)
for _value, _letter in enumerate(_IUPAC):
    _CODE[[ord(_letter), ord(_letter.lower())]] = _value
_CODE[list(b"Uu")] = 3


def encode_iupac(bases: str) -> Codes:
    """A, C, G, T or U in either case are 0 to 3, the other letters of IUPAC from UNKNOWN on. (L,)."""
    codes: Codes = _CODE[np.frombuffer(bases.encode("latin-1"), np.uint8)]
    return codes


def encode_bases(bases: str) -> Codes:
    """A, C, G, T or U in either case are 0 to 3, every other letter UNKNOWN. (L,)."""
    return np.minimum(encode_iupac(bases), np.uint8(UNKNOWN))


def without_tga(letters: Codes) -> Codes:
    """TGA as TGG on either strand, for networks that know it as a stop codon, where it is none (code 4)."""
    a, b, c = letters[:-2], letters[1:-1], letters[2:]
    out = letters.copy()
    out[2:][(a == 3) & (b == 2) & (c == 0)] = 2
    out[:-2][(a == 3) & (b == 1) & (c == 0)] = 1
    return out


def soft_masked(bases: str) -> npt.NDArray[np.int64]:
    """The soft-masked intervals: runs of lower case, (n, 2)."""
    return _runs(np.frombuffer(bases.encode("latin-1"), np.uint8) & 0x20 > 0)


def gaps_of(codes: Codes, shortest: int) -> npt.NDArray[np.int64]:
    """Runs of at least `shortest` unknown bases, (n, 2)."""
    runs = _runs(codes == UNKNOWN)
    return runs[runs[:, 1] - runs[:, 0] >= shortest]


def long_gaps(letters: Callable[[int, int], Codes], length: int, shortest: int) -> npt.NDArray[np.int64]:
    """`gaps_of` of a long sequence, from a part of it at a time.

    Args:
        letters: gives those of a part, of `encode_iupac`.
        length: L
        shortest: unknown bases of a gap.
    """
    if length <= _PART:
        return gaps_of(np.minimum(letters(0, length), np.uint8(UNKNOWN)), shortest)
    gaps = np.empty((0, 2), np.int64)
    for low in range(0, length, _PART):
        high = min(low + _PART, length)
        runs = _runs(letters(low, high) >= UNKNOWN) + low
        if len(gaps) and len(runs) and gaps[-1, 1] == runs[0, 0]:  # goes on over the seam
            gaps[-1, 1] = runs[0, 1]
            runs = runs[1:]
        open_end = np.arange(1, len(gaps) + len(runs) + 1) == len(gaps) + len(runs)
        gaps = np.concatenate([gaps, runs])
        gaps = gaps[(gaps[:, 1] - gaps[:, 0] >= shortest) | (open_end & (gaps[:, 1] == high))]
    return gaps[gaps[:, 1] - gaps[:, 0] >= shortest]


def _runs(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    edges = np.flatnonzero(np.diff(marks, prepend=False, append=False))
    return edges.reshape(-1, 2).astype(np.int64)


def reverse_complement(codes: Codes) -> Codes:
    """The other strand, read in its own direction. (..., L)."""
    other: Codes = _PAIR[codes[..., ::-1]]
    return other


def mirror(labels: Labels) -> Labels:
    """The labels of the other strand, read in its own direction."""
    ours = labels[::-1]
    other: Labels = np.where(ours >= 0, MIRROR[ours], ours).astype(np.int8)
    return other


def frame_labels(features: pl.DataFrame, start: int, length: int, label: str = "CDS") -> Labels:
    """The class of each base of a stretch.

    Where genes overlap in different frames the base has no single class, and pseudogenes are neither coding
    nor not: both are left out of training.

    Args:
        features: rows of schema.FEATURE, contig coordinates.
        start: where the stretch begins in the contig.
        length: L
        label: the label that is learned.

    Returns:
        (L,) classes, IGNORE where there is nothing to learn.
    """
    labels = np.zeros(length, np.int8)
    masked = np.zeros(length, bool)
    columns = features.select("start", "end", "strand", "phase", "label")
    for begin, end, strand, phase, name in columns.iter_rows():
        low, high = max(begin - start, 0), min(end - start, length)
        if high <= low:
            continue
        if name == PSEUDOGENE:
            masked[low:high] = True
        elif name == label:
            at = np.arange(low, high) + start
            found = 1 + (at - begin - phase) % 3 if strand == "+" else 4 + (end - 1 - phase - at) % 3
            here = labels[low:high]
            masked[low:high] |= (here != 0) & (here != found)
            here[:] = found
    labels[masked] = IGNORE
    return labels


def start_sites(features: pl.DataFrame, start: int, length: int, label: str = "CDS") -> npt.NDArray[np.bool_]:
    """Where genes begin: at the first base of their start codon, on either strand.

    Args:
        features: rows of schema.FEATURE, contig coordinates.
        start: where the stretch begins in the contig.
        length: L
        label: the label that is learned.

    Returns:
        (L, 2), forward and reverse.
    """
    begins = np.zeros((length, 2), bool)
    genes = (
        features.filter(pl.col("label") == label)
        .group_by("id", "strand")
        .agg(pl.col("start").min(), pl.col("end").max(), pl.col("phase").sort_by("start"))
    )
    for strand, low, high, phases in genes.select("strand", "start", "end", "phase").iter_rows():
        reverse = strand == "-"
        at = (high - 1 if reverse else low) - start
        if 0 <= at < length and phases[-1 if reverse else 0] == 0:
            begins[at, int(reverse)] = True
    return begins


def codons_of(codes: Codes) -> npt.NDArray[np.uint8]:
    """The codon that begins at each base, 0 to 63; 64 where a letter is unknown or beyond the end. (L,)."""
    words = np.full(len(codes), 64, np.uint8)
    if len(codes) >= 3:
        a, b, c = codes[:-2], codes[1:-1], codes[2:]
        known = (a < UNKNOWN) & (b < UNKNOWN) & (c < UNKNOWN)
        words[:-2] = np.where(known, (a & 3) * 16 + (b & 3) * 4 + (c & 3), 64)
    return words


def step_rows(codes: Codes) -> npt.NDArray[np.int32]:
    """The table rows of each step.

    Args:
        codes: (..., L), L a multiple of STEP.

    Returns:
        (..., L / STEP, STEP): slot s looks up row `s * WINDOWS + word`.
    """
    *lead, length = codes.shape
    padded = np.full((*lead, length + WIDTH - 1), UNKNOWN, np.uint8)
    padded[..., REACH : REACH + length] = codes
    words = np.zeros(codes.shape, np.int32)
    unknown = np.zeros(codes.shape, bool)
    for i in range(WIDTH):
        part = padded[..., i : i + length]
        words *= 4
        words += part & 3
        unknown |= part >= UNKNOWN
    words[unknown] = WINDOWS - 1
    rows: npt.NDArray[np.int32] = words.reshape(*lead, -1, STEP)
    rows += np.arange(STEP, dtype=np.int32) * WINDOWS
    return rows


def ambiguous_rows(letters: Codes, rows: npt.NDArray[np.int32], first: int) -> list[npt.NDArray[np.int64]]:
    """Give windows that may be several words rows of their own.

    Args:
        letters: (K, L) of `encode_iupac`, filled up by BEYOND; L a multiple of STEP.
        rows: (K, L / STEP, STEP) of `step_rows`; where a window may be 2 to MOST_WORDS words it is changed.
        first: number of the first new row.

    Returns:
        for each new row in order, the rows it is the mean of.
    """
    if not (letters >= UNKNOWN).any():
        return []
    K, L = letters.shape
    bits = np.full((K, L + WIDTH - 1), np.inf, np.float32)
    bits[:, REACH : REACH + L] = _BITS[letters]
    total = sum((bits[:, i : i + L] for i in range(WIDTH)), np.zeros((K, L), np.float32))
    row, place = np.nonzero((total > 0) & (total < np.log2(MOST_WORDS) + 0.01))
    windows = letters[row[:, None], place[:, None] + np.arange(WIDTH) - REACH]
    keys = np.column_stack([place % STEP, windows])
    unique, which = np.unique(keys, axis=0, return_inverse=True)
    rows.reshape(K, L)[row, place] = first + which.reshape(-1)
    powers = 4 ** np.arange(WIDTH)[::-1]
    return [
        slot * WINDOWS + np.array(list(product(*(_SETS[letter] for letter in window)))) @ powers
        for slot, *window in unique.tolist()
    ]
