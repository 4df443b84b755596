"""The column of tags is the only one that can be it, or is named; it may write tags in four ways."""

import io
import random

import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize, SliceStream
from elman.data.formats.registry import Head, detect
from elman.data.formats.text import conll


def read(raw: str, **options) -> list[list[tuple[str, str | None]]]:
    """Sentences as tokens with tags; nothing may be quarantined."""
    found = list(conll.read(lambda: io.BytesIO(raw.encode()), "f.tsv", Options(**options)))
    assert not [record for record in found if isinstance(record, Quarantined)]
    return [
        list(
            zip(
                [s.text[a - s.start : b - s.start] for a, b in zip(s.token_start, s.token_end, strict=True)],
                s.tags or [None] * len(s.token_start),
                strict=True,
            )
        )
        for document in found
        if isinstance(document, Document)
        for s in document.sentences
    ]


OUTER = [[("Anna", "B-PER"), ("Uni", "B-ORG"), ("Oslo", "I-ORG")]]
INNER = [[("Anna", "O"), ("Uni", "O"), ("Oslo", "B-LOC")]]
LAYERS = "1\tAnna\tB-PER\tO\n2\tUni\tB-ORG\tO\n3\tOslo\tI-ORG\tB-LOC\n\n"


def test_several_columns_of_entities_are_refused_with_their_list():
    with pytest.raises(BadInput) as error:
        read(LAYERS)
    assert "f.tsv: expected one column of tags. Got 2: 3 (ORG, PER); 4 (LOC)" in str(error.value)
    assert "--tag-column 3" in str(error.value)


@pytest.mark.parametrize(
    "header", ["", "id\ttoken\touter\tinner\n", "# global.columns = id token outer inner\n"]
)
@pytest.mark.parametrize(("number", "name", "expected"), [(3, "outer", OUTER), (4, "inner", INNER)])
def test_a_layer_is_chosen_by_number_or_by_name(header, number, name, expected):
    assert read(header + LAYERS, tag_column=name if header else number) == expected


def test_a_name_that_no_column_has_is_refused_with_the_names():
    with pytest.raises(BadInput, match="columns id, token, outer, inner"):
        read("# global.columns = id token outer inner\n" + LAYERS, tag_column="deep")
    with pytest.raises(BadInput, match="columns without names"):
        read(LAYERS, tag_column="outer")


def test_where_labels_are_not_used_layers_do_not_matter():
    assert [[token for token, _ in s] for s in read(LAYERS, labels_used=False)] == [["Anna", "Uni", "Oslo"]]


def test_a_column_of_phrases_is_no_layer_of_entities():
    raw = "Sam NNP B-NP I-PER\nleft VBD B-VP O\n\n"
    assert read(raw) == [[("Sam", "B-PER"), ("left", "O")]]
    assert read(raw, tag_column=3) == [[("Sam", "B-NP"), ("left", "B-VP")]]


def test_a_row_of_column_names_is_no_token():
    rows = "Anna\tNNP\tB-PER\nleft\tVBD\tO\n\n"
    expected = [[("Anna", "B-PER"), ("left", "O")]]
    assert read("word\tpos\tner\n" + rows) == read("Word\tPOS\tTag\n\n" + rows) == expected
    assert read("w\tp\tx\n" + rows, token_column="w", tag_column="x") == expected


def test_the_columns_read_are_reported():
    options = Options()
    list(conll.read(lambda: io.BytesIO(b"1\tAnna\tI-PER\n2\tran\tO\n"), "f.tsv", options))
    described = {"token_column": 2, "tag_column": 3, "tags": "prefix and type", "scheme": "IOB1"}
    assert options.report.columns == {"f.tsv": described}


@pytest.mark.parametrize(
    "raw",
    [
        "Anna\tB-PER\t\nwalks\tO\n\n",
        "Anna\tB-PER\nwalks\tO\t\n\n",
        "Anna\tB-PER\t\nwalks\tO\t\n\n",
        "Anna\tB-PER\t\t\nwalks\tO\n\n",
        "Anna\tB-PER\tQ1\nwalks\tO\t\n\nwalks\tO\n\nAnna\tB-PER\tQ1\n\n",
    ],
)
def test_empty_columns_at_the_end_of_a_row_may_be_there_or_not(raw):
    assert read(raw)[0] == [("Anna", "B-PER"), ("walks", "O")]


def test_a_row_without_its_tag_is_quarantined_nevertheless():
    found = list(conll.read(lambda: io.BytesIO(b"a\tO\t\n" * 9 + b"\nb\n"), "f", Options()))
    assert [record.reason for record in found if isinstance(record, Quarantined)] == ["wrong-columns"]


def test_lines_may_end_with_a_return_alone():
    raw = "The\tO\rAnna\tB-PER\rwalks\tO\r\rHe\tO\rran\tO\r"
    assert read(raw) == read(raw.replace("\r", "\n")) == read(raw.replace("\r", "\r\n"))
    assert [len(sentence) for sentence in read(raw)] == [3, 2]


def test_tags_without_a_type_need_one():
    raw = "Anna\tB\nLee\tI\nleft\tO\n\n"
    with pytest.raises(BadInput, match=r"Got B, I alone in column 2\. .* --entity-type"):
        read(raw)
    assert read(raw, entity_type="GENE") == [[("Anna", "B-GENE"), ("Lee", "I-GENE"), ("left", "O")]]
    assert read("Anna\tS\nleft\tO\nA\tB\nB\tE\n", entity_type="X")[0][2:] == [("A", "B-X"), ("B", "I-X")]


def test_a_type_for_tags_that_have_one_is_refused():
    with pytest.raises(BadInput, match="types PER in column 2"):
        read("Anna\tB-PER\nleft\tO\n", entity_type="GENE")


def test_of_types_without_prefix_neighbours_of_one_type_are_one_entity():
    raw = "Anna\tPER\nLee\tPER\nleft\tO\nOslo\tLOC\n#\tLOC\n\n#\tPER\nis\tO\n" + "\nso\tO\n" * 9
    first, second = read(raw)[:2]
    assert first == [("Anna", "B-PER"), ("Lee", "I-PER"), ("left", "O"), ("Oslo", "B-LOC"), ("#", "I-LOC")]
    assert second == [("#", "B-PER"), ("is", "O")]


CONLLU = (
    "# text = Anna ran\n1\tAnna\tAnna\tPROPN\t_\t_\t2\tnsubj\t_\tname=B-PER|SpaceAfter=No\n"
    "2-3\tran\t_\t_\t_\t_\t_\t_\t_\t_\n2\tran\trun\tVERB\t_\t_\t0\troot\t_\t{}\n\n"
)


@pytest.mark.parametrize("outside", ["name=O", "_"])
@pytest.mark.parametrize("key", ["name", "NER", "NE", "Entity"])
def test_tags_may_stand_in_misc(outside, key):
    raw = CONLLU.format(outside).replace("name=", f"{key}=")
    assert read(raw) == [[("Anna", "B-PER"), ("ran", "O")]]
    assert read(raw, tag_column=key) == read(raw, tag_column="MISC") == read(raw, tag_column=10) == read(raw)


@pytest.mark.parametrize(
    "raw", ["Anna\tB\nran\tO\n", "Anna\tPER\nran\tO\n", LAYERS, CONLLU.format("_"), "Anna\tB-PER\rran\tO\r"]
)
def test_files_are_known_by_their_tags(raw):
    assert detect(Head("f.txt", raw.encode(), True)).name == "conll"


@pytest.mark.parametrize("seed", range(6))
def test_slices_give_the_records_of_the_whole(seed):
    draw = random.Random(seed)
    end = draw.choice(["\n", "\r\n", "\r"])
    rows = draw.choices(["Anna\tPER\t", "Oslo\tLOC", "ran\tO\tx", "", "bad\t\t\t\t"], [3, 3, 12, 3, 1], k=900)
    raw = end.join(["token\ttag\tnote", *rows]).encode()
    options = Options()
    whole = list(conll.read(lambda: io.BytesIO(raw), "f", options))
    parts = []
    for slice_ in conll.split(lambda: io.BytesIO(raw), "f", options, SliceSize.of(400)):

        def opened(slice_=slice_):
            stream = io.BytesIO(raw)
            stream.seek(slice_.begin)
            return io.BufferedReader(SliceStream(stream, slice_.end - slice_.begin))

        parts += conll.read(opened, "f", options, slice_)
    assert parts == whole
    assert any(isinstance(record, Quarantined) for record in whole)


def test_a_name_that_two_columns_have_is_refused():
    with pytest.raises(BadInput, match=r"expected one column 'ner'\. Got 2 of that name"):
        read("token\tner\tner\nAnna\tB-PER\tO\n", tag_column="ner")


def test_the_token_column_is_the_one_called_so():
    raw = "Sentence #\tWord\tPOS\tTag\nSentence: 1\tAnna\tNNP\tB-PER\n\tleft\tVBD\tO\n\n"
    assert read(raw) == [[("Anna", "B-PER"), ("left", "O")]]


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_rows_with_another_separator_are_refused_rather_than_read_as_tokens(separator):
    raw = "Anna,B-PER\nleft,O\n\n".replace(",", separator)
    with pytest.raises(BadInput, match=r"Put a tab between token and tag"):
        read(raw)
    assert read("Anna,left\nit,so\n\n") == [[("Anna,left", None), ("it,so", None)]]


@pytest.mark.parametrize("tag", ["B_PER", "PER-B", "b-per"])
def test_a_column_that_holds_no_tags_is_shown(tag):
    with pytest.raises(BadInput, match=f"2 columns without one; the last has .*'{tag}'"):
        read(f"Anna\t{tag}\nleft\to\n\n")
