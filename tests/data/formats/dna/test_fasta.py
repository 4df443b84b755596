"""FASTA: entries with their places, and one quarantined record for each bad entry."""

import gzip
import io
import random

import pytest
from Bio import bgzf

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.streams import open_path
from elman.data.formats.dna.fasta import read_fasta
from elman.data.genome.contigs import Contig


def read(raw: bytes):
    return list(read_fasta(io.BytesIO(raw), "x.fa", Options()))


def test_entries_come_with_their_place_and_their_case():
    one, two = read(b"; a comment\n>a first\nACgt\nNNry\n\n>b\nGG GG\n")
    assert (one.id, one.bases, one.line, one.byte_offset) == ("a", "ACgtNNry", 2, 12)
    assert (two.id, two.bases, two.line, two.byte_offset) == ("b", "GGGG", 6, 32)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_may_be_of_any_kind(end):
    raw = end.join([b">a", b"ACGT", b"AC", b">b", b"GG", b""])
    assert [(r.id, r.bases, r.line) for r in read(raw)] == [("a", "ACGTAC", 1), ("b", "GG", 4)]
    assert raw[read(raw)[1].byte_offset :].startswith(b">b")


def test_mixed_line_ends_count_as_one_each():
    assert [r.line for r in read(b">a\r\nAC\rGT\n>b\nAA\r>c\nTT")] == [1, 4, 6]


def test_a_line_of_any_length_is_read():
    bases = b"ACGTTGCA" * 200_000
    long, after = read(b">a\n" + bases + b"\n>b\nAC\n")
    assert (long.bases.encode(), after.bases, after.byte_offset) == (bases, "AC", len(bases) + 4)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b">\nACGT\n", "no-id"),
        (b"> x\nACGT\n", "no-id"),
        (b">x\n", "empty-record"),
        (b">x\nACG1T\n", "not-dna"),
        (b">x\nMKLV*\n", "not-dna"),
        (b">x\nAC>GT\n", "not-dna"),
        (b">ok\nAC\n", "duplicate-id"),
        (b">x\xff\nAC\n", "invalid-utf8"),
    ],
)
def test_a_bad_entry_is_quarantined_alone(entry, reason):
    before, bad, after = read(b">ok\nACGT\n" + entry + b">end\nTT\n")
    assert (before.id, after.id) == ("ok", "end")
    assert isinstance(bad, Quarantined)
    assert (bad.reason, bad.line, bad.byte_offset, bad.raw) == (reason, 3, 9, entry)
    assert bad.todo


def test_text_before_the_first_header_is_quarantined_and_the_rest_is_read():
    bad, good = read(b"\nACGT\nACGT\n>a\nAC\n")
    assert (bad.reason, bad.line, bad.raw) == ("no-header", 2, b"ACGT\nACGT\n")
    assert good == Contig("a", "AC", None, "x.fa", 11, 4)


def test_a_file_without_any_header_is_one_refusal():
    (bad,) = read(b"ACGT\n" * 3)
    assert (bad.reason, bad.line) == ("no-header", 1)


def test_the_entry_in_which_a_broken_gzip_ends_is_quarantined():
    raw = gzip.compress(b">a\nACGT\n>b\n" + bytes(random.Random(0).choices(b"ACGT", k=90_000)))
    with gzip.GzipFile(fileobj=io.BytesIO(raw[:-300])) as stream:
        whole, bad = read_fasta(stream, "x.fa.gz", Options())
    assert (whole.id, bad.reason, bad.line, bad.byte_offset) == ("a", "truncated", 3, 8)


@pytest.mark.parametrize("title", ["c circular=true", "c [topology=circular] x", "c x Circular=True"])
def test_a_header_may_say_that_the_sequence_is_a_circle(title):
    (contig,) = read(f">{title}\nACGT\n".encode())
    assert contig.circular


def test_a_header_that_only_speaks_of_circles_says_nothing():
    assert not read(b">c a circular plasmid, circular=false\nACGT\n")[0].circular


def test_blocked_gzip_is_read_to_its_end(tmp_path):
    path = tmp_path / "x.fa.gz"
    with bgzf.BgzfWriter(str(path)) as out:
        out.write(">a\n" + "ACGTTGCA\n" * 20_000 + ">b\nAC\n")
    with open_path(path, "gz") as stream:
        assert [(r.id, r.length) for r in read_fasta(stream, "x.fa.gz", Options())] == [
            ("a", 160_000),
            ("b", 2),
        ]


def test_no_bytes_no_records():
    assert read(b"") == []
