"""Quarantined records are told: where, what is wrong, what to do."""

import polars as pl

from elman.data.store.schema import QUARANTINE
from elman.data.store.writer import DatasetWriter
from elman.tasks.runtime import quarantine
from elman.tasks.runtime.quarantine import report_quarantine


def quarantined(folder, lines):
    rows = [("a.conll", line, 10 * line, "wrong-columns", "Mend it.", "expected 2", b"x") for line in lines]
    names = ("source", "line", "byte_offset", "reason", "todo", "detail", "raw")
    frame = pl.DataFrame([dict(zip(names, row, strict=True)) for row in rows], schema=QUARANTINE)
    with DatasetWriter(folder, kind="corpus-text", config={}) as writer:
        return writer.commit([writer.stage("a", "a", {"quarantine": frame})])


def test_each_of_a_few_is_told_with_its_line(tmp_path, capsys):
    report_quarantine(quarantined(tmp_path / "c", [3, 7]))
    assert capsys.readouterr().err.splitlines() == [
        "quarantined: a.conll:3: expected 2. Mend it.",
        "quarantined: a.conll:7: expected 2. Mend it.",
    ]


def test_of_many_the_first_are_told_and_where_the_others_stand(tmp_path, capsys):
    report_quarantine(quarantined(tmp_path / "c", range(1, 2001)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert "1,995 more" in lines[-1]
    assert str(tmp_path / "c" / "quarantine") in lines[-1]


def test_a_prefect_run_shows_reasons_with_numbers_and_the_first_records(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        quarantine, "publish_table", lambda key, rows, about: shown.update({key: (rows, about)})
    )
    report_quarantine(quarantined(tmp_path / "c", range(1, 8)))
    assert shown["quarantine"] == (
        [{"reason": "wrong-columns", "records": 7}],
        "7 quarantined records by reason",
    )
    rows, about = shown["quarantined"]
    assert about == "The first 5 quarantined records"
    assert rows[0] == {"place": "a.conll:1", "what": "expected 2", "to do": "Mend it."}
