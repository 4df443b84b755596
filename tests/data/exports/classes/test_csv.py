"""Classes as CSV: a row a document; what looks like a formula is no formula."""

import polars as pl

from elman.data.exports import registry
from elman.data.store import schema


def test_a_document_is_a_row():
    rows = [("a.txt", "=d", "sports", 0.5, "m"), ("a.txt", "e", 'a,"b"', 0.25, "m")]
    classes = pl.DataFrame(rows, schema=schema.CLASSIFIED, orient="row")
    out = b"".join(map(bytes, registry.find("csv", "classes").write(lambda *names: iter([(classes,)]), {})))
    assert out.decode().split("\r\n") == [
        "source,document,label,probability",
        "a.txt,'=d,sports,0.500000",
        'a.txt,e,"a,""b""",0.250000',
        "",
    ]
