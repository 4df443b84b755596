"""`elman ingest`: rows, splits and record of a corpus from sources of every kind."""

import json
from pathlib import Path

import polars as pl
import pytest

from elman.data.corpus.about import about_corpus
from elman.data.errors import BadInput, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.flows.show import ShowConfig, show
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.inspection import corpus_check, render
from elman.tasks.retraining.corpus_tags import corpus_tags
from tests.flows.small_corpora import conll, corpus, fasta, run, tree, write

pytestmark = pytest.mark.usefixtures("home")


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
