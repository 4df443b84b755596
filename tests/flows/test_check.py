"""`elman check` finds planted faults in a corpus and in files, on the terminal, as JSON and as a page."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from elman.data.errors import UsageError
from elman.flows.check import CheckConfig, check
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.inspection.check_text import text_of

TRAIN = "".join(f"Bo{n} B-PERSON\nlives O\nin O\nTo{n} B-PLACE\n. O\n\n" for n in range(20))
LEAKED = "Bo1 B-PERSON\nlives O\nin O\nTo1 B-PLACE\n. O\n\n"


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "train.conll").write_text(TRAIN)
    (folder / "dev.conll").write_text("Al B-PERSON\n\n")
    (folder / "test.conll").write_text(LEAKED + "broken\n\n")
    return folder


def codes(result) -> dict[str, int]:
    return {finding.code: finding.count for finding in result.report.findings}


def test_files_are_checked_without_leaving_a_corpus(home, source):
    result = check(CheckConfig(sources=(str(source),), strict=True))
    assert codes(result) == {"quarantine: wrong-columns": 1, "duplicate-across-splits": 1}
    assert result.exit_code == 3
    assert list((home / "tmp").iterdir()) == []
    assert not (home / "corpora").exists()


def test_an_ingested_corpus_is_checked_by_name(home, source):
    (source / "test.conll").write_text(LEAKED)
    ingest.fn(IngestConfig(sources=(source,), name="letters"))
    result = check(CheckConfig(sources=("letters",)))
    assert (codes(result), result.exit_code) == ({"duplicate-across-splits": 1}, 0)
    assert result.report.statistics["splits"]["train"]["sentences"] == 20


def test_terminal_text_and_page_name_place_and_advice(home, source, tmp_path):
    page = tmp_path / "page.html"
    result = check(CheckConfig(sources=(str(source),), html=page))
    for text in (text_of(result), page.read_text()):
        for part in ("test.conll:7", "expected 2 columns", "Bo1 lives in To1 ."):
            assert part in text


def test_illegal_tags_are_listed_by_line_with_the_columns_found(home, source):
    (source / "test.conll").write_text("Al B-PERSON\nLee I-PLACE\nslept O\n\n\nOslo I-PLACE\n\n")
    report = check(CheckConfig(sources=(str(source),))).report
    finding = next(finding for finding in report.findings if finding.code == "illegal-tags")
    assert [example.place().rpartition("/")[2] for example in finding.examples] == [
        "test.conll:2",
        "test.conll:6",
    ]
    assert finding.examples[0].text == "I-PLACE after B-PERSON"
    assert next(iter(report.statistics["columns"].values()))["scheme"] == "IOB2"


def test_labels_that_cut_words_are_listed_with_whole_ones(home, tmp_path):
    spans = [{"start": 3, "end": 6, "label": "PLACE"}, {"start": 12, "end": 17, "label": "PLACE"}]
    lines = [
        {"text": "in Oslo, not Bergen", "spans": spans},
        {"text": "in Oslo", "spans": [{**spans[0], "end": 7}]},
    ]
    source = tmp_path / "train.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check(CheckConfig(sources=(str(source),))).report
    finding = next(finding for finding in report.findings if finding.code == "misaligned-labels")
    assert [example.text for example in finding.examples] == [
        "PLACE 3 to 6, 'Osl': 3 to 7 is 'Oslo'",
        "PLACE 12 to 17, ' Berg': 12 to 19 is ' Bergen'",
    ]
    assert {example.line for example in finding.examples} == {1}


def test_genomes_are_checked(home, checkout):
    fixtures = checkout / "tests" / "fixtures"
    sources = tuple(str(fixtures / f"ecoli_100kb.{kind}.gz") for kind in ("fna", "gff3"))
    result = check(CheckConfig(sources=sources))
    assert result.report.kind == "dna"
    assert 0.5 < result.report.statistics["gc"]["ecoli_100kb.fna.gz"] < 0.55
    assert all(finding.severity != "error" for finding in result.report.findings)


def test_the_command_prints_json_and_ends_with_three_on_faults(home, source, checkout):
    command = [sys.executable, "-m", "elman.flows.cli", "check", str(source), "--strict", "--json"]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["checked"] == str(source)


def test_files_are_checked_with_the_options_that_ingest_reads_them_by(home, tmp_path):
    table = tmp_path / "train.csv"
    table.write_bytes(
        'key;body;gold\nk;Zoë lives here.;"[{""start"":0,""end"":3,""label"":""PER""}]"\n'.encode("latin-1")
    )
    columns = {"text_column": "body", "labels_column": "gold", "id_column": "key", "encoding": "latin-1"}
    result = check(CheckConfig(sources=(str(table),), unit="word", kind="text", **columns))
    assert [code for code in codes(result) if code.startswith("quarantine")] == []
    assert result.report.statistics["types"]["PER"]["train"] == 1


def test_options_of_reading_are_those_of_ingest():
    own = {field.name for field in fields(CheckConfig)} - {field.name for field in fields(IngestConfig)}
    assert own == {"label_errors", "html", "strict"}
    missing = {field.name for field in fields(IngestConfig)} - {field.name for field in fields(CheckConfig)}
    assert missing == {"name", "as_", "label_from", "licence", "description"}


@pytest.mark.parametrize("option", [{"encoding": "latin-1"}, {"kind": "text"}, {"text_column": "body"}])
def test_options_of_reading_are_refused_for_a_corpus(home, source, option):
    ingest.fn(IngestConfig(sources=(source / "train.conll",), name="letters"))
    with pytest.raises(UsageError, match="expected files with options of reading"):
        check(CheckConfig(sources=("letters",), **option))


def test_repeated_sentences_are_named_by_file_and_line(home, source, tmp_path):
    (source / "test.conll").write_text("Al B-PERSON\n\n\n" + LEAKED)
    long = "This sentence of a good ten words stands here more than once ."
    (source / "dev.jsonl").write_text(
        "".join(json.dumps({"text": long, "id": str(n)}) + "\n" for n in range(3))
    )
    (source / "train.txt").write_bytes(f"Café first.\r\n\r\n{long}\r{long}\n".encode())
    page = tmp_path / "page.html"
    result = check(CheckConfig(sources=(str(source),), html=page))
    places = {
        finding.code: {example.place().rpartition("/")[2] for example in finding.examples}
        for finding in result.report.findings
    }
    assert places["duplicate-across-splits"] >= {"test.conll:4", "dev.jsonl:1"}
    assert places["duplicate"] >= {"dev.jsonl:2", "train.txt:4"}
    for text in (text_of(result), page.read_text()):
        assert "test.conll:4" in text
    examples = [example for finding in result.to_json()["findings"] for example in finding["examples"]]
    assert all({*example} == {"text", "source", "document", "line"} for example in examples)
