"""Nucleotide codes, frame labels, start sites and table rows, on both strands."""

import numpy as np
import polars as pl
import pytest

from elman.data.genome import nucleotides
from elman.data.genome.nucleotides import CLASSES, IGNORE, UNKNOWN, WINDOWS
from elman.data.store import schema


def features(*rows):
    keys = ("start", "end", "strand", "label", "phase", "id")
    return pl.DataFrame(
        [dict(zip(keys, row, strict=True)) for row in rows], schema=schema.FEATURE.to_schema()
    )


def named(labels):
    return [CLASSES[label] if label != IGNORE else "?" for label in labels]


def test_lower_case_and_rna_read_as_their_base_and_other_letters_as_unknown():
    assert nucleotides.encode_bases("ACGTUacgtuNRx-").tolist() == [0, 1, 2, 3, 3] * 2 + [UNKNOWN] * 4


def test_the_reverse_complement_of_the_reverse_complement_is_the_strand():
    codes = nucleotides.encode_bases("ACGTTNGA")
    assert nucleotides.reverse_complement(codes).tolist() == nucleotides.encode_bases("TCNAACGT").tolist()
    assert nucleotides.reverse_complement(nucleotides.reverse_complement(codes)).tolist() == codes.tolist()


def test_labels_count_codon_positions_along_each_strand():
    frame = features((1, 7, "+", "CDS", 0, "a"), (9, 14, "-", "CDS", 1, "b"))
    found = named(nucleotides.frame_labels(frame, 0, 15))
    assert found == ["none", *["+0", "+1", "+2"] * 2, "none", "none", "-0", "-2", "-1", "-0", "-2", "none"]


def test_bases_in_two_frames_or_pseudogenes_are_ignored():
    frame = features(
        (0, 6, "+", "CDS", 0, "a"), (5, 11, "+", "CDS", 0, "b"), (13, 15, "+", "pseudogene", 0, "c")
    )
    found = named(nucleotides.frame_labels(frame, 0, 16))
    assert [place for place, name in enumerate(found) if name == "?"] == [5, 13, 14]


def test_labels_of_a_stretch_are_those_of_its_contig():
    frame = features((1, 31, "+", "CDS", 2, "a"), (40, 73, "-", "CDS", 1, "b"))
    whole = nucleotides.frame_labels(frame, 0, 90)
    assert nucleotides.frame_labels(frame, 17, 40).tolist() == whole[17:57].tolist()


def test_labels_of_the_reverse_complement_are_the_mirror_image():
    forward = features((1, 31, "+", "CDS", 2, "a"), (40, 73, "-", "CDS", 1, "b"))
    reverse = features((90 - 31, 90 - 1, "-", "CDS", 2, "a"), (90 - 73, 90 - 40, "+", "CDS", 1, "b"))
    mirrored = nucleotides.MIRROR[nucleotides.frame_labels(forward, 0, 90)[::-1]]
    assert mirrored.tolist() == nucleotides.frame_labels(reverse, 0, 90).tolist()


def test_start_sites_are_the_outer_end_of_the_first_part():
    frame = features(
        (3, 9, "+", "CDS", 0, "a"), (12, 15, "+", "CDS", 0, "a"), (20, 26, "-", "CDS", 0, "b"),
        (30, 36, "+", "CDS", 1, "cut off"),
    )  # fmt: skip
    assert np.argwhere(nucleotides.start_sites(frame, 0, 40)).tolist() == [[3, 0], [25, 1]]


def test_a_step_looks_up_the_window_around_each_of_its_bases():
    rows = nucleotides.step_rows(nucleotides.encode_bases("ACGTACGTACGT"))
    assert rows.shape == (2, 6)
    word = sum(4**i * base for i, base in enumerate([2, 3, 0, 1, 2, 3][::-1]))  # GTACGT, around the A at 4
    assert rows[0, 4] == 4 * WINDOWS + word
    assert (rows[0, :2] == [WINDOWS - 1, 2 * WINDOWS - 1]).all()  # windows that reach over the end


@pytest.mark.parametrize("letter", "NRY")
def test_windows_with_an_unknown_letter_share_one_row(letter):
    rows = nucleotides.step_rows(nucleotides.encode_bases("ACGTACGTACGTACG" + letter + "AC"))
    words = rows.reshape(-1) % WINDOWS
    assert [i for i, word in enumerate(words) if 2 <= i < 15 and word == WINDOWS - 1] == [12, 13, 14]


def test_soft_masked_intervals_are_the_runs_of_lower_case():
    assert nucleotides.soft_masked("acGTacgTTn").tolist() == [[0, 2], [4, 7], [9, 10]]
    assert nucleotides.soft_masked("ACGT").tolist() == []


def test_tga_becomes_tgg_on_either_strand():
    here = nucleotides.encode_iupac("ACTGATTCATGA")
    read = nucleotides.without_tga(here)
    assert (read == nucleotides.encode_iupac("ACTGGTCCATGG")).all()
    other = nucleotides.without_tga(nucleotides.reverse_complement(here))
    assert (other == nucleotides.reverse_complement(read)).all()


def test_gaps_are_runs_of_enough_unknown_bases():
    codes = nucleotides.encode_bases("NNNACNNGTNNNN")
    assert nucleotides.gaps_of(codes, 3).tolist() == [[0, 3], [9, 13]]


@pytest.mark.parametrize("part", [1, 2, 3, 5, 100])
def test_gaps_are_the_same_from_parts_of_any_size(monkeypatch, part):
    letters = nucleotides.encode_iupac("NNACGRTNNNNACGTACNACGTNNN")
    monkeypatch.setattr(nucleotides, "_PART", part)
    gaps = nucleotides.long_gaps(lambda low, high: letters[low:high], len(letters), 3)
    codes = np.minimum(letters, nucleotides.UNKNOWN)
    np.testing.assert_array_equal(gaps, nucleotides.gaps_of(codes, 3))


def test_an_ambiguous_letter_is_a_fraction_of_each_of_its_bases():
    written, words = ("ACGTAACRTACGTTTACG", ["ACGTAACATACGTTTACG", "ACGTAACGTACGTTTACG"])
    letters = nucleotides.encode_iupac(written)[None]
    rows = nucleotides.step_rows(letters)
    sums = nucleotides.ambiguous_rows(letters, rows, nucleotides.TABLE_ROWS)
    exact = [nucleotides.step_rows(nucleotides.encode_bases(word)).reshape(-1) for word in words]
    for place, row in enumerate(rows.reshape(-1)):
        wanted = {int(kmer[place]) for kmer in exact}
        assert (
            set(sums[row - nucleotides.TABLE_ROWS].tolist() if row >= nucleotides.TABLE_ROWS else [row])
            == wanted
        )
    assert len(sums) == 6  # windows that hold the letter


def test_windows_of_too_many_kmers_or_over_an_end_stay_unknown():
    letters = nucleotides.encode_iupac("NACGTACNNNNNNACGTA")[None]
    rows = nucleotides.step_rows(letters)
    before = rows.copy()
    sums = nucleotides.ambiguous_rows(letters, rows, nucleotides.TABLE_ROWS)
    assert max(map(len, sums)) == nucleotides.MOST_WORDS
    assert (rows.reshape(-1)[:2] == before.reshape(-1)[:2]).all()  # over the end
    assert rows.reshape(-1)[9] == before.reshape(-1)[9]  # six unknown bases


def test_the_complement_of_an_ambiguous_letter_is_that_of_biopython():
    from Bio.Seq import Seq

    written = "ACGTNRYSWKMBDHV"
    other = str(Seq(written).reverse_complement())
    assert (
        nucleotides.reverse_complement(nucleotides.encode_iupac(written)).tolist()
        == nucleotides.encode_iupac(other).tolist()
    )
