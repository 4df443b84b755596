"""Ingested corpora as sources of tagging."""

import os
from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.flows.ingest import IngestConfig, ingest


def test_a_corpus_gives_the_entities_of_the_file_it_was_made_from(
    run, committed, tmp_path, lines, write_jsonl
):
    source = write_jsonl(tmp_path / "a.jsonl", lines)
    ingest.fn(IngestConfig(sources=(source,), name="lines", unit="word"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "lines"
    run(source, out="raw")
    summary = run(corpus)
    columns = ["source", "document", "sentence", "start", "end", "text", "type", "probability"]
    raw, ingested = (committed(out=out).select(columns).sort("document", "start") for out in ("raw", "out"))
    assert raw.drop("probability").equals(ingested.drop("probability"))
    assert (raw["probability"] - ingested["probability"]).abs().max() < 1e-5
    assert (summary["records"], summary["sentences"]) == (40, 40)


def test_only_new_shards_of_a_grown_corpus_are_tagged(run, tmp_path, lines, write_jsonl):
    ingest.fn(IngestConfig(sources=(write_jsonl(tmp_path / "a.jsonl", lines),), name="lines", unit="word"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "lines"
    first = run(corpus)
    more = write_jsonl(tmp_path / "b.jsonl", ["Kutison says it is warm ."] * 3)
    ingest.fn(IngestConfig(sources=(more,), name="lines"))
    second = run(corpus)
    assert (first["shards"], second["shards"], second["reused"]) == (1, 2, 1)
    assert second["records"] == first["records"] + 3


def test_tagged_output_is_no_source(run, tmp_path, lines, write_jsonl):
    run(write_jsonl(tmp_path / "a.jsonl", lines))
    with pytest.raises(BadInput, match="dataset of kind tagged-text"):
        run(tmp_path / "out", out="again")


def test_a_corpus_of_dna_gives_the_intervals_of_its_files(run, committed, checkout, gene_model):
    fixtures = checkout / "tests" / "fixtures"
    sources = (fixtures / "ecoli_100kb.fna.gz", fixtures / "ecoli_100kb.gff3.gz")
    ingest.fn(IngestConfig(sources=sources, name="genome"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "genome"
    run(sources[0], model=gene_model, out="raw")
    assert run(corpus, model=gene_model)["records"] == 1
    assert committed(out="raw").equals(committed())
