"""`elman ingest` of bad input: it is named with its place, and the corpus stays as it was."""

import gzip
import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput, IntegrityError, Locked, UsageError
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.flows.ingest import IngestConfig
from elman.tasks.ingest.corpus_names import corpus_folder
from tests.flows.small_corpora import conll, fasta, run, tree, write

pytestmark = pytest.mark.usefixtures("home")


def test_one_bad_record_in_a_hundred_goes_to_quarantine_and_two_are_refused(tmp_path):
    bad = "Name B-PER\nis\nhere O\n\n"
    summary = run(write(tmp_path / "train.conll", conll(0, 99) + bad), name="one")
    assert (summary["records"], summary["ingested"], summary["quarantined"]) == (100, 99, 1)
    row = Dataset.open(corpus_folder("one")).scan("quarantine").collect().row(0, named=True)
    raw = (tmp_path / "train.conll").read_bytes()
    assert raw[row["byte_offset"] :] == bad.encode()
    assert raw.split(b"\n")[row["line"] - 1] == b"is"
    assert (row["source"], row["reason"], row["raw"]) == (
        "train.conll",
        "wrong-columns",
        bad.encode().rstrip() + b"\n",
    )
    path = write(tmp_path / "dev.conll", conll(0, 98) + bad + bad)
    with pytest.raises(
        BadInput, match=r"dev\.conll:\d+: expected at most 1% bad records\. Got 2 of 100"
    ) as caught:
        run(path, name="two")
    assert not corpus_folder("two").exists()
    report = json.loads(Path(str(caught.value).rsplit(" ", 1)[1]).read_text())
    assert report["reasons"]["wrong-columns"]["count"] == 2
    assert report["reasons"]["wrong-columns"]["examples"][0]["line"] == 98 * 7 + 2


@pytest.mark.parametrize(("good", "bad", "ingested"), [(15, 1, True), (5, 1, False), (15, 2, False)])
def test_of_a_small_genome_one_bad_feature_beside_ten_is_let_through(tmp_path, good, bad, ingested):
    line = "c\tx\tCDS\t{}\t{}\t.\t{}\t0\tID=a{}\n"
    rows = [line.format(n * 30 + 1, n * 30 + 9, "+" if n < good else "?", n) for n in range(good + bad)]
    write(tmp_path / "g.gff3", "##gff-version 3\n" + "".join(rows))
    write(tmp_path / "g.fna", fasta({"c": 900}))
    if not ingested:
        with pytest.raises(BadInput, match="at most 1% bad records"):
            run(tmp_path)
        return
    assert run(tmp_path)["quarantined"] == 1
    (features,) = Dataset.open(corpus_folder("c")).scan("data").collect()["features"]
    assert [row["label"] for row in features] == ["CDS"] * good + ["unreadable"]


def test_a_refused_ingest_leaves_the_corpus_as_it_was(tmp_path):
    run(write(tmp_path / "train.conll", conll(0, 10)))
    before = tree(corpus_folder("c"))
    with pytest.raises(BadInput):
        run(write(tmp_path / "dev.conll", "Name B-PER\nis\n\n"))
    assert tree(corpus_folder("c")) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.conll", b"John B-PER\nlives O\n\nMary Q-PER\n", r"a\.conll:4: .*Q-PER"),
        ("a.conll", b"John B-PER\nlives O\nthere\n", r"a\.conll:3: .*columns"),
        ("a.conll", b"J\xffhn B-PER\nlives O\n", r"a\.conll:1: .*UTF-8"),
        ("a.txt", b"Some t\xffxt that is not UTF-8.\n", r"a\.txt:1: .*UTF-8"),
        (
            "a.jsonl",
            b'{"text": "Tom", "spans": [{"start": 1, "end": 9, "label": "X"}]}\n',
            r"a\.jsonl:1: .*span",
        ),
        ("a.jsonl", b'{"text": "Tom"}\n{"text": \n', r"a\.jsonl:2: .*JSON"),
        ("a.fna", b"ACGTACGTACGTACGTACGT\nACGT\n", r"a\.fna:1: .*header"),
        ("a.fna", b">x\n>y\nACGT\n", r"a\.fna:1: .*bases"),
        (
            "a.txt.gz",
            gzip.compress(b"Tom ran home. " * 9000, mtime=0)[:-30],
            r"a\.txt\.gz: expected a whole file",
        ),
        (
            "a.conll.gz",
            gzip.compress(conll(0, 99).encode(), mtime=0)[:-30],
            r"a\.conll\.gz: expected a whole file",
        ),
        ("a.fna.gz", gzip.compress(fasta({"x": 9000}).encode(), mtime=0)[:-30], r"a\.fna\.gz"),
        ("empty.conll", b"", r"empty\.conll: expected a corpus\. Got an empty file"),
    ],
)
def test_bad_input_is_named_with_its_place_and_nothing_is_committed(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        run(tmp_path / name)
    assert caught.value.exit_code == 3
    assert not corpus_folder("c").exists()


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="nothing there"):
        run(tmp_path / "none.conll")


def test_bad_lines_of_an_annotation_are_measured_against_its_features(tmp_path):
    write(tmp_path / "x.fna", fasta({"chr": 100_000}))
    rows = [f"chr\tt\tCDS\t{at}\t{at + 29}\t.\t+\t0\tID=g{at}" for at in range(1, 90_000, 100)]
    rows.append("chr\tt\tCDS\t99990\t100020\t.\t+\t0\tID=out")
    write(tmp_path / "x.gff3", "##gff-version 3\n" + "\n".join(rows) + "\n")
    summary = run(tmp_path / "x.fna", tmp_path / "x.gff3")
    assert (summary["records"], summary["ingested"], summary["quarantined"]) == (2, 1, 1)


def test_text_and_dna_do_not_mix(tmp_path):
    text, dna = write(tmp_path / "a.conll", conll(0, 9)), write(tmp_path / "b.fna", fasta({"x": 900}))
    with pytest.raises(BadInput, match=r"a\.conll \(text\) and b\.fna \(DNA\)\. Say --kind"):
        run(text, dna)
    assert run(tmp_path, kind="dna")["kind"] == "dna"
    with pytest.raises(BadInput, match="corpus-text"):
        run(text)
    with pytest.raises(UsageError, match="--unit"):
        run(dna, name="d", unit="char")


def test_other_columns_for_a_file_that_is_there_already_are_refused(tmp_path):
    path = write(tmp_path / "a.conll", "John\tPNP\tB-PER\nran\tVB\tO\n\n" * 9)
    run(path, token_column=1, tag_column=3)
    assert run(path)["already"] == 9
    with pytest.raises(UsageError, match="already"):
        run(path, token_column=2, tag_column=3)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "../x y"},
        {"name": "A"},
        {"token_column": 0},
        {"tag_column": 1, "token_column": 1},
        {"sources": ()},
    ],
)
def test_impossible_options_are_usage_errors(tmp_path, options):
    if "/" in options.get("name", ""):
        options = {"name": "x\0"}
    with pytest.raises(UsageError):
        IngestConfig(**{"sources": (tmp_path,), "name": "c", **options})


def test_two_at_once_and_damage_are_told_apart(tmp_path):
    path = write(tmp_path / "a.conll", conll(0, 9))
    with DatasetWriter(corpus_folder("c"), kind="corpus-text", config={}):  # noqa: SIM117
        with pytest.raises(Locked):
            run(path)
    run(path)
    Dataset.open(corpus_folder("c")).files("documents")[0].write_bytes(b"")
    with pytest.raises(IntegrityError, match="documents"):
        run(write(tmp_path / "b.conll", conll(50, 9)))


def test_more_files_than_tasks_are_read_in_groups(tmp_path):
    for number in range(450):
        write(tmp_path / "x" / f"{number:03}.txt", f"This is document number {number}.\n")
    summary = run(tmp_path / "x")
    assert summary["ingested"] == 450
    assert summary["shards"] <= 200
    write(tmp_path / "x" / "more.txt", "One more document.\n")
    assert (run(tmp_path / "x")["ingested"], run(tmp_path / "x")["ingested"]) == (1, 0)
