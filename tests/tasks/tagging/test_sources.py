"""What `elman tag` takes, keeps apart and refuses: corpora, genomes, damaged files, moved aliases."""

import gzip
import json
import os
from pathlib import Path

import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.models import model_folder as models
from elman.tasks.tagging.shard import ShardTagger

LINES = [f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 5]}burg ." for n in range(40)]


def write_jsonl(path: Path, texts: list[str], **more: object) -> Path:
    path.write_text("".join(json.dumps({"text": text, **more}) + "\n" for text in texts))
    return path


@pytest.fixture
def run(tracked_home, trained, tmp_path):
    def run(*sources: Path, out: str = "out", model: str = trained["model"], **options):
        options.setdefault("workers", 0)
        return tag.fn(TagConfig(model=str(model), sources=sources, out=tmp_path / out, **options)).to_json()

    return run


@pytest.fixture
def committed(tmp_path):
    def committed(table: str = "data", out: str = "out") -> pl.DataFrame:
        return Dataset.open(tmp_path / out).scan(table).collect()

    return committed


# --- corpora ------------------------------------------------------------------------------------------------


def test_a_corpus_gives_the_entities_of_the_file_it_was_made_from(run, committed, tmp_path):
    source = write_jsonl(tmp_path / "a.jsonl", LINES)
    ingest.fn(IngestConfig(sources=(source,), name="lines", unit="word"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "lines"
    run(source, out="raw")
    summary = run(corpus)
    columns = ["source", "document", "sentence", "start", "end", "text", "type", "probability"]
    raw, ingested = (committed(out=out).select(columns).sort("document", "start") for out in ("raw", "out"))
    assert raw.drop("probability").equals(ingested.drop("probability"))
    assert (raw["probability"] - ingested["probability"]).abs().max() < 1e-5
    assert (summary["records"], summary["sentences"]) == (40, 40)


def test_of_a_corpus_that_has_grown_only_the_new_shards_are_tagged(run, tmp_path):
    ingest.fn(IngestConfig(sources=(write_jsonl(tmp_path / "a.jsonl", LINES),), name="lines", unit="word"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "lines"
    first = run(corpus)
    more = write_jsonl(tmp_path / "b.jsonl", ["Kutison says it is warm ."] * 3)
    ingest.fn(IngestConfig(sources=(more,), name="lines"))
    second = run(corpus)
    assert (first["shards"], second["shards"], second["reused"]) == (1, 2, 1)
    assert second["records"] == first["records"] + 3


def test_tagged_output_is_no_source(run, tmp_path):
    run(write_jsonl(tmp_path / "a.jsonl", LINES))
    with pytest.raises(BadInput, match="dataset of kind tagged-text"):
        run(tmp_path / "out", out="again")


# --- other people's Parquet ---------------------------------------------------------------------------------


def test_rows_of_parquet_are_documents_and_kept_columns_come_through(run, committed, tmp_path):
    source = write_jsonl(tmp_path / "a.jsonl", LINES)
    ids = [f"row {n % 30}" for n in range(40)]  # ten of them come again
    prices = pl.Series([n / 4 for n in range(40)], dtype=pl.Float32)
    table = pl.DataFrame({"name": ids, "body": LINES, "price": prices})
    table.write_parquet(tmp_path / "a.parquet", row_group_size=25)
    how = {"text_column": "body", "id_column": "name", "keep": "price", "tokens": True}
    summary = run(tmp_path / "a.parquet", shard_size="400", **how)
    assert summary["shards"] > 4
    run(source, out="raw")
    names = [id if n < 30 else f"{id}~{n + 1}" for n, id in enumerate(ids)]
    documents = committed("documents").sort("line")
    assert documents["document"].to_list() == names
    assert documents["price"].to_list() == prices.to_list()
    columns = ["start", "end", "text", "type"]
    found = committed().sort("price", "start")
    raw = committed(out="raw").with_columns(line=pl.col("document").str.extract(r"#(\d+)").cast(pl.Int64))
    assert found.select(columns).equals(raw.sort("line", "start").select(columns))
    of = dict(zip(names, prices, strict=True))
    assert all(of[row["document"]] == row["price"] for row in found.iter_rows(named=True))
    assert committed("tokens").height == summary["tokens"]
    assert committed("tokens")["price"].null_count() == 0
    assert run(tmp_path / "a.parquet", shard_size="400", **how)["reused"] == summary["shards"]


def test_parquet_that_cannot_be_tagged_as_asked_is_an_error_that_says_why(run, tmp_path):
    pl.DataFrame({"name": ["a"], "body": [LINES[0]]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="--text-column"):
        run(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match=r"expected the columns text\. Got name, body"):
        run(tmp_path / "a.parquet", text_column="text")
    with pytest.raises(
        UsageError, match=r"expected --keep of columns that tagged tables do not have\. Got text"
    ):
        run(tmp_path / "a.parquet", text_column="body", keep="name,text")
    with pytest.raises(BadInput, match="expected Parquet, for a text column was named"):
        run(write_jsonl(tmp_path / "a.jsonl", LINES), text_column="text")


# --- DNA ----------------------------------------------------------------------------------------------------


@pytest.fixture
def fasta(checkout, tmp_path) -> Path:
    """The slice as three contigs, one without a sequence, which is refused."""
    with gzip.open(checkout / "tests" / "fixtures" / "ecoli_100kb.fna.gz", "rt") as file:
        bases = "".join(line.strip() for line in file if not line.startswith(">"))
    path = tmp_path / "g.fna"
    path.write_text(f">a\n{bases[:30_000]}\n>none\n>b\n{bases[30_000:31_000]}\n>c\n{bases[40_000:55_000]}\n")
    return path


def test_genomes_give_intervals_gff3_and_bed_and_refuse_what_is_empty(run, committed, fasta, gene_model):
    summary = run(fasta, model=gene_model, format="gff3,bed", shard_size="20000")
    wanted = {"records": 4, "quarantined": 1, "bases": 46_000, "shards": 2, "exit_code": 3}
    assert {name: summary[name] for name in wanted} == wanted
    frame = committed()
    assert summary["rows"] == frame.height > 0
    assert committed("quarantine")["source"].to_list() == ["g.fna"]
    out = Path(summary["out"])
    gff3 = [line.split("\t") for line in (out / "tags.gff3").read_text().splitlines() if line[0] != "#"]
    places = frame.select("contig", "start", "end").rows()
    assert [(row[0], int(row[3]) - 1, int(row[4])) for row in gff3] == places
    bed = [line.split("\t") for line in (out / "tags.bed").read_text().splitlines()]
    assert [(row[0], int(row[1]), int(row[2])) for row in bed] == frame.select(
        "contig", "start", "end"
    ).rows()
    assert run(fasta, model=gene_model, format="bed,gff3", shard_size="20000")["reused"] == 2


def test_a_corpus_of_dna_gives_the_intervals_of_its_files(run, committed, checkout, gene_model):
    fixtures = checkout / "tests" / "fixtures"
    sources = (fixtures / "ecoli_100kb.fna.gz", fixtures / "ecoli_100kb.gff3.gz")
    ingest.fn(IngestConfig(sources=sources, name="genome"))
    corpus = Path(os.environ["ELMAN_HOME"]) / "corpora" / "genome"
    run(sources[0], model=gene_model, out="raw")
    assert run(corpus, model=gene_model)["records"] == 1
    assert committed(out="raw").equals(committed())


def test_text_for_a_model_of_genes_is_refused(run, tmp_path, gene_model):
    with pytest.raises(BadInput, match="expected DNA, as the model"):
        run(write_jsonl(tmp_path / "a.jsonl", LINES), model=gene_model)


# --- what is wrong with files -------------------------------------------------------------------------------


def test_a_damaged_file_is_refused_whole_and_the_others_are_tagged(run, committed, tmp_path):
    good = write_jsonl(tmp_path / "a.jsonl", LINES)
    bad = tmp_path / "b.jsonl.gz"
    text = "".join(json.dumps({"text": f"{line} {os.urandom(20).hex()}"}) + "\n" for line in LINES * 50)
    packed = gzip.compress(text.encode())
    bad.write_bytes(packed[: len(packed) // 2])
    summary = run(good, bad, shard_size="1000")
    assert (summary["records"], summary["quarantined"], summary["exit_code"]) == (41, 1, 3)
    assert committed("quarantine").select("source", "reason").rows() == [("b.jsonl.gz", "unreadable")]
    assert committed()["source"].unique().to_list() == ["a.jsonl"]
    assert run(good, bad, shard_size="1000")["reused"] == summary["shards"]
    bad.write_bytes(packed)
    mended = run(good, bad, shard_size="1000")
    assert (mended["records"], mended["quarantined"], mended["exit_code"]) == (40 + 2000, 0, 0)


def test_documents_of_the_same_id_are_kept_apart(run, committed, tmp_path):
    source = write_jsonl(tmp_path / "a.jsonl", LINES[:3], id="same")
    assert run(source, format="jsonl", shard_size="1", out="cut")["shards"] == 3
    assert committed("documents", "cut")["document"].to_list() == ["same", "same~2", "same~3"]
    run(source, format="jsonl")
    assert committed().drop("probability").equals(committed(out="cut").drop("probability"))
    assert committed("documents")["document"].to_list() == ["same", "same~2", "same~3"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "tags.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["same", "same~2", "same~3"]
    assert sum(len(line["spans"]) for line in lines) == committed().height


def test_files_of_the_same_name_are_kept_apart(run, committed, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_jsonl(tmp_path / folder / "a.jsonl", LINES[: 2 if folder == "one" else 3])
    summary = run(tmp_path / "one", tmp_path / "two")
    assert summary["records"] == 5
    assert committed("documents").n_unique(["source", "document"]) == 5


def test_the_output_lies_outside_of_the_sources_and_in_no_folder_of_other_things(run, tmp_path):
    (tmp_path / "in").mkdir()
    write_jsonl(tmp_path / "in" / "a.jsonl", LINES)
    with pytest.raises(UsageError, match="outside of the sources"):
        run(tmp_path / "in", out="in/out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "tags.jsonl").write_text("precious")
    with pytest.raises(UsageError, match="empty or tagged output"):
        run(tmp_path / "in", out="mine", format="jsonl")
    assert (tmp_path / "mine" / "tags.jsonl").read_text() == "precious"
    with pytest.raises(UsageError, match="Got a file"):
        run(tmp_path / "in", out="mine/tags.jsonl")


# --- the model of an unfinished run -------------------------------------------------------------------------


class Stopped(BaseException):
    """Somebody pulls the plug."""


@pytest.fixture
def two_models(trained, tracked_home) -> tuple[Path, Path]:
    """The same weights under two passports, hence versions."""
    loaded = models.read(Path(trained["model"]))
    one, two = (models.write({**loaded.passport, "seed": seed}, loaded.files) for seed in (1, 2))
    return one, two


def stop_at(monkeypatch, shards: int) -> None:
    """Let the next run be stopped when it has staged so many shards."""
    real, staged = ShardTagger.stage, [0]

    def stopping(*args):
        staged[0] += 1
        if staged[0] > shards:
            raise Stopped
        return real(*args)

    monkeypatch.setattr(ShardTagger, "stage", stopping)


@pytest.fixture
def moving(monkeypatch, two_models) -> dict[str, Path]:
    """What registered names mean; the first model to begin with."""
    meant = {"models:/names@champion": two_models[0]}
    monkeypatch.setattr(models, "resolve", lambda name: meant.get(name) or Path(name))
    return meant


def test_an_unfinished_run_goes_on_with_its_model_though_the_alias_has_moved(
    run, committed, two_models, moving, tmp_path, monkeypatch
):
    first, second = two_models
    source = write_jsonl(tmp_path / "a.jsonl", LINES)
    with monkeypatch.context() as patch:
        stop_at(patch, 2)
        with pytest.raises(Stopped):
            run(source, model="models:/names@champion", shard_size="400")
    moving["models:/names@champion"] = second
    with pytest.raises(UsageError, match="unfinished run") as error:
        run(source, model=second, shard_size="400")
    assert first.name in str(error.value)
    assert second.name in str(error.value)
    summary = run(source, model="models:/names@champion", shard_size="400")
    assert (summary["model"], summary["reused"]) == (first.name, 2)
    assert committed()["model"].unique().to_list() == [first.name]


def test_when_the_alias_has_moved_new_sources_still_get_the_model_of_the_output(
    run, committed, two_models, moving, tmp_path, capsys
):
    first, second = two_models
    source, more = (write_jsonl(tmp_path / f"{name}.jsonl", LINES) for name in "ab")
    run(source, model="models:/names@champion")
    moving["models:/names@champion"] = second
    summary = run(source, more, model="models:/names@champion")
    assert (summary["model"], summary["moved"]) == (first.name, second.name)
    assert (summary["shards"], summary["reused"]) == (2, 1)
    assert f"now means {second.name}" in capsys.readouterr().err
    assert committed()["model"].unique().to_list() == [first.name]
    with pytest.raises(UsageError, match=r"expected output made with model.*--retag"):
        run(source, model=second)


def test_retagging_swaps_in_a_snapshot_of_the_newer_model_at_its_end(
    run, committed, two_models, moving, tmp_path, monkeypatch
):
    first, second = two_models
    source, more = (write_jsonl(tmp_path / f"{name}.jsonl", LINES) for name in "ab")
    run(source, more, model="models:/names@champion", shard_size="800")
    moving["models:/names@champion"] = second
    with pytest.raises(UsageError, match=r"expected all its sources.*b\.jsonl"):
        run(source, model="models:/names@champion", retag=True)
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        with pytest.raises(Stopped):
            run(source, more, model="models:/names@champion", retag=True, shard_size="800")
    assert committed()["model"].unique().to_list() == [first.name]
    summary = run(source, more, model="models:/names@champion", retag=True, shard_size="800")
    assert (summary["model"], summary["reused"]) == (second.name, 3)
    assert committed()["model"].unique().to_list() == [second.name]
    names = {path.name for path in (tmp_path / "out" / "data").iterdir()}
    assert names == {Path(shard.files["data"].path).name for shard in Dataset.open(tmp_path / "out").shards}
