"""CoNLL columns equal those of a row-by-row writer, however documents span shards."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.exports import registry
from elman.data.store import schema

EXPORT = registry.find("conll")
TOKEN = st.tuples(
    st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 2), st.sampled_from(["x", "é", "-"])
)


def shard(tokens):
    rows = [(s, f"d{d}", n, 0, 1, text, "B-PER", 0.5, "m") for s, d, n, text in tokens]
    return {"tokens": pl.DataFrame(rows, schema=schema.TOKENS, orient="row")}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(TOKEN, max_size=6), max_size=4))
def test_lines_equal_the_row_by_row_writer(reference, shards):
    tables = reference.tables_of(*map(shard, shards))
    assert reference.written(EXPORT, tables) == "".join(reference.conll(tables))


def test_documents_and_sentences_are_set_apart(reference):
    tables = reference.tables_of(shard([("a", 0, 0, "x"), ("a", 0, 1, "y")]), shard([("a", 1, 0, "z")]))
    start = "-DOCSTART-\tO\n\n"
    assert reference.written(EXPORT, tables) == f"{start}x\tB-PER\n\ny\tB-PER\n\n{start}z\tB-PER\n\n"


def test_tabs_and_line_ends_in_a_token_or_a_type_end_no_column_or_line(reference):
    row = ("a", "d", 0, 0, 1, "x\ty\r\nz", "B-A\tB\nC", 0.5, "m")
    table = {"tokens": pl.DataFrame([row], schema=schema.TOKENS, orient="row")}
    written = reference.written(EXPORT, reference.tables_of(table))
    assert written == "-DOCSTART-\tO\n\nx_y__z\tB-A_B_C\n\n"
