"""The page of the worst clips: ranked, of bounded size, one file, its text nothing but text."""

import base64
import io
import random
import re

import numpy as np
import pytest
from scipy.io import wavfile

from elman.data.audio.features import FeatureSettings
from elman.data.metrics.speech.errors import ErrorCounts, character_edits
from elman.tasks.transcription import worst_clips
from elman.tasks.transcription.clips import LabelledClip, ScoredClip
from elman.tasks.transcription.transcriber import Symbol, Utterance, Word
from elman.tasks.transcription.worst_clips import PAGE, WorstClips, write_worst_clips
from tests.small_clips import tone
from tests.tasks.runtime.test_html_page import HOSTILE, SHOWN, Parsed


def scored(id, said, heard, *, seconds=0.5, speaker="", symbols=()):
    words = tuple(Word(n + 0.1, n + 0.9, word, 0.9) for n, word in enumerate(heard.split()))
    audio = tone(500, seconds).astype("<i2").tobytes()
    utterance = Utterance(0.0, seconds, heard, 0.5, words, tuple(symbols))
    return ScoredClip(LabelledClip(id, said, speaker, audio, 8000), (utterance,))


def kept(clips):
    worst = WorstClips(FeatureSettings())
    for one in clips:
        counts = ErrorCounts.of(one.edits), ErrorCounts.of(character_edits(one.clip.text, one.heard))
        worst.add(one, one.edits, *counts)
    return worst


def shown(tmp_path, clips):
    write_worst_clips(kept(clips), "model on corpus, test", tmp_path / "evaluation_test")
    return (tmp_path / "evaluation_test" / PAGE).read_text()


def test_clips_are_ranked_by_wrong_words_then_characters_whatever_their_order():
    clips = [scored(f"{n:02}", "one two", "one " + "x" * (n % 4), seconds=0.05) for n in range(30)]
    clips += [scored("worst", "one two", "a b", seconds=0.05), scored("right", "one", "one", seconds=0.05)]
    ids = [clip.id for clip in kept(clips).clips]
    assert ids[0] == "worst"
    assert len(ids) == 20
    assert "right" not in ids
    random.Random(0).shuffle(clips)
    assert [clip.id for clip in kept(clips).clips] == ids


def test_the_page_has_texts_sound_spectrogram_and_symbols_and_asks_for_nothing_else(tmp_path):
    symbols = (Symbol(0.1, 0.13, "o", 0.9), Symbol(0.2, 0.23, " ", 0.8), Symbol(0.3, 0.33, "<", 0.7))
    page = shown(tmp_path, [scored("a", "one two", "one tow six", speaker="ann", symbols=symbols)])
    found = Parsed(page)
    assert "<td>one <mark>&nbsp;&nbsp;</mark> <mark>two</mark></td>" in page
    assert "<td>one <mark>tow</mark> <mark>six</mark></td>" in page
    assert "word error rate 100.0 % (2 of 2), character error rate 71.4 % (5 of 7)" in found.text
    assert "\u2423, 0.20 to 0.23 s, probability 0.80" in found.text
    assert "<, 0.30 to 0.33 s" in found.text
    assert {"audio", "svg", "image"} <= set(found.tags)
    assert len(found.sources) == 2
    assert all(source.startswith("data:") for source in found.sources)
    assert not re.search(r"(?:src|href)=.(?!data:)|url\(|@import|<script", page)
    (sound,) = (base64.b64decode(of.split(",")[1]) for of in found.sources if "audio/wav" in of)
    rate, samples = wavfile.read(io.BytesIO(sound))
    assert rate == 8000
    np.testing.assert_array_equal(samples, tone(500, 0.5))


def test_texts_and_names_are_text(tmp_path):
    symbols = [Symbol(0.1, 0.2, HOSTILE, 0.5)]
    page = shown(tmp_path, [scored(HOSTILE, HOSTILE, "b" + HOSTILE, speaker=HOSTILE, symbols=symbols)])
    found = Parsed(page)
    assert found.text.count(SHOWN) == 6  # name, speaker, both texts, symbol and what is told of it
    assert not {"script", "img"} & set(found.tags)


def test_of_a_long_clip_the_part_from_before_its_first_error_is_shown():
    said = " ".join(["one"] * 40 + ["two"])
    (clip,) = kept([scored("long", said, said.replace("two", "tow"), seconds=100)]).clips
    assert clip.begin_s == pytest.approx(38.9)
    assert len(clip.samples) == 30 * 8000
    assert kept([scored("end", "one", "", seconds=31)]).clips[0].begin_s == 0


def test_a_page_holds_so_much_sound_only(tmp_path, monkeypatch):
    monkeypatch.setattr(worst_clips, "MOST_BYTES", 2 * 8000)
    page = shown(tmp_path, [scored(str(n), "one", "two", seconds=0.5) for n in range(4)])
    assert page.count("<audio") == page.count("<svg") == 2
    assert page.count("The sound is left out") == 2


def test_without_errors_the_page_says_so_and_shows_the_learning_curve(tmp_path):
    (tmp_path / "learning_curve.png").write_bytes(b"png")
    found = Parsed(shown(tmp_path, [scored("a", "one", "one")]))
    assert "No clip has an error." in found.text
    assert found.sources == ["data:image/png;base64,cG5n"]
