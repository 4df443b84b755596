"""`elman transcribe`: speech to text by a model trained on tones, exactly once, whatever is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.learning.transcribe import TranscribeConfig, transcribe
from elman.flows.train import TrainConfig, train
from elman.tasks.transcription.gate import why_hold
from tests.killed_runs import assert_same_bytes_when_killed, files
from tests.small_clips import tone, wav

pytestmark = pytest.mark.heavy
CHECKOUT = Path(__file__).parents[3]
PITCHES = {"oh": 300, "ah": 900, "eh": 2400}


def clips(folder, count, seed=0):
    """WAV files of one word each, and the lines that list them."""
    rng, lines = np.random.default_rng(seed), []
    folder.mkdir()
    for number in range(count):
        word = list(PITCHES)[number % 3]
        samples = tone(PITCHES[word] * rng.uniform(0.95, 1.05), rng.uniform(0.25, 0.4))
        (folder / f"{number:03}.wav").write_bytes(wav(samples))
        split = "test" if number % 5 == 0 else "train"
        lines.append({"audio": f"{number:03}.wav", "text": word, "speaker": f"s{number % 2}", "split": split})
    (folder / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(scope="module")
def tone_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        ingest.fn(IngestConfig(sources=(clips(folder / "clips", 90) / "list.jsonl",), name="tones"))
        trained = train.fn(TrainConfig(corpus="tones", task="transcribe", preset="fast", epochs=40, batch=2))
        scores = evaluate.fn(EvaluateConfig(model=trained.model, corpus="tones")).to_json()
    return trained, scores


def long_clip(path, words, pause_s=1.0):
    parts = [
        part
        for word in words
        for part in (tone(PITCHES[word], 0.3), np.zeros(round(pause_s * 8000), np.int16))
    ]
    path.write_bytes(wav(np.concatenate(parts)))


def test_a_model_learns_the_words_and_is_scored_by_speaker(tone_model):
    trained, scores = tone_model
    assert scores["word_error_rate"] == scores["character_error_rate"] == 0
    assert scores["word_error_rate/s0"] == 0
    assert scores["clips"] == 18
    assert trained.to_json()["test"]["exact_share"] == 1


def test_errors_are_shown_in_a_page_and_in_tables_of_the_run(monkeypatch, tmp_path, tone_model):
    home = Path(tone_model[0].model).parents[1]
    monkeypatch.setenv("ELMAN_HOME", str(home))
    source = clips(tmp_path / "in", 5, seed=3)
    lines = (source / "list.jsonl").read_text().replace('"train"', '"test"')
    (source / "list.jsonl").write_text(lines.replace('"eh"', '"oh oh"'))
    ingest.fn(IngestConfig(sources=(source / "list.jsonl",), name="wrong"))
    scores = evaluate.fn(EvaluateConfig(model=tone_model[0].model, corpus="wrong")).to_json()
    assert scores["confused_words"] == [
        {"error": "deletion", "said": "oh", "heard": "", "count": 1},
        {"error": "substitution", "said": "oh", "heard": "eh", "count": 1},
    ]
    pages = home.glob("runs/*-evaluate-*/artifacts/evaluation_test/worst_clips.html")
    (page,) = (page for page in pages if " on wrong, test" in page.read_text())
    html = page.read_text()
    assert html.count("<audio") == html.count("<svg") == 1
    assert "<title>e, 0." in html
    assert (page.parent / "confused_characters.json").is_file()


def test_batches_that_would_harm_a_model_of_speech_are_held_apart(monkeypatch, tmp_path, tone_model):
    home = Path(tone_model[0].model).parents[1]
    monkeypatch.setenv("ELMAN_HOME", str(home))
    lines = (clips(tmp_path / "in", 105, seed=5) / "list.jsonl").read_text()

    def held(name, text):
        (tmp_path / "in" / f"{name}.jsonl").write_text(text)
        ingest.fn(IngestConfig(sources=(tmp_path / "in" / f"{name}.jsonl",), name=f"batch-{name}"))
        batch = Dataset.open(home / "corpora" / f"batch-{name}")
        return why_hold(Path(tone_model[0].model), batch, Dataset.open(home / "corpora" / "tones"))

    assert held("good", lines) == ""
    few = "".join(lines.replace('"oh"', '"ah"').splitlines(keepends=True)[:30])
    assert held("few", few) == ""  # too few words to tell
    moved = (
        lines.replace('"oh"', '"x"').replace('"ah"', '"oh"').replace('"eh"', '"ah"').replace('"x"', '"eh"')
    )
    assert held("wrong", moved) == (
        "texts that contradict the champion: its word error rate is 100 %, on its test clips 0 % at most"
    )
    other = lines.replace('"oh"', '"0"').replace('"ah"', '"1"')
    assert held("other", other).startswith(
        "another alphabet: 50 % of the characters of its texts are unknown"
    )


def test_rows_have_times_and_files_of_every_format_are_written(home, tmp_path, tone_model):
    source = tmp_path / "in"
    source.mkdir()
    long_clip(source / "a b.wav", ["oh", "eh", "ah"])
    (source / "silence.wav").write_bytes(wav(np.zeros(4000, np.int16)))
    (source / "cut.wav").write_bytes(wav(tone(300))[:-1001])
    done = transcribe.fn(
        TranscribeConfig(
            model=tone_model[0].model, sources=(source,), out=tmp_path / "out", format=("txt", "ctm", "srt")
        )
    )
    assert (done.clips, done.words, done.quarantined) == (2, 3, 1)
    out = Dataset.open(tmp_path / "out")
    rows = out.scan().collect()
    assert rows["text"].to_list() == ["oh", "eh", "ah", ""]
    for place, start in enumerate([0.0, 1.3, 2.6]):
        assert start - 0.05 <= rows["start_s"][place] < rows["end_s"][place] <= start + 0.45
    assert rows.row(3)[2:4] == (0.0, 0.5)
    assert rows["probability"].is_between(0, 1).all()
    assert out.scan("words").collect()["word"].to_list() == ["oh", "eh", "ah"]
    assert out.scan("quarantine").collect()["reason"].to_list() == ["truncated"]
    assert (tmp_path / "out" / "transcripts.txt").read_text() == "a b.wav\toh eh ah\nsilence.wav\t\n"
    first, *_ = (tmp_path / "out" / "transcripts.ctm").read_text().splitlines()
    assert first.split()[:2] + first.split()[4:5] == ["a_b.wav", "1", "oh"]
    assert "\n\n2\n00:00:01," in (tmp_path / "out" / "srt" / "a_b.wav.srt").read_text()


def test_results_depend_on_no_other_clip_no_order_and_no_worker(home, tmp_path, tone_model, monkeypatch):
    source = clips(tmp_path / "in", 12, seed=1)
    (source / "list.jsonl").unlink()
    long_clip(source / "long.wav", ["ah", "oh"] * 20, pause_s=0.2)
    model = tone_model[0].model

    def rows(out, **options):
        transcribe.fn(TranscribeConfig(model=model, sources=(source,), out=tmp_path / out, **options))
        return Dataset.open(tmp_path / out).scan().sort("clip", "start_s").collect()

    whole = rows("whole", workers=1)
    assert rows("again", workers=2).equals(whole)
    assert files(tmp_path / "again") == files(tmp_path / "whole")
    monkeypatch.setattr("elman.tasks.transcription.clips_in_bulk.SHARD_CLIPS", 1)
    monkeypatch.setattr("elman.tasks.transcription.transcriber.BATCH_FRAMES", 1)
    assert rows("alone").equals(whole)


def test_what_is_no_speech_is_explained(home, tmp_path, tone_model):
    model = tone_model[0].model
    (tmp_path / "page.txt").write_text("Ann left.\n")
    with pytest.raises(BadInput, match="a corpus"):
        transcribe.fn(TranscribeConfig(model=model, sources=(tmp_path / "page.txt",), out=tmp_path / "out"))
    with pytest.raises(UsageError, match="expected a SOURCE"):
        TranscribeConfig(model=model, sources=(), out=tmp_path / "out")
    ingest.fn(IngestConfig(sources=(CHECKOUT / "data/samples/english",), name="names"))
    with pytest.raises(BadInput, match="a corpus of speech"):
        train.fn(TrainConfig(corpus="names", task="transcribe"))


def started(model, source, clips_of_a_shard):
    """Starts `elman transcribe` with shards of so few clips, by the folder of its output."""
    code = (
        "import sys\nfrom elman.tasks.transcription import clips_in_bulk as bulk\n"
        f"bulk.SHARD_CLIPS = {clips_of_a_shard}\nfrom elman.flows.cli import main\nmain(sys.argv[1:])"
    )

    def start(out):
        arguments = ("transcribe", model, str(source), "--out", str(out), "--format", "ctm", "srt")
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    return start


def clips_in(out):
    return Dataset.open(out).scan().select(pl.col("clip").n_unique()).collect().item()


@pytest.mark.kills
def test_killed_at_random_moments_it_ends_with_the_same_bytes(home, tmp_path, tone_model):
    source = clips(tmp_path / "in", 60, seed=2)
    (source / "list.jsonl").unlink()
    start = started(tone_model[0].model, source, 2)
    killed = assert_same_bytes_when_killed(start, tmp_path, int(os.environ.get("ELMAN_KILLS", "2")))
    assert clips_in(killed) == 60


@pytest.mark.slow
@pytest.mark.kills
def test_nothing_of_1_000_clips_is_lost_when_killed_ten_times(home, tmp_path, tone_model):
    source = clips(tmp_path / "in", 1000, seed=2)
    (source / "list.jsonl").unlink()
    killed = assert_same_bytes_when_killed(started(tone_model[0].model, source, 10), tmp_path, 10)
    assert clips_in(killed) == 1000
