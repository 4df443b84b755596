"""`elman ingest`: exactly once, nothing lost, whatever comes."""

import gzip
import json
import random
from pathlib import Path

import polars as pl
import pytest

from elman.data.corpus.about import about_corpus
from elman.data.errors import BadInput, IntegrityError, Locked, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.show import ShowConfig, show
from elman.tasks.evaluation.promotion import corpus_tags
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.inspection import corpus_check, render

pytestmark = pytest.mark.usefixtures("home")


def run(*sources: Path, name: str = "c", **options) -> dict:
    return ingest.fn(IngestConfig(sources=sources, name=name, **options)).to_json()


def corpus(name: str = "c") -> pl.DataFrame:
    return Dataset.open(corpus_folder(name)).scan().collect(engine="in-memory")


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def conll(first: int, count: int, docstart: int | None = None) -> str:
    """Sentences with numbers of their own; a document every `docstart` of them."""
    out = []
    for number in range(first, first + count):
        if docstart and (number - first) % docstart == 0:
            out.append("-DOCSTART- O\n\n")
        out.append(f"Name{number} B-PER\nmet O\nMary I-PER\nin O\nTown{number} B-LOC\n. O\n\n")
    return "".join(out)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def fasta(contigs: dict[str, int], seed: int = 0) -> str:
    draw = random.Random(seed)
    return "".join(f">{name}\n{''.join(draw.choices('ACGT', k=size))}\n" for name, size in contigs.items())


# --- what comes out -----------------------------------------------------------------------------------------


def test_labelled_columns_become_rows_of_the_schema(tmp_path):
    write(tmp_path / "x" / "train.conll", conll(0, 3))
    summary = run(tmp_path / "x")
    frame = corpus()
    assert frame.schema == schema.TEXT
    row = frame.row(1, named=True)
    assert row["text"] == "Name1 met Mary in Town1 ."
    assert row["tags"] == ["B-PER", "O", "B-PER", "O", "B-LOC", "O"]
    words = [
        row["text"][a - row["start"] : b - row["start"]]
        for a, b in zip(row["token_start"], row["token_end"], strict=True)
    ]
    assert words == ["Name1", "met", "Mary", "in", "Town1", "."]
    assert (row["document"], row["sentence"], row["split"]) == ("train.conll#0", 1, "train")
    raw = (tmp_path / "x" / "train.conll").read_bytes()
    assert raw[row["byte_offset"] :].startswith(b"Name1 B-PER")
    assert summary["records"] == summary["ingested"] == 3
    assert summary["splits"] == {"train": {"sentences": 3, "tokens": 18}}
    manifest = Dataset.open(corpus_folder("c")).manifest
    assert manifest["meta"]["types"] == ["LOC", "PER"]
    assert manifest["meta"]["unit"] == "word"
    assert manifest["meta"]["tokenizer"]["unit"] == "word"
    source = manifest["sources"][0]
    assert (source["name"], source["split"], source["records"]) == ("train.conll", "train", 3)
    assert len(source["sha256"]) == 64


def test_plain_text_keeps_its_offsets_and_has_no_tags(tmp_path):
    text = "It rained.  Tom, 3, ran home.\nNobody saw him go.\n" * 40
    run(write(tmp_path / "a.txt", text), name="c")
    frame = corpus()
    assert frame["tags"].null_count() == len(frame)
    for row in frame.iter_rows(named=True):
        assert text[row["start"] :].startswith(row["text"])
        assert text[row["token_start"][0] : row["token_end"][-1]] == row["text"]


def test_spans_of_json_lines_become_tags(tmp_path):
    line = {"id": "x1", "text": "Sam Li met Tom.", "spans": [{"start": 0, "end": 6, "label": "PERSON"}]}
    run(write(tmp_path / "train.jsonl", json.dumps(line) + "\n"))
    row = corpus().row(0, named=True)
    assert row["document"] == "x1"
    assert row["tags"][:3] == ["B-PERSON", "I-PERSON", "O"]


def test_chinese_is_cut_into_characters_by_default_and_words_on_demand(tmp_path):
    path = write(tmp_path / "train.conll", "同樣 O\n台北市 B-LOC\nABC I-ORG\n\n" * 20)
    run(path, name="chars")
    row = corpus("chars").row(0, named=True)
    assert len(row["tags"]) == 8
    assert row["tags"][2:] == ["B-LOC", "I-LOC", "I-LOC", "B-ORG", "I-ORG", "I-ORG"]
    run(path, name="words", unit="word")
    assert corpus("words").row(0, named=True)["tags"] == ["O", "B-LOC", "B-ORG"]
    with pytest.raises(UsageError, match="expected --unit char, which the corpus has"):
        run(path, name="chars", unit="word")


def test_a_genome_with_its_annotation_becomes_pieces(tmp_path):
    write(tmp_path / "g" / "x.fna", fasta({"chr": 250_000, "plasmid": 60}))
    rows = [f"chr\tt\tCDS\t{at}\t{at + 299}\t.\t+\t0\tID=g{at}" for at in range(1, 240_000, 1000)]
    write(tmp_path / "g" / "x.gff3", "##gff-version 3\n" + "\n".join(rows) + "\n")
    write(tmp_path / "g" / "lonely.pfam.gff3", "##gff-version 3\nother\tt\tCDS\t1\t30\t.\t+\t0\tID=a\n")
    summary = run(tmp_path / "g")
    frame = corpus()
    assert frame.schema == schema.DNA
    assert frame["contig"].to_list() == ["chr"] * 3 + ["plasmid"]
    assert "".join(frame["bases"][:3]) in (tmp_path / "g" / "x.fna").read_text()
    assert frame["features"].list.len().to_list() == [100, 100, 40, 0]
    assert (summary["kind"], summary["records"], summary["quarantined"]) == ("dna", 2, 0)
    assert [Path(item["path"]).name for item in summary["skipped"]] == ["lonely.pfam.gff3"]
    assert Dataset.open(corpus_folder("c")).meta["types"] == ["CDS"]
    assert sum(split["pieces"] for split in summary["splits"].values()) == 4
    assert set(frame["split"]) == {"train", "dev"}


# --- splits -------------------------------------------------------------------------------------------------


def test_documents_are_split_80_10_10_by_hash_and_stay_whole(tmp_path):
    run(write(tmp_path / "a.conll", conll(0, 3000, docstart=3)))
    frame = corpus()
    assert frame.group_by("document").agg(pl.col("split").n_unique())["split"].max() == 1
    shares = {split: len(frame.filter(split=split)) / 3000 for split in schema.SPLITS}
    assert shares == pytest.approx({"train": 0.8, "dev": 0.1, "test": 0.1}, abs=0.04)


def test_where_a_file_has_no_documents_blocks_of_50_sentences_are_split(tmp_path):
    run(write(tmp_path / "a.conll", conll(0, 5000)))
    frame = corpus().with_columns(number=pl.int_range(pl.len()))
    blocks = frame.group_by(pl.col("number") // 50).agg(pl.col("split").n_unique())
    assert blocks["split"].max() == 1
    assert set(frame["split"]) == set(schema.SPLITS)


@pytest.mark.parametrize("sentences", [3, 10, 49, 120, 700])
@pytest.mark.parametrize("docstart", [None, 1, 5, 200])
def test_a_small_corpus_gets_every_split(tmp_path, sentences, docstart):
    run(write(tmp_path / "a.conll", conll(0, sentences, docstart)))
    frame = corpus()
    assert len(frame) == sentences
    counts = {split: len(frame.filter(split=split)) for split in schema.SPLITS}
    assert min(counts.values()) > 0
    assert counts["train"] == max(counts.values())


@pytest.mark.parametrize("files", [1, 2, 3])
def test_a_few_novels_get_every_split(tmp_path, files):
    text = "Tom ran home and then went to bed at once, for he was tired and his feet hurt.\n\n" * 200
    for number in range(files):
        write(tmp_path / "x" / f"novel{number}.txt", f"Novel {number}.\n\n{text}")
    summary = run(tmp_path / "x")
    assert set(summary["splits"]) == set(schema.SPLITS)


def test_names_set_the_split_and_as_overrides_them(tmp_path):
    for name in ("train.conll", "devel.conll", "my-test.conll"):
        write(tmp_path / "x" / name, conll(len(name) * 100, 2))
    assert set(run(tmp_path / "x")["splits"]) == set(schema.SPLITS)
    assert set(run(tmp_path / "x", name="d", as_="test")["splits"]) == {"test"}


def test_the_split_of_a_document_does_not_depend_on_what_else_is_there(tmp_path):
    for number in range(60):
        write(tmp_path / "x" / f"{number}.txt", f"This is document number {number}. It is short.\n")
    run(tmp_path / "x", name="all")
    run(*[tmp_path / "x" / f"{number}.txt" for number in range(59, -1, -1)], name="turned")
    split = {row[0]: row[1] for row in corpus("all").select("document", "split").iter_rows()}
    assert split == dict(corpus("turned").select("document", "split").iter_rows())
    assert tree(corpus_folder("all")) == tree(corpus_folder("turned"))


def test_one_piece_in_ten_of_a_genome_is_dev_and_as_takes_it_whole(tmp_path):
    path = write(tmp_path / "x.fna", fasta({f"c{n}": 150_000 for n in range(60)}))
    pieces = {split: counts["pieces"] for split, counts in run(path)["splits"].items()}
    assert set(pieces) == {"train", "dev"}
    assert pieces["dev"] / 120 == pytest.approx(0.1, abs=0.06)
    assert set(run(path, name="d", as_="test")["splits"]) == {"test"}


@pytest.mark.parametrize("seed", range(4))
def test_a_small_genome_gets_a_dev_piece(tmp_path, seed):
    path = write(tmp_path / "x.fna", fasta({f"c{seed}": 220_000}, seed))
    assert run(path)["splits"]["dev"]["pieces"] >= 1


# --- adding -------------------------------------------------------------------------------------------------


def test_what_is_there_already_is_not_added_twice(tmp_path):
    write(tmp_path / "x" / "a.conll", conll(0, 300, 5))
    write(tmp_path / "x" / "train.conll", conll(1000, 20))
    first = run(tmp_path / "x")
    before = tree(corpus_folder("c"))
    second = run(tmp_path / "x")
    assert (first["ingested"], first["already"]) == (320, 0)
    assert (second["records"], second["ingested"], second["already"], second["shards"]) == (320, 0, 320, 0)
    assert tree(corpus_folder("c")) == before


def test_adding_takes_new_files_and_new_documents_only(tmp_path):
    write(tmp_path / "x" / "a.conll", conll(0, 300, 5))
    run(tmp_path / "x")
    write(tmp_path / "x" / "a.conll", conll(0, 400, 5))
    (tmp_path / "x" / "b.conll.gz").write_bytes(gzip.compress(conll(0, 100, 5).encode()))
    write(tmp_path / "x" / "c.conll", conll(5000, 10, 5))
    before = corpus()
    summary = run(tmp_path / "x")
    assert (summary["records"], summary["ingested"], summary["already"]) == (510, 110, 400)
    after = corpus()
    texts = after["text"].to_list()
    assert len(texts) == len(set(texts)) == 410
    assert before.join(after, on=["document", "sentence", "split", "text"], how="anti").height == 0
    assert after.group_by("document").agg(pl.col("source").n_unique())["source"].max() == 1
    sources = Dataset.open(corpus_folder("c")).sources
    assert [source["name"] for source in sources] == ["a.conll", "a.conll", "b.conll.gz", "c.conll"]


def test_a_grown_file_without_documents_adds_only_what_is_new(tmp_path):
    write(tmp_path / "train.conll", conll(0, 120))
    run(tmp_path / "train.conll")
    write(tmp_path / "train.conll", conll(0, 150))
    summary = run(tmp_path / "train.conll")
    assert (summary["already"], summary["ingested"]) == (100, 50)


def test_the_same_content_for_another_split_is_added(tmp_path):
    path = write(tmp_path / "a.conll", conll(0, 10))
    run(path, as_="train")
    summary = run(path, as_="test")
    assert summary["splits"] == {
        "train": {"sentences": 10, "tokens": 60},
        "test": {"sentences": 10, "tokens": 60},
    }
    assert corpus()["document"].n_unique() == 2
    assert run(path, as_="test")["already"] == run(path, as_="train")["already"] == 10


def test_content_that_another_split_holds_too_is_counted(tmp_path):
    write(tmp_path / "train.conll", conll(0, 100, 5))
    write(tmp_path / "test.conll", conll(95, 10, 5))
    assert run(tmp_path)["in_other_splits_too"] == 2
    assert run(tmp_path, name="d", as_="train")["in_other_splits_too"] == 0


def test_the_same_file_twice_is_counted_as_there_already(tmp_path):
    for name in ("x", "y"):
        write(tmp_path / f"{name}.conll", conll(0, 10))
    summary = run(tmp_path)
    assert (summary["records"], summary["ingested"], summary["already"]) == (20, 10, 10)


def test_a_corpus_stays_as_it_is_when_a_new_file_has_nothing_new(tmp_path):
    path = write(tmp_path / "a.conll", conll(0, 300, 5))
    digest = run(path)["digest"]
    (tmp_path / "b.conll.gz").write_bytes(gzip.compress(path.read_bytes()))
    summary = run(tmp_path / "b.conll.gz")
    assert (summary["ingested"], summary["already"], summary["digest"]) == (0, 300, digest)


def test_ids_that_are_taken_get_a_suffix(tmp_path):
    for name, word in (("a", "rain"), ("b", "snow")):
        lines = [
            json.dumps({"id": str(number), "text": f"There was {word} {number}."}) for number in (1, 2, 1)
        ]
        write(tmp_path / "x" / f"train.{name}.jsonl", "\n".join(lines) + "\n")
    assert run(tmp_path / "x")["ingested"] == 6
    frame = corpus()
    assert frame["document"].n_unique() == 6
    assert {"1", "2"} < set(frame["document"])


def test_a_contig_is_known_by_its_content(tmp_path):
    write(tmp_path / "a.fna", fasta({"one": 5000, "two": 5000}))
    run(tmp_path / "a.fna")
    write(tmp_path / "b.fna", (tmp_path / "a.fna").read_text() + fasta({"three": 5000}, 1))
    write(tmp_path / "c.fna", fasta({"one": 4000}, 2))
    assert (run(tmp_path / "b.fna")["already"], run(tmp_path / "c.fna")["ingested"]) == (2, 1)
    assert corpus()["contig"].n_unique() == 4


# --- bad input ----------------------------------------------------------------------------------------------


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


# --- the record of a run ------------------------------------------------------------------------------------


def records(home: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((home / "runs").glob("*/run.json"))]


def test_an_ingest_leaves_a_record_that_the_next_command_with_mlflow_sends(home, tmp_path):
    summary = run(write(tmp_path / "a.conll", conll(0, 9)))
    (record,) = records(home)
    assert (record["kind"], record["name"], record["status"], record["sent"]) == (
        "ingest",
        "c",
        "FINISHED",
        False,
    )
    assert record["summary"] == summary
    assert record["params"]["sources"] == str(tmp_path / "a.conll")
    assert record["ended_ms"] >= record["started_ms"]


def test_a_failed_ingest_is_recorded_and_a_usage_error_is_not(home, tmp_path):
    with pytest.raises(BadInput):
        run(tmp_path / "absent")
    assert [record["status"] for record in records(home)] == ["FAILED"]
    write(tmp_path / "a.conll", conll(0, 9))
    with pytest.raises(UsageError):
        run(tmp_path / "a.conll", label=("product",))
    assert len(records(home)) == 1


def test_the_columns_read_stand_in_the_summary_and_those_named_in_the_manifest(tmp_path):
    rows = "1\tAnna\tB-PER\tO\n2\tOslo\tB-ORG\tB-LOC\n\n"
    path, other = write(tmp_path / "a.tsv", rows), write(tmp_path / "b.tsv", "1\tx\tO\tO\n\n" + rows)
    with pytest.raises(BadInput, match=r"Got 2: 3 \(ORG, PER\); 4 \(LOC\)"):
        run(path)
    summary = run(path, other, tag_column=4)
    described = {"token_column": 2, "tag_column": 4, "tags": "prefix and type", "scheme": "IOB2"}
    assert summary["columns"] == {"a.tsv and 1 more": described}
    corpus = Dataset.open(Path(summary["corpus"]))
    assert {tuple(entry["columns"].items()) for entry in corpus.sources} == {(("tag_column", 4),)}
    assert corpus.manifest["meta"]["types"] == ["LOC"]


def test_tables_are_ingested_by_their_columns_and_without_them_skipped(tmp_path):
    spans = '"[{""start"": 0, ""end"": 4, ""label"": ""PER""}]"'
    rows = "".join(f'{n},"Anna number {n}\nleft.",{spans}\n' for n in range(30))
    folder = tmp_path / "tables"
    folder.mkdir()
    write(folder / "a.csv", "key,body,gold\n" + rows)
    write(folder / "notes.txt", "Not a table.")
    pl.DataFrame(
        {"key": ["x"], "body": ["Oslo."], "gold": [[]]}, schema_overrides={"gold": pl.List(pl.String)}
    ).write_parquet(folder / "b.parquet")
    columns = {"text_column": "body", "labels_column": "gold", "id_column": "key"}
    summary = run(folder, kind="text", **columns)
    assert (summary["kind"], summary["ingested"]) == ("text", 31)
    assert summary["columns"] == {"a.csv and 1 more": columns}
    assert [Path(row["path"]).name for row in summary["skipped"]] == ["notes.txt"]
    corpus = Dataset.open(Path(summary["corpus"]))
    assert corpus.manifest["meta"]["types"] == ["PER"]
    assert {entry["kind"] for entry in corpus.sources} == {"delimited", "parquet"}
    with pytest.raises(BadInput, match="which is read with --text-column"):
        run(folder / "b.parquet", name="d")


def test_licence_and_description_stay_with_the_corpus_and_are_shown(tmp_path):
    path, other = write(tmp_path / "a.conll", conll(0, 9)), write(tmp_path / "b.conll", conll(9, 9))
    corpus = Path(run(path)["corpus"])
    assert not {"licence", "description"} & Dataset.open(corpus).meta.keys()
    run(path, licence="CC BY 4.0")  # nothing new but this
    run(other, description="Names [of](x) people.")
    expected = {"licence": "CC BY 4.0", "description": "Names [of](x) people."}
    assert about_corpus(corpus) == expected
    assert corpus_check.check([str(corpus)]).statistics["about"] == expected
    shown = show(ShowConfig(source=str(corpus)))
    assert shown.to_json()["about"] == expected
    assert "licence: CC BY 4.0" in render.text_of(shown)
    assert corpus_tags(corpus)["elman.corpus.licence"] == "CC BY 4.0"


def test_labels_inside_of_words_are_listed_with_whole_words_and_widened_on_request(tmp_path):
    lines = [
        json.dumps({"id": n, "text": f"Anna {n} left.", "label": [[0, 3 + n % 2, "PER"]]}) for n in range(9)
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(lines) + "\n")
    summary = run(path, misaligned="widen")
    assert summary["changed"] == {"labels that begin or end inside of a word, widened to whole words": 5}
    first = summary["changed_at"][0]
    assert first == {"path": "a.jsonl", "line": 1, "label": "PER 0 to 3, 'Ann': 0 to 4 is 'Anna'"}
    with pytest.raises(BadInput, match="Got PER 0 to 3"):
        run(path, name="d", misaligned="refuse")


def test_a_line_is_a_sentence_where_the_user_says_so(tmp_path):
    path = write(tmp_path / "a.txt", "One. Two.\nthree\n\n" * 9)
    summary = run(path, sentence_per_line=True)
    assert sum(split["sentences"] for split in summary["splits"].values()) == 18
    corpus = Dataset.open(Path(summary["corpus"]))
    assert [entry["columns"] for entry in corpus.sources] == [{"sentence_per_line": True}]
    assert run(path, sentence_per_line=True)["already"] == 1
