"""Nucleotide codes, frame labels and one-hot table rows of DNA. L bases.

A time step of the network covers STEP bases. Each of its STEP slots looks up the k-mer of WIDTH bases around
its own base, so a step is STEP one-hot features side by side, of WINDOWS rows each: 4 ** WIDTH k-mers, and
one for a window that holds anything but A, C, G, T or reaches over an end. A window starts REACH bases before
its base. When tagging, an ambiguous letter (R for A and G) counts as that fraction of each of its bases: the
row of the window is the mean of the rows of all k-mers it stands for, of at most MOST_WORDS.

Classes: 0 is non-coding; 1, 2, 3 are the codon positions on the forward strand, 4, 5, 6 on the reverse
strand.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.genome.contigs import NEITHER

STEP, WIDTH, REACH = 6, 6, 2
WINDOWS = 4**WIDTH + 1
TABLE_ROWS = STEP * WINDOWS
CLASSES = ("none", "+0", "+1", "+2", "-0", "-1", "-2")
IGNORE = -1  # label of bases left out of the loss
MIRROR = np.array([0, 4, 5, 6, 1, 2, 3], np.int8)  # class of a base on the reverse complement
UNKNOWN, BEYOND = 4, 15  # codes: N; padding beyond the end of the sequence
MOST_WORDS = 256  # k-mers a window may stand for
TGA, TGG = 56, 58  # their numbers in `codons_of`
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
_PART = 1 << 20  # bases in which `long_gaps` looks at once

Codes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int8]

# Bases that each IUPAC letter stands for. The code of a letter is its index here.
IUPAC = "ACGTNRYSWKMBDHV"
_BASES_OF = ("A", "C", "G", "T", "ACGT", "AG", "CT", "CG", "AT", "GT", "AC", "CGT", "AGT", "ACT", "ACG")
_SETS = tuple(tuple("ACGT".index(base) for base in bases) for bases in _BASES_OF)
_BITS = np.array([*np.log2([len(bases) for bases in _SETS]), np.inf], np.float32)
_PAIR = np.array(
    [*(_SETS.index(tuple(sorted(3 - base for base in bases))) for bases in _SETS), BEYOND], np.uint8
)
_CODE = np.full(256, UNKNOWN, np.uint8)
for _value, _letter in enumerate(IUPAC):
    _CODE[[ord(_letter), ord(_letter.lower())]] = _value
_CODE[list(b"Uu")] = 3


def encode_iupac(bases: str) -> Codes:
    """Codes of IUPAC letters in either case, (L,): A, C, G, T or U are 0 to 3, the others from UNKNOWN on."""
    codes: Codes = _CODE[np.frombuffer(bases.encode("latin-1"), np.uint8)]
    return codes


def encode_bases(bases: str) -> Codes:
    """Codes of bases in either case, (L,): A, C, G, T or U are 0 to 3, every other letter is UNKNOWN."""
    return np.minimum(encode_iupac(bases), np.uint8(UNKNOWN))


def without_tga(codes: Codes) -> Codes:
    """Replace TGA by TGG on either strand: for codes such as 4, where it is no stop codon as in training."""
    a, b, c = codes[:-2], codes[1:-1], codes[2:]
    out = codes.copy()
    out[2:][(a == 3) & (b == 2) & (c == 0)] = 2
    out[:-2][(a == 3) & (b == 1) & (c == 0)] = 1
    return out


def soft_masked(bases: str) -> npt.NDArray[np.int64]:
    """Soft-masked intervals: runs of lower case, (n, 2)."""
    return _runs(np.frombuffer(bases.encode("latin-1"), np.uint8) & 0x20 > 0)


def gaps_of(codes: Codes, shortest: int) -> npt.NDArray[np.int64]:
    """Runs of at least `shortest` unknown bases, (n, 2)."""
    runs = _runs(codes == UNKNOWN)
    return runs[runs[:, 1] - runs[:, 0] >= shortest]


def long_gaps(read: Callable[[int, int], Codes], length: int, shortest: int) -> npt.NDArray[np.int64]:
    """`gaps_of` of a long sequence that is read part by part.

    Args:
        read: codes of `encode_iupac` from a first base to a last.
        length: L
        shortest: unknown bases of a gap.
    """
    if length <= _PART:
        return gaps_of(np.minimum(read(0, length), np.uint8(UNKNOWN)), shortest)
    gaps = np.empty((0, 2), np.int64)
    for low in range(0, length, _PART):
        high = min(low + _PART, length)
        runs = _runs(read(low, high) >= UNKNOWN) + low
        if len(gaps) and len(runs) and gaps[-1, 1] == runs[0, 0]:  # a run over the border of two parts
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
    """The reverse complement of codes, (..., L)."""
    other: Codes = _PAIR[codes[..., ::-1]]
    return other


def reverse_complement_text(bases: str) -> str:
    """The reverse complement of written bases, upper case; other letters than ACGT stay."""
    return bases.upper().translate(_COMPLEMENT)[::-1]


def frame_labels(features: pl.DataFrame, start: int, length: int, label: str = "CDS") -> Labels:
    """Class of each base of a stretch of a contig.

    Bases in two genes of different frames have no single class, and pseudogenes, as features that cannot be
    read, are neither coding nor non-coding: these are IGNORE.

    Args:
        features: rows of schema.FEATURE, contig coordinates.
        start: of the stretch in the contig.
        length: L
        label: of the genes.

    Returns:
        (L,) classes, or IGNORE.
    """
    labels = np.zeros(length, np.int8)
    masked = np.zeros(length, bool)
    columns = features.select("start", "end", "strand", "phase", "label")
    for begin, end, strand, phase, name in columns.iter_rows():
        low, high = max(begin - start, 0), min(end - start, length)
        if high <= low:
            continue
        if name in NEITHER:
            masked[low:high] = True
        elif name == label:
            at = np.arange(low, high) + start
            frames = 1 + (at - begin - phase) % 3 if strand == "+" else 4 + (end - 1 - phase - at) % 3
            covered = labels[low:high]
            masked[low:high] |= (covered != 0) & (covered != frames)
            covered[:] = frames
    labels[masked] = IGNORE
    return labels


def start_sites(features: pl.DataFrame, start: int, length: int, label: str = "CDS") -> npt.NDArray[np.bool_]:
    """True at the first base of the start codon of each gene of a stretch of a contig.

    Args:
        features: rows of schema.FEATURE, contig coordinates.
        start: of the stretch in the contig.
        length: L
        label: of the genes.

    Returns:
        (L, 2), forward and reverse strand.
    """
    sites = np.zeros((length, 2), bool)
    genes = (
        features.filter(pl.col("label") == label)
        .group_by("id", "strand")
        .agg(pl.col("start").min(), pl.col("end").max(), pl.col("phase").sort_by("start"))
    )
    for strand, low, high, phases in genes.select("strand", "start", "end", "phase").iter_rows():
        reverse = strand == "-"
        at = (high - 1 if reverse else low) - start
        if 0 <= at < length and phases[-1 if reverse else 0] == 0:
            sites[at, int(reverse)] = True
    return sites


def codons_of(codes: Codes) -> npt.NDArray[np.uint8]:
    """Codon that starts at each base, (L,): 0 to 63, or 64 with an unknown base or beyond the end."""
    words = np.full(len(codes), 64, np.uint8)
    if len(codes) >= 3:
        a, b, c = codes[:-2], codes[1:-1], codes[2:]
        known = (a < UNKNOWN) & (b < UNKNOWN) & (c < UNKNOWN)
        words[:-2] = np.where(known, (a & 3) * 16 + (b & 3) * 4 + (c & 3), 64)
    return words


def step_rows(codes: Codes) -> npt.NDArray[np.int32]:
    """One-hot table rows of each time step.

    Args:
        codes: (..., L), L a multiple of STEP.

    Returns:
        (..., L / STEP, STEP): row `s * WINDOWS + word` of slot s.
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


def ambiguous_rows(codes: Codes, rows: npt.NDArray[np.int32], first: int) -> list[npt.NDArray[np.int64]]:
    """Give windows with ambiguous letters new rows.

    Args:
        codes: (K, L) of `encode_iupac`, padded with BEYOND; L a multiple of STEP.
        rows: (K, L / STEP, STEP) of `step_rows`; changed where a window stands for 2 to MOST_WORDS k-mers.
        first: number of the first new row.

    Returns:
        for each new row in order, the rows it is the mean of.
    """
    if not (codes >= UNKNOWN).any():
        return []
    K, L = codes.shape
    bits = np.full((K, L + WIDTH - 1), np.inf, np.float32)
    bits[:, REACH : REACH + L] = _BITS[codes]
    total = sum((bits[:, i : i + L] for i in range(WIDTH)), np.zeros((K, L), np.float32))
    row, place = np.nonzero((total > 0) & (total < np.log2(MOST_WORDS) + 0.01))
    windows = codes[row[:, None], place[:, None] + np.arange(WIDTH) - REACH]
    keys = np.column_stack([place % STEP, windows])
    unique, which = np.unique(keys, axis=0, return_inverse=True)
    rows.reshape(K, L)[row, place] = first + which.reshape(-1)
    powers = 4 ** np.arange(WIDTH)[::-1]
    return [
        slot * WINDOWS + np.array(list(product(*(_SETS[code] for code in window)))) @ powers
        for slot, *window in unique.tolist()
    ]
