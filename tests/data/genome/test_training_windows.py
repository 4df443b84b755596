"""Training windows: recoding keeps every protein, and the same seed gives the same windows."""

import hashlib

import numpy as np
import pytest

from elman.data.genome.genetic_code import amino_acids_of
from elman.data.genome.nucleotides import UNKNOWN, encode_bases, reverse_complement
from elman.data.genome.training_windows import (
    AnnotatedStretch,
    reads_tga,
    recode,
    start_targets,
    training_windows,
)

GENE = "ATG" + "GCACTGAAACGTTCT" * 20 + "TAA"
SPACE = "CATTACGATTGCAACGTAGCTAGGATCA"


def genome():
    """A forward gene, a reverse gene, space around them."""
    forward, reverse = encode_bases(GENE), reverse_complement(encode_bases(GENE))
    gap = encode_bases(SPACE)
    codes = np.concatenate([gap, forward, gap, reverse, gap])
    labels, starts = np.zeros(len(codes), np.int8), np.zeros((len(codes), 2), bool)
    a, b = len(gap), 2 * len(gap) + len(forward)
    labels[a : a + len(forward)] = np.resize([1, 2, 3], len(forward))
    labels[b : b + len(reverse)] = np.resize([6, 5, 4], len(reverse))
    starts[a, 0] = starts[b + len(reverse) - 1, 1] = True
    return codes, labels, starts


def protein(codes):
    words = codes.reshape(-1, 3).astype(int) @ [16, 4, 1]
    return "".join(amino_acids_of(11)[word] for word in words)


@pytest.mark.parametrize("seed", range(5))
def test_recoding_keeps_proteins_start_codons_and_binding_sites(seed):
    codes, labels, starts = genome()
    new = recode(codes, labels, starts, False, np.random.default_rng(seed))
    forward, reverse = labels > 0, labels > 3
    forward &= ~reverse
    assert protein(new[forward]) == protein(codes[forward])
    assert protein(reverse_complement(new[reverse])) == protein(reverse_complement(codes[reverse]))
    first = int(np.argmax(starts[:, 0]))
    assert (new[first - 20 : first + 3] == codes[first - 20 : first + 3]).all()
    assert (new != codes).mean() > 0.05


def test_recoding_spreads_the_gc_content():
    codes, labels, starts = genome()
    shares = [
        np.isin(recode(codes, labels, starts, False, np.random.default_rng(seed)), (1, 2)).mean()
        for seed in range(60)
    ]
    assert min(shares) < 0.36
    assert max(shares) > 0.56


def test_the_nth_batch_depends_on_seed_and_number_alone():
    stretch = AnnotatedStretch(*genome())
    how = {"batch": 3, "length": 120, "rewrite": 0.5, "seed": 7}
    stream = training_windows([stretch], **how)
    three = [next(stream) for _ in range(3)]
    again = next(training_windows([stretch], **how, first=2))
    assert all((a == b).all() for a, b in zip(three[2], again, strict=True))
    assert any((a != b).any() for a, b in zip(three[0], three[1], strict=True))


def test_windows_over_an_end_are_padded_and_ignored():
    windows = next(training_windows([AnnotatedStretch(*genome())], batch=50, length=600, rewrite=0, seed=0))
    assert ((windows.labels == -1) == (windows.codes == UNKNOWN)).all()
    assert (windows.starts[windows.codes == UNKNOWN] == -1).all()


def test_a_start_codon_has_a_target_on_its_own_strand():
    codes = encode_bases("CCATGCCCATCC")[None]
    out = start_targets(codes, np.zeros((1, 12), np.int8), np.zeros((1, 12, 2), bool))
    assert np.argwhere(out[0] >= 0).tolist() == [[2, 0], [3, 1], [9, 1]]


def test_a_genome_that_reads_through_tga_is_detected():
    codes = np.tile(encode_bases("ATG" + "GCATGA" * 30 + "TAA"), 2)
    labels = np.resize([1, 2, 3], len(codes)).astype(np.int8)
    assert reads_tga(codes, labels)
    codes, labels, _ = genome()
    assert not reads_tga(codes, labels)


@pytest.mark.parametrize(
    ("tga", "digest"), [(False, "57159c169c849336"), (True, "46bce9e9a50e38f6")], ids=["code 11", "code 4"]
)
def test_windows_of_a_seed_are_those_of_earlier_versions(tga, digest):
    codes, labels, starts = (np.tile(part, (6, 1) if part.ndim == 2 else 6) for part in genome())
    codes[::97], labels[::101] = UNKNOWN, -1
    stretch = AnnotatedStretch(codes, labels, starts, tga)
    stream = training_windows([stretch], batch=8, length=1200, rewrite=0.7, seed=3)
    parts = [part.tobytes() for _ in range(3) for part in next(stream)]
    assert hashlib.sha256(b"".join(parts)).hexdigest()[:16] == digest
