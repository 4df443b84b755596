"""Decisions that need all documents."""

import polars as pl
import pytest

from elman.data.corpus import reconcile as reconciliation
from elman.data.corpus.reconcile import Decisions, apply
from elman.data.corpus.shards import DOCUMENTS, fraction, piece_split, split_of

EMPTY = DOCUMENTS.to_frame()


def documents(*rows, source="x") -> pl.DataFrame:
    """Rows of (document, split, rows, digest); a record each."""
    return pl.DataFrame(
        [(name, source, split, 1, count, digest) for name, split, count, digest in rows],
        schema=DOCUMENTS,
        orient="row",
    )


def reconcile(new: pl.DataFrame, old: pl.DataFrame, *rest, **options) -> Decisions:
    """Decisions about tables of two rows a shard."""

    def shards(frame: pl.DataFrame):
        return lambda: frame.iter_slices(2)

    return reconciliation.reconcile(shards(new), shards(old), *rest, **options)


def many(count: int) -> pl.DataFrame:
    return documents(*[(f"d{n}", split_of(fraction(f"d{n}")), 3, f"h{n}") for n in range(count)])


def data(name: str, count: int, split: str, source="x") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "document": [name] * count,
            "sentence": range(count),
            "split": [split] * count,
            "text": [f"{name} {n}" for n in range(count)],
            "source": [source] * count,
        }
    )


def test_a_large_new_corpus_needs_no_decisions():
    assert reconcile(many(300), EMPTY, ["x"], {}).to_json() is None


def test_the_same_content_in_the_same_split_is_there_already():
    old = documents(("a", "train", 3, "h1"), source="old")
    new = documents(("b", "train", 3, "h1"), ("c", "test", 3, "h1"), ("d", "train", 3, "h2"))
    set_by_name = reconcile(new, old, [], {"x": "s"})
    assert set_by_name.drop.rows() == [("x", "b")]
    assert set_by_name.already == {"x": 1}
    by_hash = reconcile(new, old, ["x"], {"x": "s"})
    assert by_hash.drop.rows() == [("x", "b"), ("x", "c")]


def test_documents_that_are_equal_within_one_ingest_stay():
    new = documents(("a", "train", 3, "h1"), ("b", "train", 3, "h1"))
    assert reconcile(new, EMPTY, [], {}).drop.height == 0


def test_a_taken_id_gets_the_suffix_of_its_source_and_the_split_of_its_namesake():
    old = pl.concat([documents(("a", "test", 3, "h1"), source="old"), many(300)])
    new = documents(("a", "train", 3, "new1"), ("b", "train", 3, "new2"))
    decisions = reconcile(new, old, ["x"], {"x": "0a1b"})
    assert decisions.names.rows() == [("x", "a", "a~0a1b")]
    assert decisions.splits.rows() == [("x", "a", 0, "test")]
    tables = {"data": data("a", 3, "train"), "documents": new}
    changed = apply(decisions, tables)
    assert changed["data"]["document"].to_list() == ["a~0a1b"] * 3
    assert changed["data"]["split"].to_list() == ["test"] * 3
    assert changed["documents"].select("document", "split").rows() == [("a~0a1b", "test"), ("b", "train")]


def test_ids_that_two_new_sources_share_are_told_apart():
    new = pl.concat([documents(("a", "train", 1, "h1")), documents(("a", "train", 1, "h2"), source="y")])
    assert reconcile(new, EMPTY, [], {"x": "1", "y": "2"}).names.rows() == [("y", "a", "a~2")]


@pytest.mark.parametrize("count", [3, 4, 11, 25])
def test_few_documents_are_dealt_out_whole(count):
    new = many(count)
    decisions = reconcile(new, EMPTY, ["x"], {})
    changed = apply(decisions, {"documents": new})["documents"]
    splits = changed["split"].to_list()
    assert changed["document"].to_list() == new["document"].to_list()
    assert set(splits) == {"train", "dev", "test"}
    assert splits.count("train") == max(map(splits.count, set(splits)))


@pytest.mark.parametrize(("rows", "block"), [(3000, 50), (120, 12), (9, 1)])
def test_one_document_is_dealt_out_in_blocks_that_stay_together(rows, block):
    new = documents(("a", "train", rows, "h"))
    decisions = reconcile(new, EMPTY, ["x"], {})
    changed = apply(decisions, {"data": data("a", rows, "train"), "documents": new})
    blocks = changed["data"].group_by(pl.col("sentence") // block).agg(pl.col("split").n_unique())
    assert blocks["split"].max() == 1
    sizes = dict(changed["data"].group_by("split").len().rows())
    assert set(sizes) == {"train", "dev", "test"}
    assert dict(changed["documents"].select("split", "rows").rows()) == sizes
    assert changed["documents"]["records"].to_list() == [1, 0, 0]


def test_two_sentences_give_a_training_and_a_test_one():
    new = documents(("a", "train", 2, "h"))
    changed = apply(reconcile(new, EMPTY, ["x"], {}), {"documents": new})
    assert sorted(changed["documents"]["split"]) == ["test", "train"]


def test_splits_that_names_have_set_are_never_changed():
    new = documents(("a", "train", 3000, "h"))
    assert reconcile(new, EMPTY, [], {}).to_json() is None


def test_what_is_dropped_from_a_shard_is_gone_from_all_its_tables():
    old = documents(("a", "train", 3, "h1"), source="old")
    new = documents(("b", "train", 3, "h1"))
    decisions = reconcile(new, old, [], {})
    assert apply(decisions, {"data": data("b", 3, "train"), "documents": new}) == {}
    assert decisions.concerning(documents(("c", "train", 3, "h"))).to_json() is None


def test_a_genome_without_a_dev_piece_gives_one():
    name = next(f"c{n}" for n in range(99) if {piece_split(f"c{n}", k) for k in range(4)} == {"train"})
    new = documents((name, "train", 4, "h"))
    decisions = reconcile(new, EMPTY, ["x"], {}, dna=True)
    pieces = pl.DataFrame(
        {
            "contig": [name] * 4,
            "start": [0, 100_000, 200_000, 300_000],
            "split": ["train"] * 4,
            "source": ["x"] * 4,
        }
    )
    changed = apply(decisions, {"data": pieces, "documents": new})
    assert sorted(changed["data"]["split"]) == ["dev", "train", "train", "train"]
    assert sorted(changed["documents"].select("split", "rows").rows()) == [("dev", 1), ("train", 3)]
    assert reconcile(documents((name, "train", 1, "h")), EMPTY, ["x"], {}, dna=True).to_json() is None
