"""`elman tag --redact` and `--patterns`: the text comes out with its entities taken out, and nothing else."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.data.store.writer import Staging
from elman.flows.cli import main
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag

KEY = "0123456789abcdef0123456789abcdef"
LINES = [f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 5]}burg ." for n in range(60)]
# Line ends of both kinds, white space before, between and behind, astral and combining characters.
PROSE = (
    "\n \r\n" + "\r\n\n  ".join(f"{line} \U0001f600 e\u0301 {n}" for n, line in enumerate(LINES)) + " \n\t\n"
)
PATTERNS = "mail,phone,card,iban,url"


@pytest.fixture
def run(tracked_home, trained, tmp_path):
    def run(*sources: Path, out: str = "out", **options):
        options.setdefault("workers", 0)
        options.setdefault("redact", "replace")
        config = TagConfig(model=trained["model"], sources=sources, out=tmp_path / out, **options)
        return tag.fn(config).to_json()

    return run


class Stopped(BaseException):
    """A run was stopped by a test."""


@pytest.fixture
def stopped_after(monkeypatch):
    """Stop the run of a `with` block when it has staged so many shards."""

    @contextmanager
    def stopped_after(shards: int):
        real, staged = Staging.stage, [0]

        def stage(*args, **named):
            staged[0] += 1
            if staged[0] > shards:
                raise Stopped
            return real(*args, **named)

        with monkeypatch.context() as patch:
            patch.setattr(Staging, "stage", stage)
            with pytest.raises(Stopped):
                yield

    return stopped_after


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return path


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def write_jsonl(path: Path, texts: list[str]) -> Path:
    return write(
        path, "".join(json.dumps({"id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(texts))
    )


def table(folder: Path, name: str) -> pl.DataFrame:
    return Dataset.open(folder).scan(name).collect()


def put_back(redacted: pl.DataFrame, redactions: pl.DataFrame, texts: dict[str, str]) -> dict[str, str]:
    """Texts of the documents when what was taken out is put back from the originals."""
    out = dict.fromkeys(texts, "")
    for document, start, text in redacted.sort("start").select("document", "start", "text").rows():
        rows = redactions.filter((pl.col("document") == document) & (pl.col("text_start") == start))
        at = 0
        for row in rows.sort("redacted_start").rows(named=True):
            out[document] += text[at : row["redacted_start"]] + texts[document][row["start"] : row["end"]]
            at = row["redacted_end"]
        out[document] += text[at:]
    return out


def test_plain_text_comes_out_as_a_file_with_all_other_bytes_as_they_were(run, tmp_path):
    summary = run(write(tmp_path / "a.txt", PROSE))
    text = (tmp_path / "out" / "redacted-text" / "a.txt").read_bytes().decode()
    data, redactions = (table(tmp_path / "out", name) for name in ("data", "redactions"))
    expected, at = "", 0
    for start, end, kind in data.select("start", "end", "type").rows():
        expected += PROSE[at:start] + f"<{kind}>"
        at = end
    assert text == expected + PROSE[at:]
    assert summary["replaced"] == redactions.height == data.height > 100
    assert data["text"].to_list() == [f"<{kind}>" for kind in data["type"]]
    assert Dataset.open(tmp_path / "out").export("redacted-text/a.txt").is_file()


def test_spans_stand_in_a_table_with_both_offsets_and_without_the_string(run, tmp_path, key):
    source = write_jsonl(tmp_path / "a.jsonl", [f" \r\n{line}\t" for line in LINES])
    run(source, redact="pseudonym", redact_key_file=key, redact_types="PER")
    texts = {f"d{n}": f" \r\n{line}\t" for n, line in enumerate(LINES)}
    redacted, redactions = (table(tmp_path / "out", name) for name in ("redacted", "redactions"))
    assert put_back(redacted, redactions, texts) == texts
    assert redactions.select("type", "operator").unique().rows() == [("PER", "pseudonym")]
    assert redactions["probability"].is_between(0, 1).all()
    names = {texts[d][a:b]: set() for d, a, b in redactions.select("document", "start", "end").rows()}
    stand_ins = dict(zip(redacted["document"], redacted["text"], strict=True))
    for d, a, b, c, e in redactions.select(
        "document", "start", "end", "redacted_start", "redacted_end"
    ).rows():
        names[texts[d][a:b]].add(stand_ins[d][c:e])
    assert all(len(found) == 1 and re.fullmatch("PER_[0-9a-f]{10}", *found) for found in names.values())
    assert len(set.union(*names.values())) == len(names) > 3
    for path in (tmp_path / "out").rglob("*"):
        content = path.read_bytes() if path.is_file() and path.suffix != ".parquet" else b""
        assert b"Badeson" not in content
        assert KEY.encode() not in content
    for name in ("data", "redacted", "redactions"):
        assert "Badeson" not in table(tmp_path / "out", name).write_json()
    assert "Tina" in redacted["text"][0]


@pytest.mark.parametrize("packed", [False, True])
def test_a_document_in_many_shards_gives_the_same_text(run, tmp_path, packed):
    source = tmp_path / ("a.txt.gz" if packed else "a.txt")
    source.write_bytes(gzip.compress(PROSE.encode("utf-16")) if packed else PROSE.encode())
    run(source, shard_size="600")
    out = tmp_path / "out"
    redacted, redactions = table(out, "redacted"), table(out, "redactions")
    assert put_back(redacted, redactions, {source.name: PROSE}) == {source.name: PROSE}
    file = (out / "redacted-text" / f"{source.name}.txt") if packed else (out / "redacted-text" / source.name)
    assert file.read_bytes().decode() == "".join(redacted.sort("start")["text"])
    assert redacted.height > 3


@pytest.mark.parametrize("lines", [False, True])
def test_a_byte_order_mark_is_no_part_of_the_text(run, tmp_path, lines):
    source = tmp_path / "a.txt"
    source.write_bytes(b"\xef\xbb\xbf" + PROSE.encode())
    run(source, shard_size="900", sentence_per_line=lines)
    redacted, redactions = (table(tmp_path / "out", name) for name in ("redacted", "redactions"))
    assert put_back(redacted, redactions, {"a.txt": PROSE}) == {"a.txt": PROSE}
    assert (tmp_path / "out" / "redacted-text" / "a.txt").read_bytes().startswith(b"\n \r\n<PER>")


def test_conll_and_corpora_come_out_with_a_line_end_between_sentences(run, tmp_path):
    rows = "\n".join("\n".join(f"{token}\tO" for token in line.split()) + "\n" for line in LINES[:9])
    run(write(tmp_path / "a.conll", rows))
    (line,) = (tmp_path / "out" / "redacted-text" / "a.conll.jsonl").read_text().splitlines()
    redactions = table(tmp_path / "out", "redactions")
    document = redactions["document"][0]
    texts = {document: "\n".join(LINES[:9])}
    assert put_back(table(tmp_path / "out", "redacted"), redactions, texts) == texts
    assert json.loads(line) == {"id": document, "text": table(tmp_path / "out", "redacted")["text"][0]}


def test_labelled_documents_keep_the_text_around_their_sentences(run, tmp_path):
    text = f"\n\n {LINES[0]}\r\n\r\n{LINES[1]} \n"
    value = {"id": "x", "text": text, "spans": [{"start": 3, "end": 10, "label": "PER"}]}
    run(write(tmp_path / "a.jsonl", json.dumps(value) + "\n"))
    redacted, redactions = (table(tmp_path / "out", name) for name in ("redacted", "redactions"))
    assert put_back(redacted, redactions, {"x": text}) == {"x": text}
    assert redactions.height >= 5


def test_rows_of_parquet_keep_their_ids_and_columns(run, tmp_path):
    frame = pl.DataFrame(
        {"key": [7, 8, 9], "body": [LINES[0], None, "in it rained ."], "day": ["a", "b", "c"]}
    )
    frame.write_parquet(tmp_path / "a.parquet")
    summary = run(tmp_path / "a.parquet", text_column="body", id_column="key", keep="day")
    redacted = table(tmp_path / "out", "redacted")
    assert redacted.select("document", "day").rows() == [("7", "a"), ("9", "c")]
    assert redacted["text"].to_list() == ["<PER> met <PER> in <LOC> .", "in it rained ."]
    assert summary["quarantined"] == 1


def test_patterns_add_entities_beside_those_of_the_model(run, tmp_path):
    texts = [
        "Badeson met b@example.org , card 4111 1111 1111 1111 , +44 20 7946 0958 , in Tinakburg .",
        "\U0001f600 see https://example.org/?q=1 .",
        LINES[0],
    ]
    source = write_jsonl(tmp_path / "a.jsonl", texts)
    run(source, redact=None, patterns=PATTERNS, format="jsonl")
    data = table(tmp_path / "out", "data")
    wanted = [
        ("d0", "b@example.org", "MAIL", "pattern:mail"),
        ("d0", "4111 1111 1111 1111", "CARD", "pattern:card"),
        ("d0", "+44 20 7946 0958", "PHONE", "pattern:phone"),
        ("d1", "https://example.org/?q=1", "URL", "pattern:url"),
    ]
    new = data.filter(pl.col("model").str.starts_with("pattern:"))
    assert new.select("document", "text", "type", "model").rows() == wanted
    places = data.select("document", "start", "end").rows()
    assert places == sorted(places)
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(places))
    assert data["text"].to_list() == [texts[int(d[1:])][a:b] for d, a, b in places]
    assert '"label": "URL"' in (tmp_path / "out" / "tags.jsonl").read_text()
    manifest = Dataset.open(tmp_path / "out").manifest
    assert manifest["config"]["patterns"] == {"names": ["url", "mail", "iban", "card", "phone"]}
    run(source, out="redacted", patterns=PATTERNS, redact_types="MAIL,CARD,PHONE")
    assert table(tmp_path / "redacted", "redacted")["text"][0] == (
        "Badeson met <MAIL> , card <CARD> , <PHONE> , in Tinakburg ."
    )


def test_without_the_options_the_output_says_nothing_of_them(run, tmp_path):
    run(write_jsonl(tmp_path / "a.jsonl", LINES), redact=None)
    dataset = Dataset.open(tmp_path / "out")
    assert not {"redact", "patterns"} & set(dataset.manifest["config"])
    assert {name for shard in dataset.shards for name in shard.files} == {"data", "documents"}
    assert "replaced" not in dataset.manifest["meta"]["summary"]


def test_another_key_or_operator_is_refused_and_the_same_reuses_all(run, tmp_path, key):
    source = write_jsonl(tmp_path / "a.jsonl", LINES)
    options = {"redact": "hash", "redact_key_file": key, "shard_size": "400"}
    first = run(source, **options)
    assert run(source, **options)["reused"] == first["shards"] > 3
    other = write(tmp_path / "other", KEY[::-1])
    with pytest.raises(UsageError, match=r"redact .*choose another --out") as caught:
        run(source, **{**options, "redact_key_file": other})
    assert KEY not in str(caught.value)
    again = run(source, redact="mask", shard_size="400", retag=True)
    assert (again["reused"], again["shards"]) == (0, first["shards"])
    masked = table(tmp_path / "out", "redacted").sort("document")["text"].to_list()
    assert sorted(map(len, masked)) == sorted(map(len, LINES))
    assert len(list((tmp_path / "out" / "redacted-text").iterdir())) == 1


EXPORTS = "brat,csv,csv-entities,doccano,jsonl,label-studio,spacy"


def test_exports_have_the_redacted_text_with_spans_at_what_stands_there(run, home, tmp_path):
    sources = write(tmp_path / "a.txt", PROSE), write_jsonl(tmp_path / "b.jsonl", LINES[:9])
    run(*sources, shard_size="900", redact_types="PER", format=EXPORTS)
    out = tmp_path / "out"
    lines = [json.loads(line) for line in (out / "tags.jsonl").read_text().split("\n")[:-1]]
    assert lines[0]["text"] == (out / "redacted-text" / "a.txt").read_bytes().decode()
    assert {line["text"] for line in lines[1:]} == set(
        table(out, "redacted").filter(source="b.jsonl")["text"]
    )
    spans = [(line["text"], span) for line in lines for span in line["spans"]]
    assert all(text[span["start"] : span["end"]] == span["text"] for text, span in spans)
    assert len(spans) == table(out, "data").height
    assert {span["text"] for _, span in spans if span["label"] == "PER"} == {"<PER>"}
    assert "Tinakburg" in {span["text"] for _, span in spans if span["label"] == "LOC"}
    assert not [name for name, content in tree(out).items() if b"Badeson" in content]
    ingest.fn(IngestConfig(sources=(out / "tags.jsonl",), name="again"))
    corpus = Dataset.open(home / "corpora" / "again").scan().collect()
    assert sum(tag.startswith("B-") for tags in corpus["tags"] for tag in tags) == len(spans)


@pytest.mark.kills
def test_exports_of_redacted_text_do_not_depend_on_the_number_of_workers(run, tmp_path):
    source = write(tmp_path / "a.txt", PROSE)
    for workers in (0, 2):
        run(source, out=str(workers), shard_size="900", workers=workers, format=EXPORTS)
    assert tree(tmp_path / "0") == tree(tmp_path / "2")


def test_wrong_options_are_refused_with_what_to_do(run, tmp_path, key):
    source = write_jsonl(tmp_path / "a.jsonl", LINES[:1])
    wrong = [
        ({"redact": "hash"}, "expected --redact-key-file FILE"),
        ({"redact": "mask", "redact_key_file": key}, "hash or pseudonym only"),
        ({"redact": None, "redact_types": "PER"}, "expected --redact beside"),
        ({"redact_types": "PER,MAIL"}, r"of LOC, PER. Got MAIL.*need --patterns"),
        ({"patterns": "mail,post"}, "Got post"),
        ({"phone_region": "GB"}, "expected --patterns phone"),
        ({"tokens": True}, "text as it was. Got --tokens"),
        ({"format": "jsonl,conll"}, "text as it was. Got --format conll. Take"),
    ]
    for options, message in wrong:
        with pytest.raises(UsageError, match=message):
            run(source, **options)
    with pytest.raises(BadInput, match="none: expected a file with the key"):
        run(source, redact="hash", redact_key_file=tmp_path / "none")
    assert not (tmp_path / "out").exists()


def test_files_of_all_sources_lie_in_one_folder(run, tmp_path):
    for name in ("s/a/b.txt", "s/-rf", "s/a b.txt", "s/" + "l" * 240):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, LINES[0] + "\n" + name)
    run(tmp_path / "s")
    files = {path.name: path.read_text() for path in (tmp_path / "out" / "redacted-text").iterdir()}
    assert len(files) == 4
    assert all(name.endswith(".txt") for name in files)
    assert {text.splitlines()[0] for text in files.values()} == {"<PER> met <PER> in <LOC> ."}


def test_the_command_line_takes_the_options(trained, tracked_home, tmp_path, capsys, key):
    source = write(tmp_path / "a.txt", "Badeson wrote to b@example.org .\r\n")
    arguments = [
        "tag",
        trained["model"],
        str(source),
        "--out",
        str(tmp_path / "out"),
        "--json",
        "--workers",
        "0",
    ]
    options = ["--redact", "pseudonym", "--redact-key-file", str(key), "--patterns", "mail"]
    assert main([*arguments, *options]) == 0
    assert json.loads(capsys.readouterr().out)["replaced"] == 2
    text = (tmp_path / "out" / "redacted-text" / "a.txt").read_bytes().decode()
    assert re.fullmatch("PER_[0-9a-f]{10} .*MAIL_[0-9a-f]{10} \\.\r\n", text)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_run_that_was_stopped_goes_on_and_ends_in_the_same_bytes(run, tmp_path, key, stopped_after):
    source = write(tmp_path / "a.txt", PROSE)
    options = {"redact": "pseudonym", "redact_key_file": key, "shard_size": "600", "patterns": "mail"}
    whole = run(source, out="whole", **options)
    with stopped_after(3):
        run(source, **options)
    assert run(source, **options)["reused"] == 3 < whole["shards"]
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.kills
def test_killed_with_two_workers_and_run_again_it_gives_the_same_bytes(
    run, trained, tmp_path, key, checkout, tracked_home
):
    source = write(tmp_path / "a.txt", 40 * PROSE)
    whole = run(source, out="whole", redact="hash", redact_key_file=key, shard_size="8k")
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "elman.flows.cli",
        "tag",
        trained["model"],
        str(source),
        "--out",
        str(out),
    ]
    command += ["--redact", "hash", "--redact-key-file", str(key), "--shard-size", "8k", "--workers", "2"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    process = subprocess.Popen(command, cwd=checkout, env=environment, start_new_session=True)
    receipts = out / ".staging" / "receipts"
    while process.poll() is None and len(list(receipts.glob("*.json"))) < 2:
        time.sleep(0.002)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert KEY not in "".join(path.read_text() for path in out.rglob("*.json"))
    again = run(source, redact="hash", redact_key_file=key, shard_size="8k")
    assert 2 <= again["reused"] <= whole["shards"]
    assert tree(out) == tree(tmp_path / "whole")
