"""Contigs become pieces, and pieces become the stretches they were."""

import polars as pl
import pytest

from elman.data.corpus import contig_pieces
from elman.data.corpus.contig_pieces import pieces, stretches, stretches_of
from elman.data.genome.contigs import Contig, Feature
from elman.data.store import schema
from elman.data.store.writer import DatasetWriter


def test_pieces_hold_every_base_and_all_overlapping_features_whole():
    features = (Feature(0, 4, "+", "CDS", 0, "a"), Feature(3, 12, "-", "CDS", 0, "b"))
    contig = Contig("c", "ACGTacgtNNNN", features, "x.fa", 7, 2)
    frame = pieces(contig, ["train", "dev", "train"], size=5)
    assert frame.schema == schema.DNA
    assert "".join(frame["bases"]) == contig.bases
    assert frame["features"].list.eval(pl.element().struct.field("id")).to_list() == [
        ["a", "b"],
        ["b"],
        ["b"],
    ]


def test_stretches_join_what_pieces_cut():
    features = (Feature(3, 12, "-", "CDS", 0, "b"),)
    contig = Contig("c", "ACGTacgtNNNN", features, "x.fa", 7, 2)
    frame = pieces(contig, ["train", "dev", "train"], size=4)
    (whole,) = stretches(frame.reverse())
    assert (whole.bases, whole.start, len(whole.features)) == (contig.bases, 0, 1)
    parts = list(stretches(frame.filter(split="train")))
    assert [(p.start, p.bases) for p in parts] == [(0, "ACGT"), (8, "NNNN")]


def test_a_circle_stays_one_and_its_masked_intervals_are_cut_with_it():
    contig = Contig("c", "ACgtaCGTAcgT", None, "x", 0, 1, True)
    frame = pieces(contig, size=4)
    assert frame["masked"].to_list() == [
        [{"start": 2, "end": 4}],
        [{"start": 4, "end": 5}],
        [{"start": 9, "end": 11}],
    ]
    assert pieces(contig, size=4, numbers=range(1, 3)).equals(frame[1:])
    assert [s.circular for s in stretches(frame)] == [True]
    assert [s.circular for s in stretches(frame[:2])] == [False]


def test_a_contig_all_in_lower_case_is_not_masked():
    frame = pieces(Contig("c", "acgtacgn", None, "x", 0, 1), size=4)
    assert frame["masked"].to_list() == [[], []]


@pytest.mark.parametrize("at_once", [1, 9, 1_000])
def test_contigs_of_a_corpus_come_whole_and_in_order_however_many_are_read_together(
    tmp_path, monkeypatch, at_once
):
    monkeypatch.setattr(contig_pieces, "AT_ONCE", at_once)
    contigs = [Contig(f"c{n}", "ACGT" * n, None, f"{n % 2}.fa", n, 1) for n in range(1, 6)]
    with DatasetWriter(tmp_path / "genomes", kind="corpus-dna", config={}) as writer:
        writer.commit([writer.stage(c.id, c.id, {"data": pieces(c, size=3)}) for c in contigs])
    read = [(s.source, s.contig, s.bases) for s in stretches_of(tmp_path / "genomes", "train")]
    assert read == sorted((contig.source, contig.id, contig.bases) for contig in contigs)
    assert list(stretches_of(tmp_path / "genomes", "dev")) == []
