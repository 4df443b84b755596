"""`elman generate`: pieces of music, text and DNA from models trained on small corpora, exactly once."""

import io
import json
import random
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import mido
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.formats.common.options import Options
from elman.data.formats.music import abc
from elman.data.music.pieces import Piece
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.learning.generate import GenerateConfig, generate
from elman.flows.train import TrainConfig, train
from elman.tasks.generation import pieces_in_bulk
from elman.tasks.generation.gate import why_hold
from tests.killed_runs import assert_same_bytes_when_killed, files

pytestmark = pytest.mark.heavy
CHECKOUT = Path(__file__).parents[3]


def tunes(count):
    """Tunes of four bars, written by chance: steps up and down a scale."""
    rng, notes = random.Random(0), "CDEFGABcde"
    text = []
    for number in range(count):
        metre, beats = rng.choice([("4/4", 4), ("3/4", 3)])
        at, bars = rng.randrange(4), []
        for _ in range(4):
            places = [at := min(max(at + rng.choice([-1, 1]), 0), 9) for _ in range(beats)]
            bars.append("".join(notes[place] for place in places))
        text.append(
            f"X:{number}\nT:tune {number}\nM:{metre}\nL:1/4\nK:{rng.choice('CG')}\n{'|'.join(bars)}|]\n\n"
        )
    return "".join(text)


def model_of(home, source, name, **options):
    ingest.fn(IngestConfig(sources=(source,), name=name))
    return train.fn(TrainConfig(corpus=name, task="generate", preset="fast", **options)).model


@pytest.fixture(scope="module")
def tune_home(tmp_path_factory):
    """A home with a model of tunes, made once, and the name of the model."""
    folder = tmp_path_factory.mktemp("tunes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        (folder / "tunes.abc").write_text(tunes(60) + "X:99\nK:C\nno metre\n")
        with pytest.raises(BadInput, match="at most 1% bad records"):
            ingest.fn(IngestConfig(sources=(folder / "tunes.abc",), name="tunes"))
        (folder / "tunes.abc").write_text(tunes(110) + "X:111\nK:C\nno metre\n")
        model = model_of(folder / "home", folder / "tunes.abc", "tunes", epochs=40)
    return folder / "home", Path(model).name


@pytest.fixture
def tune_model(home, tune_home):
    """The model of tunes in a home of the test's own."""
    made, name = tune_home
    shutil.copytree(made, home, dirs_exist_ok=True)
    return str(home / "models" / name)


def test_tunes_from_ingest_to_sound(home, tmp_path, tune_model, monkeypatch):
    corpus = Dataset.open(home / "corpora" / "tunes")
    assert corpus.scan().collect_schema() == schema.MUSIC
    assert corpus.scan("quarantine").collect()["reason"].to_list() == ["no-metre"]
    out, again = tmp_path / "out", tmp_path / "again"
    how = {"model": tune_model, "count": 70, "length": 60, "wav": 2, "start": "M:3/4", "workers": 0}
    made = generate.fn(GenerateConfig(out=out, **how))
    rows = Dataset.open(out).scan().collect()
    assert rows.schema == schema.GENERATED
    assert rows["piece"].to_list() == [str(number) for number in range(70)]
    assert rows["symbols"].list.join("\n").n_unique() == 70
    assert (rows["copied_run"] > 0).any()
    assert set(rows["copied_from"].drop_nulls()) <= set(corpus.scan().collect()["piece"])
    assert made.pieces == 70
    assert sorted(path.name for path in (out / "wav").iterdir()) == ["000000.wav", "000001.wav"]
    assert (out / "pieces.abc").read_text().count("X:") == 70
    (run,) = (home / "runs").glob("*-generate-*")
    assert {"roll.png", "000000.mid", "000000.wav"} <= {path.name for path in (run / "artifacts").iterdir()}

    def stop(writer, shards, drawing):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(pieces_in_bulk, "without_repeats", stop)
        with pytest.raises(KeyboardInterrupt):
            generate.fn(GenerateConfig(out=again, **how))
    assert list((again / ".staging").rglob("*.parquet"))
    generate.fn(GenerateConfig(out=again, **how))
    assert files(again) == files(out)
    midi = mido.MidiFile(file=io.BytesIO((out / "midi" / "000003.mid").read_bytes()))
    assert any(message.type == "note_on" for track in midi.tracks for message in track)


def test_generated_tunes_are_a_corpus_again(home, tmp_path, tune_model):
    generate.fn(GenerateConfig(model=tune_model, count=20, out=tmp_path / "out", wav=0, length=60))
    pieces = list(abc.read(partial((tmp_path / "out" / "pieces.abc").open, "rb"), "pieces.abc", Options()))
    assert len(pieces) == 20
    assert sum(isinstance(piece, Piece) for piece in pieces) > 10


def test_a_piece_is_drawn_again_where_it_repeats_another(home, tmp_path, tune_model):
    cold = GenerateConfig(
        model=tune_model, count=12, out=tmp_path / "out", temperature=0.001, length=40, wav=0
    )
    made = generate.fn(cold)
    rows = Dataset.open(tmp_path / "out").scan().collect()
    assert rows["symbols"].list.join("\n").n_unique() == rows.height == made.pieces
    assert made.pieces + made.left_out == 12
    assert made.left_out or (rows["attempt"] > 0).any()


def test_batches_that_would_harm_a_generator_are_held_apart(home, tmp_path, tune_model):
    rng, usual = random.Random(1), "X:" + "X:".join(tunes(150).split("X:")[111:])

    def held(name, content):
        (tmp_path / name).write_bytes(content)
        ingest.fn(IngestConfig(sources=(tmp_path / name,), name="batch-" + name.partition(".")[0]))
        batch = Dataset.open(home / "corpora" / f"batch-{name.partition('.')[0]}")
        return why_hold(Path(tune_model), batch, Dataset.open(home / "corpora" / "tunes"))

    def tune(body):
        return f"X:1\nT:a\nM:4/4\nL:1/4\nK:C\n{body}|]\n\n".encode()

    assert held("good.abc", usual.encode()) == ""
    other = "|".join("".join(f"{sign}{note},,3/8" for note in "CDEF") for sign in ("^^", "__", "^", "_") * 6)
    assert held("other.abc", tune(other)).startswith("other symbols: ")
    body = "|".join("".join(rng.choice("CDEFGABcde") for _ in range(4)) for _ in range(60))
    assert held("jumps.abc", tune(body)).startswith("pieces unlike those of the corpus: ")
    roll, track = mido.MidiFile(), mido.MidiTrack()
    roll.tracks.append(track)
    for key in range(60, 72):
        track += [
            mido.Message("note_on", note=key, velocity=64),
            mido.Message("note_off", note=key, velocity=64, time=480),
        ]
    roll.save(tmp_path / "made.mid")
    reason = held("roll.mid", (tmp_path / "made.mid").read_bytes())
    assert reason == "pieces of another kind: rolls of notes; those of the corpus are tunes"


def test_scores_are_likelihoods(home, tmp_path, tune_model):
    scores = evaluate.fn(EvaluateConfig(model=tune_model, corpus="tunes")).to_json()
    assert scores["bits_per_symbol"] == pytest.approx(scores["nats_per_step"] / 0.6931471805599453)
    assert 1 < scores["perplexity"] < 40
    assert scores["pieces"] > 0


def test_what_does_not_fit_is_refused(home, tmp_path, tune_model):
    with pytest.raises(UsageError, match="--start of a symbol the model knows, such as"):
        generate.fn(GenerateConfig(model=tune_model, out=tmp_path / "out", start="K:H"))
    with pytest.raises(UsageError, match="--task generate for tunes, a corpus of music"):
        train.fn(TrainConfig(corpus="tunes"))
    with pytest.raises(UsageError, match=r"--binary for --task tag only"):
        TrainConfig(corpus="tunes", task="generate", binary="PER")
    from elman.flows.tag import TagConfig, tag

    page = tmp_path / "page.txt"
    page.write_text("Sam left.")
    with pytest.raises(BadInput, match="Use this one with `elman generate`"):
        tag.fn(TagConfig(model=tune_model, sources=(page,), out=tmp_path / "tagged"))


def test_rolls_text_and_dna(home, tmp_path):
    rolls = {
        split: [[[60 + (i + k) % 12, 72 + (i + 2 * k) % 12] for i in range(24)] for k in range(6)]
        for split in ("train", "valid", "test")
    }
    (tmp_path / "rolls.json").write_text(json.dumps(rolls))
    model = model_of(home, tmp_path / "rolls.json", "rolls", epochs=2)
    generate.fn(GenerateConfig(model=model, count=3, out=tmp_path / "keys", start="60", wav=1))
    rows = Dataset.open(tmp_path / "keys").scan().collect()
    assert rows["symbols"].list.len().to_list() == [24, 24, 24]
    assert (tmp_path / "keys" / "midi" / "000002.mid").is_file()
    scores = evaluate.fn(EvaluateConfig(model=model, corpus="rolls")).to_json()
    assert scores["steps"] == 6 * 24
    (tmp_path / "novel.txt").write_text("The cat sat on the mat. A dog ran to the hat. " * 60)
    model = model_of(home, tmp_path / "novel.txt", "novel", epochs=1)
    generate.fn(GenerateConfig(model=model, count=3, out=tmp_path / "text", length=50))
    assert len((tmp_path / "text" / "pieces.txt").read_text().split("\n\n")) == 4
    rng = random.Random(1)
    (tmp_path / "g.fna").write_text(">g\n" + "".join(rng.choice("ACGT") for _ in range(3000)) + "\n")
    model = model_of(home, tmp_path / "g.fna", "g", epochs=1)
    generate.fn(GenerateConfig(model=model, count=2, out=tmp_path / "dna", length=80, start="A"))
    lines = (tmp_path / "dna" / "pieces.fasta").read_text().splitlines()
    assert lines[0] == ">piece_0"
    assert set(lines[1]) <= set("ACGT")


def test_the_bytes_are_the_same_for_any_number_of_workers(home, tmp_path, tune_model):
    how = {"model": tune_model, "count": 150, "length": 30, "wav": 0, "temperature": 0.4}
    generate.fn(GenerateConfig(out=tmp_path / "here", workers=0, **how))
    generate.fn(GenerateConfig(out=tmp_path / "two", workers=2, **how))
    assert files(tmp_path / "two") == files(tmp_path / "here")
    with pytest.raises(UsageError, match="--memory of"):
        generate.fn(GenerateConfig(out=tmp_path / "small", workers=2, memory="100MiB", **how))


@pytest.mark.kills
@pytest.mark.parametrize(
    ("count", "kills"), [(250, 3), pytest.param(1000, 10, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(home, tmp_path, tune_model, count, kills):
    def start(out):
        arguments = (
            str(tune_model),
            "--count",
            str(count),
            "--length",
            "80",
            "--wav",
            "3",
            "--out",
            str(out),
        )
        return subprocess.Popen(
            [sys.executable, "-m", "elman.flows.cli", "generate", *arguments],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    killed = assert_same_bytes_when_killed(start, tmp_path, kills)
    rows = Dataset.open(killed).scan().collect()
    assert rows["piece"].to_list() == [str(number) for number in range(count)]
    assert rows["symbols"].list.join("\n").n_unique() == count
