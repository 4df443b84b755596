"""Records become shards of bounded size, whatever the length of a document or contig."""

import pytest

from elman.data.corpus import shards as shard_tables
from elman.data.corpus.contig_pieces import PIECE
from elman.data.corpus.shards import (
    DOCUMENTS,
    SourceRecords,
    describe,
    dna_shards,
    fraction,
    split_of,
    text_shards,
)
from elman.data.formats.common.records import Document, Quarantined, Sentence, by_character
from elman.data.genome.contigs import Contig, Feature
from elman.data.store import schema


def sentence(start: int, text: str = "Tom ran .", tags=("B-PER", "O", "O")) -> Sentence:
    starts, at = [], start
    for word in text.split():
        starts.append(at)
        at += len(word) + 1
    ends = [a + len(word) for a, word in zip(starts, text.split(), strict=True)]
    return Sentence(start, start + len(text), text, tuple(starts), tuple(ends), tags, byte_offset=start)


def parts(count: int, size: int):
    """A document in parts of `size` sentences."""
    for first in range(0, count, size):
        yield Document("d", "x.txt", tuple(sentence(10 * n) for n in range(first, min(first + size, count))))


def frames(cuts) -> list:
    return [cut.tables() for cut in cuts]


@pytest.fixture
def by_characters(monkeypatch):
    """Shards whose size is that of their text alone."""
    monkeypatch.setattr(shard_tables, "CHARACTERS_OF_ROW", 0)
    monkeypatch.setattr(shard_tables, "CHARACTERS_OF_TOKEN", 0)


@pytest.mark.parametrize(
    ("text", "least"), [("a b " * 50, 500), ("a", 64), ("words of many letters " * 5, 109)]
)
def test_short_tokens_and_short_sentences_count_as_longer_ones(text, least):
    text = text.strip()
    sentences = (sentence(0, text, ("O",) * len(text.split())),) * 200
    document = Document("d", "x", sentences)
    first, *_ = frames(text_shards([SourceRecords("x", "plain", "dev", [document])], 3200))
    assert first["data"].height == -(-3200 // least)


@pytest.mark.usefixtures("by_characters")
def test_a_long_document_goes_on_in_the_next_shard():
    shards = frames(text_shards([SourceRecords("x.txt", "plain", "dev", parts(1000, 7))], limit=900))
    assert len(shards) == 10
    data = [row for shard in shards for row in shard["data"].iter_rows(named=True)]
    assert [row["sentence"] for row in data] == list(range(1000))
    assert [row["start"] for row in data] == [10 * n for n in range(1000)]
    assert {(row["document"], row["split"], row["source"]) for row in data} == {("d", "dev", "x.txt")}
    assert ["documents" in shard for shard in shards] == [False] * 9 + [True]
    assert shards[-1]["documents"].schema == DOCUMENTS
    assert shards[-1]["documents"].row(0)[:5] == ("d", "x.txt", "dev", 1, 1000)
    assert shards[0]["data"].schema == schema.TEXT


def test_the_digest_of_a_document_does_not_depend_on_parts_shards_or_name():
    def digest(size, limit, name="x.txt"):
        shards = frames(text_shards([SourceRecords(name, "plain", None, parts(40, size))], limit=limit))
        return shards[-1]["documents"]["digest"][0]

    assert digest(40, 10**6) == digest(3, 50) == digest(7, 90, "y.txt")


@pytest.mark.parametrize("change", [{"text": "Tim ran ."}, {"tags": ("O", "O", "O")}, {"tags": None}])
def test_other_words_or_tags_give_another_digest(change):
    def digest(**changed):
        document = Document("d", "x", (sentence(0), sentence(10, **changed)))
        return frames(text_shards([SourceRecords("x", "jsonl", None, [document])]))[0]["documents"]["digest"][
            0
        ]

    assert digest(**change) != digest()


def test_records_are_sentences_of_columns_and_else_documents():
    documents = [Document(f"d{n}", "x", (sentence(0), sentence(10))) for n in range(3)]
    refused = Quarantined("x", 4, 30, "wrong-columns", "a", "b", b"raw")
    for kind, records in (("conll", 7), ("jsonl", 4)):
        (cut,) = text_shards([SourceRecords("x", kind, None, [*documents, refused])])
        counts, types = describe(cut.tables())
        assert cut.records == records == counts["records"] + counts["quarantined"]
        assert types == ["PER"]
        assert cut.tables()["quarantine"].schema == schema.QUARANTINE
        assert cut.tables()["quarantine"].row(0) == ("x", 4, 30, "wrong-columns", "a", "b", b"raw")


def test_unlabelled_sentences_have_no_tags_and_empty_ones_none_to_have():
    document = Document("d", "x", (sentence(0), sentence(10, tags=None), sentence(20, "", ()), sentence(30)))
    (cut,) = text_shards([SourceRecords("x", "jsonl", None, [document])])
    assert cut.tables()["data"]["tags"].to_list() == [["B-PER", "O", "O"], None, [], ["B-PER", "O", "O"]]
    assert cut.tables()["data"]["token_end"].to_list()[1] == [13, 17, 19]


def test_equal_ids_in_one_source_are_told_apart_by_line():
    documents = [Document("d", "x", (sentence(0),), line=line) for line in (1, 2, 9)]
    (cut,) = text_shards([SourceRecords("x", "jsonl", None, documents)])
    assert cut.tables()["documents"]["document"].to_list() == ["d", "d~2", "d~9"]


@pytest.mark.usefixtures("by_characters")
def test_sources_share_a_shard_until_it_is_full():
    readings = [
        SourceRecords(f"{n}", "plain", None, [Document(f"{n}", f"{n}", (sentence(0),))]) for n in range(10)
    ]
    shards = frames(text_shards(readings, limit=30))
    assert [shard["data"]["source"].to_list() for shard in shards] == [
        list("0123"),
        list("4567"),
        list("89"),
    ]


def test_a_long_contig_goes_on_in_the_next_shard():
    bases = "ACGT" * (PIECE // 4 * 5)
    feature = Feature(10, 40, "+", "CDS", 0, "a")
    contig = Contig("c", bases, (feature,), "x.fna", 0, 1)
    small = Contig("d", "ACGT", None, "x.fna", 9, 2)
    cuts = list(dna_shards([SourceRecords("x.fna", "fasta", None, [contig, small])], limit=2 * PIECE))
    shards = frames(cuts)
    assert [shard["data"]["start"].to_list() for shard in shards] == [
        [0, PIECE],
        [2 * PIECE, 3 * PIECE],
        [4 * PIECE, 0],
    ]
    assert "".join(base for shard in shards for base in shard["data"]["bases"]) == bases + "ACGT"
    assert sum(cut.records for cut in cuts) == 2
    assert sum(cut.features for cut in cuts) == 1
    documents = [row for shard in shards if "documents" in shard for row in shard["documents"].rows()]
    assert sum(row[3] for row in documents) == 2
    assert sum(row[4] for row in documents) == 6
    assert describe(shards[0])[1] == ["CDS"]


def test_tokens_are_cut_into_characters_with_their_tags():
    words = sentence(5, "同樣 台北市 AB c", ("O", "B-LOC", "B-ORG", "I-ORG"))
    cut = by_character(words)
    text = [cut.text[a - 5 : b - 5] for a, b in zip(cut.token_start, cut.token_end, strict=True)]
    assert text == list("同樣台北市ABc")
    assert cut.tags == ("O", "O", "B-LOC", "I-LOC", "I-LOC", "B-ORG", "I-ORG", "I-ORG")
    assert by_character(cut) is cut


def test_fractions_are_even_and_never_change():
    assert fraction("a", 1) == fraction("a", 1) != fraction("a", 2)
    assert fraction("elman") == pytest.approx(0.4502082542)
    shares = [split_of(fraction(n)) for n in range(10_000)]
    assert [shares.count(split) / 1e4 for split in schema.SPLITS] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_labels_of_documents_stand_in_a_table_of_their_own_and_in_the_digest():
    own = Document("a", "x", (sentence(0),), label="news")
    bare = Document("b", "x", (sentence(0),))
    (shard,) = frames(text_shards([SourceRecords("x", "jsonl", None, [own, bare])]))
    assert shard["labels"].rows() == [("a", "x", "news")]
    assert shard["documents"]["digest"].n_unique() == 2
    (without,) = frames(text_shards([SourceRecords("x", "jsonl", None, [bare])]))
    assert "labels" not in without
    assert describe(shard)[0]["labelled_documents"] == 1
    (of_folder,) = frames(text_shards([SourceRecords("x", "jsonl", None, [own, bare], "talk")]))
    assert of_folder["labels"]["label"].to_list() == ["news", "talk"]


def test_the_end_of_a_contig_that_fills_several_shards_is_kept():
    bases = "ACGT" * PIECE
    shards = frames(
        dna_shards([SourceRecords("x", "fasta", None, [Contig("c", bases, None, "x", 0, 1)])], PIECE)
    )
    assert "".join(part for shard in shards for part in shard["data"]["bases"]) == bases
    assert sum(shard["documents"]["records"].sum() for shard in shards if "documents" in shard) == 1


def test_a_contig_has_the_label_of_its_source_once():
    contig = Contig("c", "ACGT" * PIECE, None, "x", 0, 1)
    shards = frames(dna_shards([SourceRecords("x", "fasta", None, [contig], "Escherichia")], limit=PIECE))
    assert [row for shard in shards if "labels" in shard for row in shard["labels"].rows()] == [
        ("c", "x", "Escherichia")
    ]
