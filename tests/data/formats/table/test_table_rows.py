"""Tables of every format give the same documents: text with spans, tokens with tags, or text alone."""

import csv
import io
import json

import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.registry import Head, detect, text_format
from elman.data.text.tags import spans

SPANS = [{"start": 0, "end": 4, "label": "PER"}]
ROWS = [
    {"key": "a", "body": 'Anna,\n"the" one\tleft.', "gold": SPANS},
    {"key": "b", "body": "No one \U0001f600 ran.", "gold": []},
    {"key": "c", "body": "Unlabelled.", "gold": None},
]
EXPECTED = [("a", [("Anna", "PER")]), ("b", []), ("c", None)]


def as_csv(rows, delimiter=",", end="\r\n") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(
            "" if v is None else json.dumps(v) if isinstance(v, list) else v for v in row.values()
        )
    return out.getvalue().encode()


def as_parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=2)
    return out.getvalue()


def as_arrow(table: pa.Table, *, stream: bool) -> bytes:
    out = io.BytesIO()
    with (ipc.new_stream if stream else ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table, 2)
    return out.getvalue()


def read(name: str, data: bytes, **options) -> list[Document | Quarantined]:
    return list(text_format(name).read(lambda: io.BytesIO(data), "f", Options(**options)))


def entities(document):
    assert isinstance(document, Document), document
    if any(sentence.tags is None for sentence in document.sentences):
        return None
    return [
        (s.text[s.token_start[a] - s.start : s.token_end[b - 1] - s.start], kind)
        for s in document.sentences
        for a, b, kind in spans(s.tags)
    ]


TABLE = pa.Table.from_pylist(ROWS)
FILES = {
    "comma": ("delimited", as_csv(ROWS)),
    "tab": ("delimited", as_csv(ROWS, "\t", "\n")),
    "semicolon, marked": ("delimited", b"\xef\xbb\xbf" + as_csv(ROWS, ";", "\r")),
    "parquet": ("parquet", as_parquet(TABLE)),
    "arrow file": ("arrow", as_arrow(TABLE, stream=False)),
    "arrow stream": ("arrow", as_arrow(TABLE, stream=True)),
}


@pytest.mark.parametrize("file", FILES)
def test_rows_are_documents_with_their_spans(file):
    name, data = FILES[file]
    assert detect(Head("f", data.removeprefix(b"\xef\xbb\xbf"), True), text_column="body").name == name
    documents = read(name, data, text_column="body", labels_column="gold", id_column="key")
    assert [(document.id, entities(document)) for document in documents] == EXPECTED
    assert documents[0].sentences[0].text[:15].replace("\r", "\n") == 'Anna,\n"the" one'


@pytest.mark.parametrize("file", FILES)
def test_a_column_that_is_missing_is_refused_with_those_there_are(file):
    name, data = FILES[file]
    with pytest.raises(BadInput, match="Got key, body, gold"):
        read(name, data, text_column="body", labels_column="label")


@pytest.mark.parametrize("file", FILES)
def test_without_a_column_of_labels_rows_are_unlabelled(file):
    name, data = FILES[file]
    documents = read(name, data, text_column="body")
    assert [entities(document) for document in documents] == [None] * 3
    assert documents[0].id == f"f#{documents[0].line}"


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_of_every_type_of_string_is_read(type_):
    table = pa.table({"body": pa.array(["Anna.", "Oslo.", "Anna."]).cast(type_)})
    for name, data in (("parquet", as_parquet(table)), ("arrow", as_arrow(table, stream=True))):
        assert [d.sentences[0].text for d in read(name, data, text_column="body")] == [
            "Anna.",
            "Oslo.",
            "Anna.",
        ]


def test_tokens_with_numbered_tags_take_their_names_from_the_metadata():
    table = pa.table({"tokens": [["Anna", "Lee", "ran"]], "ner_tags": [[1, 2, 0]]})
    names = {"feature": {"names": ["O", "B-PER", "I-PER"], "_type": "ClassLabel"}, "_type": "Sequence"}
    info = json.dumps({"info": {"features": {"ner_tags": names}}})
    columns = {"text_column": "tokens", "labels_column": "ner_tags"}
    (refused,) = read("parquet", as_parquet(table), **columns)
    assert refused.reason == "unknown-tag"
    named = table.replace_schema_metadata({"huggingface": info})
    for name, data in (("parquet", as_parquet(named)), ("arrow", as_arrow(named, stream=True))):
        (document,) = read(name, data, **columns)
        assert entities(document) == [("Anna Lee", "PER")]


def test_tokens_and_tags_may_stand_in_csv_as_json():
    rows = [{"tokens": ["Anna", "ran"], "tags": ["I-PER", "O"]}]
    (document,) = read("delimited", as_csv(rows), text_column="tokens", labels_column="tags")
    assert entities(document) == [("Anna", "PER")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"only one", "wrong-columns"),
        (b"a,b,c", "wrong-columns"),
        (b"b\xff,x", "invalid-utf8"),
        (b"  ,", "no-text"),
        (b'Anna.,"[[0, 99, ""PER""]]"', "span-outside"),
        (b"Anna.,PER", "invalid-spans"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_line_and_the_rest_is_read(row, reason):
    data = b'body,gold\n"two\nlines",\n' + row + b"\nlast.,\n"
    first, refused, last = read("delimited", data, text_column="body", labels_column="gold")
    assert (refused.reason, refused.line, refused.byte_offset) == (reason, 4, 23)
    assert refused.raw == row + b"\n"
    assert (first.sentences[0].text.split(), last.line) == (["two", "lines"], 5)


def test_a_quote_that_is_not_closed_is_quarantined():
    data = b'body,gold\nfine.,\n"open,\nmore.,\n'
    _, refused = read("delimited", data, text_column="body")
    assert (refused.reason, refused.line, refused.raw) == ("invalid-row", 3, b'"open,\nmore.,\n')


@pytest.mark.parametrize("last", [b'a,"open', b'a,"open\n', b'"a ""quoted"" b', b'a,"closed"",\n'])
def test_a_quote_that_is_open_in_the_last_line_is_quarantined(last):
    _, refused = read("delimited", b"body,gold\nfine.,\n" + last, text_column="body")
    assert (refused.reason, refused.line, refused.raw) == ("invalid-row", 3, last)


@pytest.mark.parametrize("last", [b'5" nail,', b'5" nail,\n', b'"a ""b""",', b'"a"b,"c"\n'])
def test_quotes_in_the_last_line_that_are_closed_or_begin_no_field_are_read(last):
    documents = read("delimited", b"body,gold\nfine.,\n" + last, text_column="body")
    assert [document.line for document in documents] == [2, 3]


def test_a_damaged_table_is_refused():
    for name, data in FILES.values():
        if name != "delimited":
            with pytest.raises(BadInput, match="whole"):
                read(name, data[: len(data) // 2], text_column="body")


@pytest.mark.parametrize("tags", [["PER", "PER", "O"], [1, 1, 0]])
def test_types_without_prefix_in_a_column_of_tags_make_neighbours_one_entity(tags):
    features = {"gold": {"feature": {"names": ["O", "PER"], "_type": "ClassLabel"}, "_type": "Sequence"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"body": [["Ann", "Lee", "left"]], "gold": [tags]}).replace_schema_metadata(metadata)
    for name, data in (("parquet", as_parquet(table)), ("arrow", as_arrow(table, stream=True))):
        (document,) = read(name, data, text_column="body", labels_column="gold")
        assert entities(document) == [("Ann Lee", "PER")]


def test_bare_tags_in_a_column_are_of_the_type_that_is_named():
    data = as_csv([{"body": ["Ann", "Lee", "left"], "gold": ["B", "I", "O"]}])
    columns = {"text_column": "body", "labels_column": "gold"}
    (document,) = read("delimited", data, **columns, entity_type="NAME")
    assert entities(document) == [("Ann Lee", "NAME")]
    with pytest.raises(BadInput, match="--entity-type NAME"):
        read("delimited", data, **columns)


LABELLED = [
    {"body": "Anna left.", "kind": "news"},
    {"body": "No.", "kind": None},
    {"body": "Yes.", "kind": "talk"},
]


@pytest.mark.parametrize("form", ["delimited", "parquet", "arrow"])
def test_a_column_may_hold_the_class_of_each_document(form):
    table = pa.Table.from_pylist(LABELLED)
    data = {
        "delimited": lambda: as_csv(LABELLED),
        "parquet": lambda: as_parquet(table),
        "arrow": lambda: as_arrow(table, stream=False),
    }[form]()
    documents = read(form, data, text_column="body", label_column="kind")
    assert [document.label for document in documents] == ["news", None, "talk"]


def test_a_numbered_class_has_the_name_that_the_table_gives_it():
    names = {"info": {"features": {"kind": {"names": ["news", "talk"]}}}}
    table = pa.table({"body": ["Anna left."], "kind": [1]}).replace_schema_metadata(
        {"huggingface": json.dumps(names)}
    )
    (document,) = read("parquet", as_parquet(table), text_column="body", label_column="kind")
    assert document.label == "talk"


def test_a_column_that_stands_there_twice_is_refused():
    with pytest.raises(BadInput, match=r"expected one column called body\. Got 2 of that name"):
        read("delimited", b"body,key,body\nAnn,1,Bo\n", text_column="body")
    (document,) = read("delimited", b"body,key,key\nAnn left.,1,2\n", text_column="body")
    assert document.text == "Ann left."


@pytest.mark.parametrize(
    "before",
    ["sep=;\n", '"sep=;"\r\n', "# exported\n", "\n\n", "\ufeffsep=;\n", "#a comment; of two\n\n"],
)
def test_lines_before_the_names_of_columns_are_passed_over(before):
    content = (before + "body ; gold\nAnna left.;\n").encode()
    head = Head("a.csv", content.removeprefix(b"\xef\xbb\xbf"), True)
    assert detect(head, text_column="body").name == "delimited"
    (document,) = read("delimited", content, text_column="body", labels_column="gold")
    assert (document.text, document.line) == ("Anna left.", before.count("\n") + 2)
    assert content[document.byte_offset :].startswith(b"Anna")


def test_a_first_row_may_begin_with_a_number_sign():
    (document,) = read("delimited", b"#,body\n1,Anna left.\n", text_column="body")
    assert document.text == "Anna left."


def test_empty_fields_behind_the_last_column_are_passed_over():
    documents = read("delimited", b"body,gold\nAnna left.,,\nBo left.,,,\n", text_column="body")
    assert [document.text for document in documents] == ["Anna left.", "Bo left."]


@pytest.mark.parametrize("cell", ["[{'start': 0, 'end': 4, 'label': 'PER'}]", "[(0, 4, 'PER')]"])
def test_labels_may_be_written_as_python_writes_lists(cell):
    content = f'body,gold\nAnna left.,"{cell}"\n'.encode()
    (document,) = read("delimited", content, text_column="body", labels_column="gold")
    assert entities(document) == [("Anna", "PER")]
    content = b"body,gold\n\"['Anna', 'left']\",\"['B-PER', 'O']\"\n"
    (document,) = read("delimited", content, text_column="body", labels_column="gold")
    assert entities(document) == [("Anna", "PER")]


def test_an_array_as_numpy_prints_it_is_refused():
    content = b"body,gold\n\"['Anna' 'left']\",\"['B-PER' 'O']\"\n"
    (refused,) = read("delimited", content, text_column="body", labels_column="gold")
    assert refused.reason == "invalid-spans"


def test_quotes_escaped_by_a_backslash_are_quarantined():
    content = b'body,gold\n"Anna \\"left\\" here.",\n"ends with \\",\nC:\\"x,\n'
    refused, first, second = read("delimited", content, text_column="body")
    assert (refused.reason, refused.line) == ("invalid-row", 2)
    assert [first.text, second.text] == ["ends with \\", 'C:\\"x']
