"""NCBI genetic codes as tables over codons, and vectorised translation. L bases, N codons.

A codon is the number of its three bases read along the forward strand: `nucleotides.codons_of` numbers those
of A, C, G, T; `iupac_codons` also those with ambiguous letters. A table has two rows, for genes of the
forward and of the reverse strand, so a gene of either strand is looked up without reversing its bases.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data import ragged
from elman.data.genome.nucleotides import IUPAC, TGA, TGG, Codes, reverse_complement

# NCBI's numbers; 27, 28 and 31 are left out, as they have codons that are stops and amino acids.
GENETIC_CODES = (1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26, 29, 30, 32, 33)
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
OTHER = 20  # residue of a stop codon, or of one with unknown bases
_COMMON_STARTS = frozenset(("ATG", "GTG", "TTG"))
FEWEST_CODONS = 3000  # that a genetic code is told from
TGA_OF_AMINO_ACID = 0.003  # share of codons from which on TGA is an amino acid; code 11 has 0.0002 to 0.0006
USUAL_TRYPTOPHAN = 0.012  # share of tryptophan, 0.009 to 0.016 in the genomes of the corpora
_Int = npt.NDArray[np.int64]


class Translation(NamedTuple):
    """Genes as residues, concatenated.

    residues: (N,) uint8; offsets: (n + 1,) first residue of each gene; low: (N,) lowest base of each codon.
    """

    residues: npt.NDArray[np.uint8]
    offsets: _Int
    low: _Int


class TgaUse(NamedTuple):
    """Codons in the first halves of genes that were found as if TGA were no stop codon.

    A gene that ends with TGA and is read on has it in its second half.
    """

    codons: int
    tga: int
    tgg: int

    @property
    def code(self) -> int | None:
        """Genetic code: 11, 4 (TGA is tryptophan) or 25 (glycine); None with fewer than FEWEST_CODONS.

        TGG is tryptophan in all three. The code is 25 if TGG alone is nearer to the usual share of tryptophan
        than TGG and TGA together, as quotients.
        """
        if self.codons < FEWEST_CODONS:
            return None
        if self.tga < TGA_OF_AMINO_ACID * self.codons:
            return 11
        usual = USUAL_TRYPTOPHAN * self.codons
        alone, together = (abs(np.log(max(n, 0.5) / usual)) for n in (self.tgg, self.tgg + self.tga))
        return 25 if alone < together else 4


def count_tga(
    codons: npt.NDArray[np.uint8], start: _Int, end: _Int, reverse: npt.NDArray[np.bool_]
) -> TgaUse:
    """Count codons in the first halves of whole genes.

    Args:
        codons: (L,) of `nucleotides.codons_of`.
        start, end, reverse: (n,) the genes, 0-based half-open.
    """
    half = (end - start) // 6 * 3
    first, last = np.where(reverse, end - half, start), np.where(reverse, end, start + half)
    table = np.pad(two_strands(np.arange(64, dtype=np.uint8)), ((0, 0), (0, 1)), constant_values=64)
    found = translate(codons, first, last, reverse, np.zeros_like(start), table).residues
    counts = np.bincount(found, minlength=65)
    return TgaUse(len(found), int(counts[TGA]), int(counts[TGG]))


def translate(
    codons: npt.NDArray[Any],
    start: _Int,
    end: _Int,
    reverse: npt.NDArray[np.bool_],
    phase: _Int,
    table: npt.NDArray[np.uint8],
) -> Translation:
    """Translate genes of one part each.

    Args:
        codons: (L,) number of the codon that starts at each base.
        start, end, reverse, phase: (n,) the genes, 0-based half-open.
        table: (2, V) residue of each codon, such as `residue_table`.
    """
    offsets = ragged.offsets_of(np.maximum(end - start - phase, 0) // 3)
    first = ragged.spread(np.where(reverse, end - phase - 3, start + phase), offsets)
    step = ragged.spread(np.where(reverse, -3, 3), offsets)
    low = first + step * ragged.positions_of(offsets)
    return Translation(table[ragged.spread(reverse.astype(np.int64), offsets), codons[low]], offsets, low)


def two_strands(forward: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Table (V,) by codon 5' to 3' -> (2, V) by codon read forward, for genes of either strand."""
    size = round(len(forward) ** (1 / 3))
    complement = reverse_complement(np.arange(size, dtype=np.uint8))[::-1]
    cube = forward.reshape(size, size, size)
    return np.stack(
        [forward, cube[np.ix_(complement, complement, complement)].transpose(2, 1, 0).reshape(-1)]
    )


@cache
def codon_tables(code: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Start and stop codons of a genetic code, (2, 65) bool each.

    Of its start codons only ATG, GTG and TTG count: the others are legal but very rare.
    """
    from Bio.Data import CodonTable

    table: Any = CodonTable.unambiguous_dna_by_id[code]
    chosen = set(table.start_codons) & _COMMON_STARTS, set(table.stop_codons)
    marks = [np.array([codon in some for codon in _codons("ACGT")]) for some in chosen]
    is_start, is_stop = (np.pad(two_strands(mark), ((0, 0), (0, 1))) for mark in marks)
    return is_start, is_stop


@cache
def amino_acids_of(code: int) -> str:
    """Amino acid of each of the 64 codons, by number; `*` for a stop codon."""
    return _translated(_codons("ACGT"), code)


@cache
def residue_table(code: int) -> npt.NDArray[np.uint8]:
    """Residue of each codon of `codons_of`, (2, 65): a number in AMINO_ACIDS, or OTHER."""
    residues = np.array([(AMINO_ACIDS + "*").index(letter) for letter in amino_acids_of(code)], np.uint8)
    return np.pad(two_strands(residues), ((0, 0), (0, 1)), constant_values=OTHER)


@cache
def protein_table(code: int) -> npt.NDArray[np.uint8]:
    """Letter of each codon of `iupac_codons` in ASCII, (2, 3375).

    A codon with ambiguous letters is an amino acid if all its readings are (also B, J, Z for two), else X.
    """
    return two_strands(np.frombuffer(_translated(_codons(IUPAC), code).encode("ascii"), np.uint8))


def iupac_codons(codes: Codes) -> npt.NDArray[np.uint16]:
    """Number of the codon of IUPAC letters that starts at each base, (L,); 0 at the last two."""
    codons = np.zeros(len(codes), np.uint16)
    n = np.uint16(len(IUPAC))
    codons[:-2] = (codes[:-2] * n + codes[1:-1]) * n + codes[2:]
    return codons


def _codons(letters: str) -> list[str]:
    """All codons of these letters, in the order of their numbers."""
    return ["".join(codon) for codon in product(letters, repeat=3)]


def _translated(codons: list[str], code: int) -> str:
    from Bio import Seq

    return str(Seq.translate("".join(codons), table=code))  # type: ignore[no-untyped-call]  # Biopython
