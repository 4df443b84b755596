"""`elman tag --precision`: what is below the threshold of dev is left out and counted; no more changes."""

import json
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from elman.data.errors import BadInput, UsageError
from elman.data.metrics.thresholds import precision_curve
from elman.data.store.dataset import Dataset
from elman.flows.tag import TagConfig, tag
from elman.tasks.models import model_folder, precision

LINES = [f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 5]}burg ." for n in range(30)]
LINES += ["Kato Badeson Luxberg met a son in Tobson Neburg .", "Was Rinaburg Gelason late ?"] * 5


def curves_at(threshold: float) -> bytes:
    """PER is right in 98 of the 100 entities of dev from the threshold on; LOC in 12 of 12, too few."""
    person = precision_curve([threshold] * 100 + [0.01] * 50, [True] * 98 + [False] * 52, 120)
    test = precision_curve([threshold] * 40 + [0.01] * 9, [True] * 38 + [False] * 11, 50)
    gold = {"PER": 120, "LOC": 15}
    place = precision_curve([0.5] * 12, [True] * 12, 15)
    dev = {"LOC": place, "PER": person}
    return precision.to_bytes(
        {"dev": (dev, gold), "test": ({"LOC": place, "PER": test}, {"PER": 50, "LOC": 15})}
    )


@pytest.fixture
def whole(tracked_home, trained, tmp_path) -> pl.DataFrame:
    """All entities, without --precision."""
    (tmp_path / "text.txt").write_text("\n\n".join(LINES))
    config = TagConfig(
        model=trained["model"], sources=(tmp_path / "text.txt",), out=tmp_path / "whole", workers=0
    )
    tag.fn(config)
    return Dataset.open(tmp_path / "whole").scan().collect()


@pytest.fixture
def threshold(whole) -> float:
    """The median probability of a person."""
    return float(whole.filter(type="PER")["probability"].sort()[whole.filter(type="PER").height // 2])


@pytest.fixture
def model(trained, threshold) -> Path:
    """The trained model, with these curves."""
    loaded = model_folder.read(Path(trained["model"]))
    return model_folder.write(loaded.passport, {**loaded.files, precision.FILE: curves_at(threshold)})


@pytest.fixture
def run(model, tmp_path):
    def run(out: str, **options):
        options = {"workers": 0, "precision": 0.95, **options}
        config = TagConfig(model=str(model), sources=(tmp_path / "text.txt",), out=tmp_path / out, **options)
        return tag.fn(config).to_json()

    return run


def test_rows_below_the_threshold_are_left_out_and_counted(run, whole, threshold, tmp_path, capsys):
    summary = run("out", format="jsonl,conll", tokens=True)
    rows = Dataset.open(tmp_path / "out").scan().collect()
    persons = whole.filter(type="PER")
    expected = persons.filter(pl.col("probability") >= threshold)
    assert 0 < expected.height < persons.height
    assert_frame_equal(rows.drop("model"), expected.drop("model"))
    of = summary["precision"]
    assert of["PER"]["left_out"] == persons.height - expected.height
    assert of["LOC"]["left_out"] == whole.height - persons.height
    assert sum(of[name]["left_out"] for name in of) + rows.height == whole.height
    assert of["PER"]["dev"]["precision"] == 0.98
    assert of["PER"]["test"] == {
        "kept": 40,
        "precision": 0.95,
        "lower": pytest.approx(0.8855, abs=1e-4),
        "recall": 0.76,
    }
    assert (of["LOC"]["dev"]["threshold"], of["LOC"]["test"]) == (None, None)
    assert "LOC: no threshold for a precision of 0.95: only 12 entities exceed it" in capsys.readouterr().err
    manifest = Dataset.open(tmp_path / "out").manifest
    assert manifest["config"]["precision"] == 0.95
    assert manifest["meta"]["summary"]["precision"] == json.loads(json.dumps(of))


def test_exports_and_tokens_have_no_tag_of_what_is_left_out(run, tmp_path, whole):
    run("out", format="jsonl,conll", tokens=True)
    out = Dataset.open(tmp_path / "out")
    rows, tokens = out.scan().collect(), out.scan("tokens").collect()
    assert tokens.filter(pl.col("tag").str.starts_with("B-")).height == rows.height
    assert not tokens["tag"].str.ends_with("LOC").any()
    assert tokens.filter(pl.col("probability").is_null())["tag"].unique().to_list() == ["O"]
    conll = (tmp_path / "out" / "tags.conll").read_text()
    assert conll.count("\tB-PER") == rows.height
    assert "LOC" not in conll
    lines = [json.loads(line) for line in (tmp_path / "out" / "tags.jsonl").read_text().splitlines()]
    assert sum(len(line["spans"]) for line in lines) == rows.height


def test_the_bytes_are_the_same_for_any_workers_and_without_the_option_nothing_changes(
    run, whole, model, tmp_path
):
    one, two = (run(name, workers=workers) for name, workers in (("one", 0), ("two", 2)))
    assert one["precision"] == two["precision"]
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.parquet")}
        for name in ("one", "two")
    ]
    assert files[0] == files[1]
    run("plain", precision=None)
    plain = Dataset.open(tmp_path / "plain")
    assert "precision" not in plain.manifest["config"]
    assert "precision" not in plain.manifest["meta"]["summary"]
    assert_frame_equal(plain.scan().collect().drop("model"), whole.drop("model"))


def test_a_model_of_version_0_1_and_a_precision_that_no_type_has_are_refused(run, trained, whole, tmp_path):
    loaded = model_folder.read(Path(trained["model"]))
    files = {name: data for name, data in loaded.files.items() if name != precision.FILE}
    old = model_folder.write(loaded.passport, files)
    config = TagConfig(model=str(old), sources=(tmp_path / "text.txt",), out=tmp_path / "old", precision=0.9)
    with pytest.raises(BadInput, match=r"expected a model with precision\.json.* Train it again"):
        tag.fn(config)
    with pytest.raises(BadInput, match=r"LOC: only 12 entities.*; PER: the highest precision is 0\.980"):
        run("out", precision=0.995)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_redaction_with_a_precision_is_refused(run, whole):
    with pytest.raises(UsageError, match="below the threshold would stay in the text"):
        run("out", redact="mask")


def test_a_model_of_dna_has_no_precision(tracked_home, gene_model, tmp_path):
    (tmp_path / "a.fasta").write_text(">a\nACGT\n")
    with pytest.raises(UsageError, match="expected --precision for a model of text only"):
        tag.fn(
            TagConfig(
                model=str(gene_model), sources=(tmp_path / "a.fasta",), out=tmp_path / "out", precision=0.9
            )
        )
