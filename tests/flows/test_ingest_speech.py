"""`elman ingest` of speech: clips of every kind of source are in the corpus or in quarantine."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.audio.clips import from_pcm
from elman.data.errors import BadInput, UsageError
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.flows.train import TrainConfig, train
from elman.tasks.ingest.corpus_names import corpus_folder
from tests.flows.small_corpora import corpus, fasta, run, tree, write
from tests.small_clips import tone, wav, write_wav

pytestmark = pytest.mark.usefixtures("home")

FSDD = r"^(?P<text>\d)_(?P<speaker>[a-z]+)_((?P<test>[0-4])|(?P<train>\d+))\.wav$"


def transcripts(path: Path, *lines: dict[str, object]) -> Path:
    return write(path, "".join(json.dumps(line) + "\n" for line in lines))


def quarantine(name: str = "c") -> pl.DataFrame:
    return Dataset.open(corpus_folder(name)).scan("quarantine").collect(engine="in-memory")


def many(folder: Path, count: int = 120) -> list[dict[str, object]]:
    """So many good clips that some bad ones beside them are no reason to refuse all."""
    for number in range(count):
        write_wav(folder / f"good/{number}.wav", 200 + 10 * number, 0.02)
    return [{"audio": f"good/{number}.wav", "text": f"word {number}"} for number in range(count)]


def test_a_list_gives_text_speaker_and_split(tmp_path):
    write_wav(tmp_path / "s/clips/a.wav", 440)
    write_wav(tmp_path / "s/clips/b.wav", 550, rate=16_000)
    write_wav(tmp_path / "elsewhere/c.wav", 660, rate=44_100)
    transcripts(
        tmp_path / "s/list.jsonl",
        {"audio": "clips/a.wav", "text": "one two", "speaker": 7, "split": "valid"},
        {"audio_filepath": "./clips/b.wav", "text": None, "duration": 3.0},
        {"audio": str(tmp_path / "elsewhere/c.wav"), "text": "", "split": "test"},
    )
    summary = run(tmp_path / "s")
    frame = corpus()
    assert frame.schema == schema.SPEECH
    assert (summary["kind"], summary["records"], summary["ingested"]) == ("speech", 3, 3)
    assert frame.select("text", "sample_rate", "samples", "speaker").rows() == [
        ("one two", 8000, 1600, "7"),
        (None, 16_000, 3200, None),
        ("", 16_000, 3200, None),
    ]
    assert frame["split"].to_list()[::2] == ["dev", "test"]
    assert frame["source"].unique().to_list() == ["list.jsonl"]
    raw = (tmp_path / "s/list.jsonl").read_bytes()
    assert [json.loads(raw[at:].splitlines()[0])["text"] for at in frame["byte_offset"]] == [
        "one two",
        None,
        "",
    ]
    assert np.array_equal(from_pcm(frame["audio"][0]) * 32768, tone(440))
    assert frame["audio_sha256"][0] == hashlib.sha256(frame["audio"][0]).hexdigest()


def test_a_part_of_a_file_is_a_clip(tmp_path):
    write_wav(tmp_path / "long.wav", 440, 1.0)
    transcripts(
        tmp_path / "list.jsonl",
        {"audio_filepath": "long.wav", "offset": 0.25, "duration": 0.5, "text": "middle"},
        {"audio_filepath": "long.wav", "offset": 0.75, "text": "end"},
    )
    run(tmp_path / "list.jsonl")
    assert corpus().select("clip", "samples").rows() == [("long.wav@0.25", 4000), ("long.wav@0.75", 2000)]


def test_a_text_beside_a_clip_is_its_transcript(tmp_path):
    for name, text in [("a", "seven\n"), ("b", "\ufefftwo\n three")]:
        write_wav(tmp_path / f"train/{name}.wav", 300 + ord(name))
        write(tmp_path / f"train/{name}.txt", text)
    write_wav(tmp_path / "train/c.wav", 900)
    run(tmp_path)
    assert sorted(corpus().select("clip", "text", "split").rows()) == [
        ("train/a.wav", "seven", "train"),
        ("train/b.wav", "two three", "train"),
        ("train/c.wav", None, "train"),
    ]


def test_other_texts_are_named_and_left_out_with_kind(tmp_path):
    write_wav(tmp_path / "s/a.wav", 440)
    write(tmp_path / "s/a.txt", "one")
    write(tmp_path / "s/notes.txt", "A text that belongs to no clip.")
    with pytest.raises(BadInput, match=r"notes.txt \(text\) and a.wav \(speech\)"):
        run(tmp_path / "s")
    summary = run(tmp_path / "s", kind="speech")
    assert corpus()["text"].to_list() == ["one"]
    assert "no transcript of a clip beside it" in summary["skipped"][0]["reason"]


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_of_archives_are_clips(tmp_path, kind):
    members = {
        "set/a.wav": wav(tone(440)),
        "set/b.wav": wav(tone(550)),
        "set/list.jsonl": b'{"audio": "a.wav", "text": "one"}\n{"audio": "b.wav", "text": "two"}\n',
        "set/c.wav": wav(tone(660)),
        "set/c.txt": b"three",
    }
    path = tmp_path / f"clips.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, raw in members.items():
                archive.writestr(name, raw)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, raw in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(raw)
                archive.addfile(info, io.BytesIO(raw))
    assert run(path)["ingested"] == 3
    assert set(corpus().select("clip", "text").rows()) == {
        ("a.wav", "one"),
        ("b.wav", "two"),
        (f"clips.{kind}/set/c.wav", "three"),
    }


def test_a_list_in_an_archive_names_no_file_outside(tmp_path):
    outside = write_wav(tmp_path / "secret.wav", 440)
    names = ["../secret.wav", str(outside), "../../secret.wav", "b.wav"]
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        archive.writestr("list.jsonl", "".join(json.dumps({"audio": name}) + "\n" for name in names))
        archive.writestr("b.wav", wav(tone(550)))
        archive.writestr("../x.wav", wav(tone(660)))
    with pytest.raises(BadInput, match=r"3 of 4: nothing is ingested.*secret.wav"):
        run(tmp_path / "clips.zip")


def test_names_give_text_speaker_and_split(tmp_path):
    for number, name in enumerate(["3_jo_0", "3_jo_5", "4_al_12", "other"]):
        write_wav(tmp_path / f"s/{name}.wav", 300 + 100 * number)
    run(tmp_path / "s", clip_names=FSDD)
    rows = sorted(corpus().select("clip", "text", "speaker", "split").rows())
    assert rows[:3] == [
        ("3_jo_0.wav", "3", "jo", "test"),
        ("3_jo_5.wav", "3", "jo", "train"),
        ("4_al_12.wav", "4", "al", "train"),
    ]
    assert rows[3][:3] == ("other.wav", None, None)
    with pytest.raises(UsageError, match="expected the columns it was read by"):
        run(tmp_path / "s", clip_names="(?P<text>.)")


@pytest.mark.parametrize("pattern", ["(", "no groups", "(?P<digit>.)"])
def test_a_pattern_that_says_nothing_is_refused(tmp_path, pattern):
    with pytest.raises(UsageError, match="--clip-names"):
        run(write_wav(tmp_path / "a.wav", 440), clip_names=pattern)


def test_a_speaker_is_in_one_split(tmp_path):
    lines = []
    for number in range(60):
        write_wav(tmp_path / f"{number}.wav", 200 + 10 * number, 0.02)
        lines.append({"audio": f"{number}.wav", "text": "a", "speaker": f"speaker {number % 20}"})
    transcripts(tmp_path / "list.jsonl", *lines)
    run(tmp_path)
    splits = corpus().group_by("speaker").agg(pl.col("split").n_unique())
    assert (splits.height, splits["split"].to_list()) == (20, [1] * 20)
    assert corpus()["split"].n_unique() > 1


def test_what_cannot_be_read_is_quarantined_with_its_reason(tmp_path):
    whole = wav(tone(440))
    lines = many(tmp_path, 700)
    bad = {
        "cut.wav": (whole[:-9], "truncated"),
        "empty.wav": (b"", "empty-file"),
        "text.wav": (b"this is no sound at all", "no-audio"),
        "silent.wav": (wav(tone(440)[:0]), "no-audio"),
        "alaw.wav": (whole[:20] + b"\x06" + whole[21:], "unknown-encoding"),
        "bad.flac": (b"fLaC" + bytes(90), "invalid-audio"),
    }
    for name, (raw, _) in bad.items():
        (tmp_path / name).write_bytes(raw)
    lines += [{"audio": "cut.wav", "text": "x"}, {"audio": "no/such.wav", "text": "y"}]
    path = transcripts(tmp_path / "list.jsonl", *lines)
    summary = run(tmp_path)
    refused = quarantine()
    assert (summary["records"], summary["ingested"], summary["quarantined"]) == (707, 700, 7)
    reasons = dict(refused.filter(pl.col("source") != "list.jsonl").select("source", "reason").rows())
    assert reasons == {name: reason for name, (_, reason) in bad.items() if name != "cut.wav"}
    listed = refused.filter(pl.col("source") == "list.jsonl").select("line", "reason", "detail").rows()
    assert [(line, reason) for line, reason, _ in listed] == [(701, "truncated"), (702, "missing-audio")]
    assert "'no/such.wav'" in listed[1][2]
    assert json.loads(path.read_text().splitlines()[701])["audio"] == "no/such.wav"


def test_clips_that_the_corpus_has_are_not_added_twice(tmp_path):
    lines = many(tmp_path, 5)
    transcripts(tmp_path / "train.jsonl", *lines)
    run(tmp_path / "train.jsonl")
    before = tree(corpus_folder("c"))
    again = run(tmp_path / "train.jsonl")
    assert (again["ingested"], again["already"]) == (0, 5)
    assert tree(corpus_folder("c")) == before
    transcripts(tmp_path / "train_more.jsonl", *lines, {"audio": "good/0.wav", "text": "another text"})
    assert run(tmp_path / "train_more.jsonl")["ingested"] == 1


def test_a_corpus_of_speech_takes_nothing_else(tmp_path):
    run(write_wav(tmp_path / "a.wav", 440))
    with pytest.raises(BadInput, match="expected a dataset of kind corpus-dna"):
        run(write(tmp_path / "a.fa", fasta({"c": 90})))
    with pytest.raises(UsageError, match="--unit for text only"):
        run(tmp_path / "a.wav", unit="char")
    with pytest.raises(UsageError, match="a corpus of speech"):
        train.fn(TrainConfig(corpus="c"))
