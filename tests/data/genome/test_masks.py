"""Masks: intervals of BED and GFF3, merged; a bad line is named; gaps and masks are put together."""

import gzip

import numpy as np
import pytest

from elman.data.errors import BadInput
from elman.data.genome.masks import read_masks, with_mask

BED = "# comment\ntrack name=x\nc1\t10\t20\tx\t0\t+\nc1\t15\t30\nc2\t0\t5\nc2\t7\t7\n"
GFF3 = (
    "##gff-version 3\nc1\t.\tregion\t1\t900\t.\t.\t.\tID=c1\nc1\t.\ttRNA\t11\t20\t.\t+\t.\tID=t\n"
    "c1\t.\trRNA\t16\t30\t.\t-\t.\tID=r\nc2\t.\ttRNA\t1\t5\t.\t+\t.\tID=u\n##FASTA\n>c1\nACGT\n"
)


@pytest.mark.parametrize("text", [BED, GFF3])
@pytest.mark.parametrize("packed", [False, True])
def test_bed_and_gff3_of_the_same_intervals_are_the_same_mask(tmp_path, text, packed):
    path = tmp_path / "mask"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_masks(path) == {"c1": [(10, 30)], "c2": [(0, 5)]}


@pytest.mark.parametrize("line", ["c1\tten\t20", "c1 10 20", "c1\t30\t20"])
def test_a_bad_line_is_named(tmp_path, line):
    path = tmp_path / "mask.bed"
    path.write_text(f"c1\t1\t2\n{line}\n")
    with pytest.raises(BadInput, match=r"mask\.bed:2: expected"):
        read_masks(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.bed: expected a file"):
        read_masks(tmp_path / "none.bed")


def test_gaps_and_masked_intervals_that_touch_are_one_and_a_circle_repeats_its_mask():
    gaps = np.array([[100, 160], [300, 360]])
    found = with_mask(gaps, [(20, 40), (160, 170)], 520, 500)
    assert found.tolist() == [[20, 40, 1], [100, 170, 1], [300, 360, 0]]
    assert with_mask(gaps, [(10, 40)], 530, 500).tolist()[-1] == [510, 530, 1]
    assert with_mask(gaps[:0], [], 500, 500).shape == (0, 3)
