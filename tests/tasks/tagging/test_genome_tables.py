"""Tables of tagged genomes."""

import gzip
from pathlib import Path

import pytest


@pytest.fixture
def fasta(checkout, tmp_path) -> Path:
    """The slice as three contigs, one without a sequence, which is quarantined."""
    with gzip.open(checkout / "tests" / "fixtures" / "ecoli_100kb.fna.gz", "rt") as file:
        bases = "".join(line.strip() for line in file if not line.startswith(">"))
    path = tmp_path / "g.fna"
    path.write_text(f">a\n{bases[:30_000]}\n>none\n>b\n{bases[30_000:31_000]}\n>c\n{bases[40_000:55_000]}\n")
    return path


def test_genomes_give_intervals_gff3_and_bed_and_empty_contigs_are_quarantined(
    run, committed, fasta, gene_model
):
    summary = run(fasta, model=gene_model, format="gff3,bed", shard_size="20000")
    wanted = {"records": 4, "quarantined": 1, "bases": 46_000, "shards": 2, "exit_code": 3}
    assert {name: summary[name] for name in wanted} == wanted
    frame = committed()
    assert summary["rows"] == frame.height > 0
    assert committed("quarantine")["source"].to_list() == ["g.fna"]
    out = Path(summary["out"])
    gff3 = [line.split("\t") for line in (out / "tags.gff3").read_text().splitlines() if line[0] != "#"]
    places = frame.select("contig", "start", "end").rows()
    assert [(row[0], int(row[3]) - 1, int(row[4])) for row in gff3] == places
    bed = [line.split("\t") for line in (out / "tags.bed").read_text().splitlines()]
    assert [(row[0], int(row[1]), int(row[2])) for row in bed] == frame.select(
        "contig", "start", "end"
    ).rows()
    assert run(fasta, model=gene_model, format="bed,gff3", shard_size="20000")["reused"] == 2
