"""A query gives the same rows in memory and spilled to disk."""

import numpy as np
import polars as pl
import pytest

from elman.data.quality import sentence_table
from elman.data.quality.sentence_table import SentenceTable


def filled(texts):
    table = SentenceTable()
    for at in range(0, len(texts), 3):
        some = texts[at : at + 3]
        frame = pl.DataFrame({"split": ["train"] * len(some), "text": some, "tags": [["O"]] * len(some)})
        table.add(frame, np.full(len(some), 9))
    return table


@pytest.mark.parametrize("most", [1000, 4])
@pytest.mark.parametrize("key", ["exact", "near"])
def test_repeated_rows_are_found_in_their_order(monkeypatch, most, key):
    monkeypatch.setattr(sentence_table, "MOST_ROWS", most)
    table = filled([f"sentence {'abcdefg'[n % 7]}" for n in range(40)])
    total, first = table.select(key, lambda rows: rows.filter(~pl.col(key).is_first_distinct()))
    assert (total, first) == (33, [7, 8, 9, 10, 11])


def test_an_empty_table_gives_nothing():
    assert SentenceTable().select("exact", lambda rows: rows) == (0, [])
