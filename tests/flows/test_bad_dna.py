"""Bad DNA through the commands: what is bad is set aside with its place, and the rest goes on."""

import gzip
import random
import subprocess
import sys
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag

pytestmark = pytest.mark.heavy

BASES = "ACGTTGCAAC" * 12
BAD = (  # bytes, and why they are refused
    (b"ACGTACGT\n", "no-header"),
    (b">good1\nACGT" + BASES.encode() + b"\r\nACGT\rACGT\n", None),
    (b">empty\n\n", "empty-record"),
    (b"> no name\nACGT\n", "no-id"),
    (b">good1 again\nACGTACGT\n", "duplicate-id"),
    (b">digits\nACGT1234\n", "not-dna"),
    (b">protein\nMKVLAAGIVG\n", "not-dna"),
    (b">good2\r\nacgtn" + BASES.encode() + b"\r\n", None),
)


@pytest.fixture
def bad(tmp_path) -> Path:
    path = tmp_path / "bad.fna"
    path.write_bytes(b"".join(raw for raw, _ in BAD))
    return path


def places() -> list[tuple[str, int]]:
    """Reason and byte offset of each bad entry."""
    at, found = 0, []
    for raw, reason in BAD:
        if reason:
            found.append((reason, at))
        at += len(raw)
    return found


def test_tagging_sets_bad_entries_aside_and_tags_the_others(bad, gene_model, tracked_home, tmp_path):
    done = tag.fn(TagConfig(model=str(gene_model), sources=(bad,), out=tmp_path / "out", workers=0)).to_json()
    assert (done["records"], done["quarantined"], done["exit_code"]) == (8, 6, 3)
    quarantined = Dataset.open(tmp_path / "out").scan("quarantine").collect()
    assert quarantined.select("reason", "byte_offset").rows() == places()
    assert quarantined["source"].unique().to_list() == ["bad.fna"]
    contigs = Dataset.open(tmp_path / "out").scan("contigs").collect()
    assert contigs.select("contig", "length").rows() == [("good1", 132), ("good2", 125)]


def test_ingest_sets_one_bad_entry_in_a_hundred_aside_with_its_place(bad, home, tmp_path):
    good = "".join(f">c{number}\n{BASES}\n" for number in range(700)).encode()
    bad.write_bytes(bad.read_bytes() + good)
    done = ingest.fn(IngestConfig(sources=(bad,), name="genomes")).to_json()
    assert (done["records"], done["ingested"], done["quarantined"]) == (708, 702, 6)
    quarantined = Dataset.open(home / "corpora" / "genomes").scan("quarantine").collect()
    assert quarantined.select("reason", "byte_offset").rows() == places()


def test_features_outside_of_their_contig_or_on_none_are_set_aside_with_their_line(home, tmp_path):
    (tmp_path / "g.fna").write_text(f">c\n{BASES * 30}\n")
    line = "{}\tx\tCDS\t{}\t{}\t.\t+\t0\tID=g{}\n"
    good = [line.format("c", 3 * number + 1, 3 * number + 90, number) for number in range(300)]
    wrong = [line.format("c", 10, 999_999, "far"), line.format("elsewhere", 1, 90, "lost")]
    (tmp_path / "g.gff3").write_text("##gff-version 3\n" + "".join(good + wrong))
    done = ingest.fn(IngestConfig(sources=(tmp_path / "g.fna", tmp_path / "g.gff3"), name="genome")).to_json()
    assert done["quarantined"] == 2
    quarantined = Dataset.open(home / "corpora" / "genome").scan("quarantine").collect()
    before = len("##gff-version 3\n" + "".join(good))
    assert set(quarantined.select("source", "reason", "line", "byte_offset").rows()) == {
        ("g.gff3", "outside-contig", 302, before),
        ("g.gff3", "unknown-contig", 303, before + len(wrong[0])),
    }


def test_of_a_truncated_gzip_all_but_the_last_entry_is_tagged(gene_model, tracked_home, tmp_path):
    letters = random.Random(0)
    text = "".join(f">c{number}\n{''.join(letters.choices('ACGT', k=60_000))}\n" for number in range(3))
    whole = gzip.compress(text.encode(), mtime=0)
    (tmp_path / "cut.fna.gz").write_bytes(whole[: len(whole) - 1000])
    sources, out = (tmp_path / "cut.fna.gz",), tmp_path / "out"
    done = tag.fn(TagConfig(model=str(gene_model), sources=sources, out=out, workers=0)).to_json()
    quarantined = Dataset.open(out).scan("quarantine").collect()
    assert quarantined["reason"].to_list() == ["truncated"]
    assert Dataset.open(out).scan("contigs").collect()["contig"].to_list() == ["c0", "c1"]
    assert (done["records"], quarantined["byte_offset"].item()) == (3, text.index(">c2"))


MEASURED = """
import resource, sys
from pathlib import Path
from elman.data.corpus.contig_pieces import pieces
from elman.data.formats.dna.fasta import read_fasta
from elman.data.formats.common.options import Options
from elman.data.formats.dna.gff3 import read_gff3
path = Path(sys.argv[1])
with path.open("rb") as stream:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if path.suffix == ".fna":
        (contig,) = read_fasta(stream, "x", Options(spool=path.parent))
        size = 0
        for at in range(contig.length // 100_000):
            size += len(pieces(contig, numbers=range(at, at + 1))["bases"][0])
    else:
        (quarantined,) = read_gff3(stream, "x").quarantined
        size = int(quarantined.detail.split()[-1])
    print(size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("megabytes", [60, pytest.param(250, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["line.fna", "line.gff3"])
def test_a_line_of_any_length_is_never_held_whole(name, megabytes, checkout, tmp_path):
    path = tmp_path / name
    head = ">one\n" if name == "line.fna" else ""
    with path.open("w") as file:
        file.write(head)
        for _ in range(megabytes):
            file.write("ACGTTGCAAC" * 100_000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path], cwd=checkout, capture_output=True, text=True, check=True
    )
    size, kib = map(int, done.stdout.split())
    assert size == megabytes * 1_000_000
    assert kib / 1024 < 50
