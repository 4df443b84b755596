"""Pooling is learnt where a word that context does not tell is told elsewhere in its document."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

import elman
from elman.data.store.dataset import Dataset
from elman.flows.tag import TagConfig, tag
from elman.tasks.evaluation.text import evaluate_text
from elman.tasks.models.model_folder import read
from elman.tasks.models.text_tagger import Tagger


def documents(count, seed):
    """Documents about invented towns, persons and ships: "in Xy" tells a town, "so Xy again" nothing.

    Of half of them a word stands between the name and what tells it, so that no document feature does.
    """
    rng = random.Random(seed)
    for number in range(count):
        document, split = number // 4, ("train",) * 6 + ("dev", "dev", "test", "test")
        name = "".join(rng.choice("BDGKLMNPRST") + rng.choice("aeiou") for _ in range(3)).title()
        clue, tag_ = rng.choice([("in", "B-LOC"), ("Mr.", "B-PER"), ("aboard", "O")])
        old = "old/O " if rng.random() < 0.5 else ""
        lines = [f"{clue}/O {old}{name}/{tag_} it/O rained/O ./O"] + [f"so/O {name}/{tag_} again/O ./O"] * 2
        rng.shuffle(lines)
        yield from ((f"doc{document}", split[document % 10], line) for line in lines)


@pytest.fixture(scope="module")
def towns(tmp_path_factory, write_corpus):
    return write_corpus(tmp_path_factory.mktemp("corpora") / "towns", documents(240, 0))


@pytest.fixture(scope="module")
def pooled(tmp_path_factory, towns, train_in):
    return train_in(tmp_path_factory.mktemp("pooled"), towns, overrides={"epochs": 6})


def test_words_told_elsewhere_are_found_and_the_passport_says_how(pooled, towns, train_in, tmp_path):
    passport = read(Path(pooled["model"])).of_text
    assert passport.pooling["window"] == 200
    assert passport.pooling["equal"] > 0
    assert passport.document_features["window"] == 200
    without = train_in(tmp_path, towns, overrides={"epochs": 6}, document_window=0)
    assert not read(Path(without["model"])).of_text.pooling
    assert (
        not {"pooling", "document_features"}
        & json.loads((Path(without["model"]) / "passport.json").read_bytes()).keys()
    )
    scores = [
        evaluate_text(Tagger.load(Path(made["model"])), Dataset.open(towns)).f1 for made in (without, pooled)
    ]
    assert scores[1] > scores[0] + 0.1
    assert (
        pooled["dev"].f1 == evaluate_text(Tagger.load(Path(pooled["model"])), Dataset.open(towns), "dev").f1
    )


@pytest.mark.parametrize("preset", ["article", "default"])
def test_presets_that_do_not_pool_by_themselves_try_a_window_that_is_given(
    preset, towns, train_in, tmp_path, capsys
):
    options = {"preset": preset, "overrides": {"epochs": 1}}
    train_in(tmp_path, towns, **options)
    assert "document window" not in capsys.readouterr().err
    train_in(tmp_path, towns, **options, document_window=3)
    assert "document window: " in capsys.readouterr().err


@pytest.fixture(scope="module")
def text():
    rng = random.Random(7)
    lines = []
    for number in range(1500):
        name = f"{rng.choice(['Bado', 'Gori', 'Kelu', 'Mapo'])}{'abcdefgh'[number // 200]}"
        lines.append(
            rng.choice([f"In old {name} it rained .", f"Mr. old {name} it rained .", f"So {name} again ."])
        )
    return "\n\n".join(lines) + "\n"


def rows(out):
    return Dataset.open(out).scan().collect().sort("document", "start")


def test_rows_are_the_same_bit_by_bit_whatever_the_slices_and_reuse(pooled, text, tmp_path, home):
    source = tmp_path / "a.txt"
    source.write_text(text)

    def run(name, **options):
        made = tag(
            TagConfig(model=pooled["model"], sources=(source,), out=tmp_path / name, workers=0, **options)
        ).to_json()
        return made["shards"], rows(tmp_path / name)

    one, whole = run("whole")
    many, parts = run("parts", shard_size="3K")
    assert one == 1
    assert many > 2
    assert whole.height > 300
    assert parts.equals(whole)
    assert run("apart", no_reuse=True)[1].equals(whole)
    from_python = elman.load(pooled["model"]).tag(text)
    assert [(e.start, e.end, e.type) for e in from_python] == whole.select("start", "end", "type").rows()
    assert pl.Series([e.probability for e in from_python], dtype=pl.Float32).equals(whole["probability"])


def test_json_lines_are_documents_of_their_own(pooled, tmp_path, home):
    alone, told = "So Bado again .", "In old Bado it rained . So Bado again ."
    model = elman.load(pooled["model"])
    assert [model.tag(text) for text in (alone, told)] == list(model.tag_many([alone, told]))
    source = tmp_path / "a.jsonl"
    source.write_text(
        "".join(json.dumps({"id": f"d{n}", "text": t}) + "\n" for n, t in enumerate((told, alone)))
    )
    tag(TagConfig(model=pooled["model"], sources=(source,), out=tmp_path / "out", workers=0))
    found = rows(tmp_path / "out")
    for name, text in (("d0", told), ("d1", alone)):
        expected = [(e.start, e.end, e.type) for e in model.tag(text)]
        assert found.filter(document=name).select("start", "end", "type").rows() == expected
