"""`elman ingest` of the real corpora: the counts their readmes give."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.ingest.corpus_names import corpus_folder

pytestmark = [pytest.mark.heavy, pytest.mark.usefixtures("home")]


def run(*sources: Path, name: str = "c", **options) -> dict:
    return ingest.fn(IngestConfig(sources=sources, name=name, **options)).to_json()


def corpus(name: str = "c") -> pl.DataFrame:
    return Dataset.open(corpus_folder(name)).scan().collect(engine="in-memory")


@pytest.mark.parametrize(
    ("pattern", "options", "splits", "types"),
    [
        (
            "text/ncbi-disease",
            {},
            {"train": (5424, 135_701), "dev": (923, 23_969), "test": (940, 24_497)},
            {"Disease": 5134 + 787 + 960},
        ),
        (
            "text/litbank/proper_names.*",
            {},
            {"train": (6829, 168_441), "dev": (789, 20_310), "test": (944, 21_781)},
            {"PER": 2037 + 351 + 271, "VEH": 10},
        ),
        (
            "text/uner-zh-gsdsimp/char.*",
            {},
            {"train": (3997, 156_297), "dev": (500, 20_000), "test": (500, 19_206)},
            {"PER": 2148 + 245 + 205, "LOC": 2858 + 375 + 429, "ORG": 1112 + 133 + 129},
        ),
        (
            "text/uner-zh-gsdsimp/*.iob2*",
            {"unit": "word"},
            {"train": (3997, 98_616), "dev": (500, 12_663), "test": (500, 12_012)},
            {"PER": 2148 + 245 + 205, "LOC": 2858 + 375 + 429, "ORG": 1112 + 133 + 129},
        ),
        (
            "text/wnut17",
            {},
            {"train": (3394, 62_730), "dev": (1009, 15_733), "test": (1287, 23_394)},
            {"person": 660 + 470 + 429, "creative-work": 140 + 105 + 142},
        ),
        (
            "text/wikineural-en/val*",
            {"as_": "train"},
            {"train": (11_590, 267_839)},
            {"PER": 5594, "LOC": 5904, "ORG": 3512, "MISC": 4611},
        ),
        (
            "text/wikigold-en",
            {"as_": "test"},
            {"test": (1696, 39_007)},
            {"LOC": 1014, "PER": 934, "ORG": 898, "MISC": 712},
        ),
    ],
)
def test_real_corpora_give_the_counts_of_their_readmes(corpora, pattern, options, splits, types):
    summary = run(*sorted(corpora.glob(pattern)), **options)
    counted = {split: (counts["sentences"], counts["tokens"]) for split, counts in summary["splits"].items()}
    assert counted == splits
    assert summary["records"] == summary["ingested"] == sum(sentences for sentences, _ in splits.values())
    tags = corpus()["tags"].list.explode().value_counts()
    begins = {tag[2:]: count for tag, count in tags.rows() if tag.startswith("B-")}
    assert {name: begins[name] for name in types} == types


def test_chinese_words_by_character_are_the_published_characters(corpora):
    folder = corpora / "text" / "uner-zh-gsdsimp"
    run(folder / "zh_gsdsimp-ud-dev.iob2", name="words")
    run(folder / "char.dev.conll", name="chars")
    assert corpus("words")["tags"].to_list() == corpus("chars")["tags"].to_list()


def test_a_real_genome_gives_the_counts_of_its_readme(corpora):
    summary = run(corpora / "dna" / "ecoli_k12_mg1655")
    assert sum(split["bases"] for split in summary["splits"].values()) == 4_641_652
    assert (summary["records"], summary["quarantined"]) == (1, 0)
    features = corpus()["features"].list.explode().struct.unnest().unique(["id", "start", "end"])
    ids = dict(features.group_by("label").agg(pl.col("id").n_unique()).rows())
    assert ids == {"CDS": 4242, "pseudogene": 115}


@pytest.mark.slow
def test_a_hundred_novels_lose_no_character_between_tokens(corpora):
    summary = run(corpora / "text" / "gutenberg100")
    assert summary["records"] == summary["ingested"] == 100
    folder = corpora / "text" / "gutenberg100"
    for (name,), part in corpus().group_by("document"):
        text = gzip.decompress((folder / name).read_bytes()).decode()
        rows = part.sort("sentence")
        assert all(text.startswith(row[0], row[1]) for row in rows.select("text", "start").iter_rows())
        assert "".join("".join(rows["text"]).split()) == "".join(text.split())
