"""Columns, schemes and documents are found; a bad sentence costs itself alone, and its line is known."""

import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.errors import BadInput
from elman.data.formats.common.lines import universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.text import conll
from elman.data.formats.text.conll_layout import layout_of
from elman.data.formats.text.conll_rows import sentences
from elman.data.text.tags import spans


def read(raw, **options):
    raw = raw.encode() if isinstance(raw, str) else raw
    found = list(conll.read(lambda: io.BytesIO(raw), "f.conll", Options(**options)))
    documents = [d for d in found if isinstance(d, Document)]
    return documents, [r for r in found if isinstance(r, Quarantined)]


def rows(documents):
    return [
        [s.text[a - s.start : b - s.start] for a, b in zip(s.token_start, s.token_end, strict=True)]
        for d in documents
        for s in d.sentences
    ]


def tags(documents):
    return [list(s.tags) if s.tags else s.tags for d in documents for s in d.sentences]


PLAIN = "Sam\tB-PER\nLi\tI-PER\nleft\tO\n\nTom\tB-PER\nstayed\tO\n"


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace("\t", " "),
        PLAIN.replace("\n\n", "\n \t \n\n\n"),
        "# text = Sam Li left\n" + PLAIN,
        "1\tSam\tB-PER\t-\t_\n2\tLi\tI-PER\t-\t_\n3\tleft\tO\t-\t_\n\n1\tTom\tB-PER\t-\t_\n2\tstayed\tO\t-\t_\n",
        "0 Sam B-PER\n1 Li I-PER\n2 left O\n\n0 Tom B-PER\n1 stayed O\n",
        "Sam NNP B-NP I-PER\nLi NNP I-NP I-PER\nleft VBD B-VP O\n\nTom NNP B-NP I-PER\nstayed VBD B-VP O\n",
        "1\tSam\tB-PER\n2\tLi\tI-PER\n3-4\tleft\t_\n3\tleft\tO\n\n1\tTom\tB-PER\n2\tstayed\tO\n",
    ],
)
def test_the_columns_are_found_from_the_rows(raw):
    documents, quarantined = read(raw)
    assert quarantined == []
    assert rows(documents) == [["Sam", "Li", "left"], ["Tom", "stayed"]]
    assert tags(documents) == [["B-PER", "I-PER", "O"], ["B-PER", "O"]]


def test_columns_may_be_named():
    documents, _ = read("x B-A Sam I-X\ny O Li O\n", token_column=3, tag_column=2)
    assert (rows(documents), tags(documents)) == ([["Sam", "Li"]], [["B-A", "O"]])


def test_a_column_that_is_not_there_is_bad_input():
    with pytest.raises(BadInput, match="token column 7"):
        read(PLAIN, token_column=7)


def test_a_table_without_tags_is_bad_input_that_names_the_options():
    with pytest.raises(BadInput, match="--tag-column"):
        read("name\tage\nSam\t7\n")


def test_one_column_is_unlabelled_text():
    documents, _ = read("Sam\nleft\n\nTom\n")
    assert (rows(documents), tags(documents)) == ([["Sam", "left"], ["Tom"]], [None, None])


@pytest.mark.parametrize("token", ["#", "#tag", "2-1", "3.5", "-DOC"])
def test_tokens_that_look_like_marks_are_tokens(token):
    documents, _ = read(f"{token}\tO\nis\tO\n\n{token}\tO\n")
    assert rows(documents) == [[token, "is"], [token]]


def test_docstart_parts_documents_and_without_it_fifty_sentences_do():
    documents, _ = read("-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nc O\n")
    assert [(d.id, len(d.sentences)) for d in documents] == [("f.conll#0", 2), ("f.conll#1", 1)]
    documents, _ = read("a O\n\n" * 120)
    assert [(d.id, len(d.sentences)) for d in documents] == [
        (f"f.conll#{i}", n) for i, n in enumerate([50, 50, 20])
    ]


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        (b"Li\tI-PER\textra", "wrong-columns", "expected 2 columns"),
        (b"Li", "wrong-columns", "Got 1"),
        (b"\tO", "empty-token", "expected a token"),
        (b"Li\tQ-PER", "unknown-tag", "Got 'Q-PER'"),
        (b"L\xff\tO", "invalid-utf8", "0xff"),
    ],
)
def test_a_bad_sentence_is_quarantined_with_its_line_and_the_rest_is_read(row, reason, said):
    raw = b"a\tO\n\nSam\tB-PER\n" + row + b"\n\nb\tO\n" + b"\nc\tO\n" * 3
    documents, (quarantined,) = read(raw)
    assert rows(documents)[:2] == [["a"], ["b"]]
    assert (quarantined.reason, quarantined.line, quarantined.byte_offset) == (reason, 4, 5)
    assert said in quarantined.detail
    assert quarantined.raw == b"Sam\tB-PER\n" + row + b"\n"


def test_byte_offsets_and_lines_point_at_the_first_row():
    raw = "# é\na\tO\n\n\nb\tO\n"
    documents, _ = read(raw)
    records = [s for d in documents for s in d.sentences]
    assert [s.line for s in records] == [2, 5]
    assert [raw.encode()[s.byte_offset : s.byte_offset + 1] for s in records] == [b"a", b"b"]


def test_offsets_count_from_the_start_of_the_document():
    ((document,), _) = read("ab O\nc O\n\ndé O\n")
    first, second = document.sentences
    assert (first.text, first.token_start, first.token_end) == ("ab c", (0, 3), (2, 4))
    assert (second.text, second.token_start, second.token_end) == ("dé", (5,), (7,))


def test_a_file_without_rows_is_bad_input():
    with pytest.raises(BadInput, match=r"f\.conll: expected rows of tokens"):
        read("\n\n")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=8))
def test_nothing_is_lost_whatever_the_bytes(lines):
    raw = b"a\tO\n\n" * 250 + b"\n".join(lines)
    layout = layout_of(lambda: io.BytesIO(raw), "f")
    expected = list(sentences(universal_lines(io.BytesIO(raw)), layout))
    documents, quarantined = read(raw)
    assert sum(len(d.sentences) for d in documents) + len(quarantined) == len(expected)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "sentence_count", "tokens", "entities"),
    [
        ("ncbi-disease/train.tsv.gz", 5424, 135701, 5134),
        ("litbank/proper_names.test.conll", 944, 21781, 370),
        ("wnut17/train.conll", 3394, 62730, 1975),
        ("wikineural-en/test.conllu.gz", 11597, 267155, 19675),
        ("wikigold-en/wikigold.conll.txt", 1696, 39007, 3558),
        ("uner-zh-gsdsimp/char.train.conll.gz", 3997, 156297, 6118),
        ("uner-zh-gsdsimp/zh_gsdsimp-ud-dev.iob2", 500, 12663, 753),
    ],
)
def test_real_corpora_have_the_counts_of_their_readmes(corpora, name, sentence_count, tokens, entities):
    path = corpora / "text" / name
    opener = gzip.open if path.suffix == ".gz" else open
    found = list(conll.read(lambda: opener(path, "rb"), name, Options()))
    read_ones = [s for d in found if isinstance(d, Document) for s in d.sentences]
    assert (len(read_ones), sum(len(s.token_start) for s in read_ones)) == (sentence_count, tokens)
    assert sum(len(spans(s.tags)) for s in read_ones if s.tags) == entities
    assert not any(isinstance(d, Quarantined) for d in found)


@pytest.mark.parametrize("blank", ["\u00a0", " \u3000\t", "\u2003\u00a0"])
def test_a_line_of_wide_white_space_ends_a_sentence(blank):
    documents, refused = read(PLAIN.replace("\n\n", f"\n{blank}\n"))
    assert (rows(documents), refused) == ([["Sam", "Li", "left"], ["Tom", "stayed"]], [])


def test_the_mark_of_a_file_put_behind_another_is_no_part_of_a_token():
    documents, refused = read("\ufeff" + PLAIN + "\n\ufeff" + PLAIN + "\n\ufeff-DOCSTART-\tO\n\n" + PLAIN)
    assert rows(documents) == [["Sam", "Li", "left"], ["Tom", "stayed"]] * 3
    assert (len(documents), refused) == (2, [])
