"""Genome adapter: all contigs of a source share one genome model."""

from dataclasses import replace

import polars as pl
import pytest

from elman.data.genome import genome_model
from elman.data.genome.contigs import Contig
from elman.data.genome.genome_model import AdaptConfig
from elman.data.store.dataset import Dataset
from elman.flows.tag import TagConfig, tag


@pytest.mark.heavy
def test_contigs_of_a_source_share_its_genome_model_however_it_is_sliced(
    finder, write_finder, ecoli, tmp_path, monkeypatch
):
    monkeypatch.setattr(genome_model, "MIN_PROBABILITY", 0.5)  # the small finder is not confident
    monkeypatch.setattr(genome_model, "MIN_LENGTH", 150)
    adapt = AdaptConfig(shortest=50_000, longest=80_000)
    small = replace(finder, config=replace(finder.config, adapt=adapt))
    fasta = tmp_path / "x.fa"
    names = [f">{at}\n{ecoli.bases[at : at + 12_000]}\n" for at in range(0, 96_000, 12_000)]
    fasta.write_text("".join(names))
    contigs = [
        Contig(str(at), ecoli.bases[at : at + 12_000], None, "x.fa", 0, 1) for at in range(0, 96_000, 12_000)
    ]
    assert small.genome_model_of(contigs) is not None
    model = write_finder(small)
    places = ["contig", "start", "end", "strand", "partial"]
    wanted = pl.concat(small.tag_contigs(contigs)).select(places).rows()
    alone = [row for contig in contigs for row in next(small.tag_contigs([contig])).select(places).rows()]
    assert wanted != alone
    for size in ("15000", "1MiB"):
        done = tag.fn(
            TagConfig(model=str(model), sources=(fasta,), out=tmp_path / size, shard_size=size, workers=0)
        ).to_json()
        assert Dataset.open(tmp_path / size).scan("data").collect().select(places).rows() == wanted
        assert done["shards"] == {"15000": 6, "1MiB": 1}[size]
