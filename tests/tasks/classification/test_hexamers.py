"""Hexamers of DNA are the same on both strands, and unknown letters are left out."""

import numpy as np
import pytest

from elman.data.genome.nucleotides import encode_bases
from elman.tasks.classification.hexamers import STEP, WIDTH, Hexamers, joined_bags

HEXAMERS = Hexamers()
OTHER = str.maketrans("ACGT", "TGCA")


def rows(bases):
    return sorted(HEXAMERS.bags(bases).rows.tolist())


def test_there_are_as_many_as_hexamers_up_to_their_reverse_complement():
    assert HEXAMERS.rows == (4**6 + 4**3) // 2


def test_both_strands_have_the_same_hexamers():
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 100))
    assert rows(bases) == rows(bases.translate(OTHER)[::-1])
    assert len(rows(bases)) == 100 - WIDTH + 1


def test_a_step_has_the_hexamers_that_begin_in_it():
    bags = HEXAMERS.bags("ACGTTGCATTAGCCATG")
    assert np.diff(bags.offsets).tolist() == [STEP, 0]
    assert len(encode_bases("ACGTTGCATTAGCCATG")) == STEP + WIDTH - 1


@pytest.mark.parametrize(("bases", "steps"), [("A", 1), ("ACGTA", 1), ("N" * 30, 3)])
def test_what_has_no_hexamer_has_empty_steps(bases, steps):
    bags = HEXAMERS.bags(bases)
    assert (len(bags), len(bags.rows)) == (steps, 0)


def test_a_hexamer_with_an_unknown_letter_is_left_out():
    assert len(rows("ACGTACGNACGTACG")) == 4
    assert len(joined_bags([HEXAMERS.bags("ACGTAC"), HEXAMERS.bags("GGGGGGG")]).rows) == 3


def test_the_vocabulary_file_is_read_back():
    assert Hexamers.from_json({"kind": "hexamers", "width": 6, "step": 12}).sha256 == HEXAMERS.sha256
    with pytest.raises(ValueError, match="expected hexamers in steps of 12"):
        Hexamers.from_json({"kind": "hexamers", "width": 5, "step": 12})
