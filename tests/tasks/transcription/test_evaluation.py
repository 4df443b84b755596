"""Scores of speech: rates by speaker, and the most frequent errors in the summary and as tables of MLflow."""

import json
from types import SimpleNamespace

import numpy as np

from elman.data.audio.features import FeatureSettings
from elman.tasks.transcription.alphabet import Alphabet
from elman.tasks.transcription.clips import LabelledClip, ScoredClip
from elman.tasks.transcription.evaluation import SpeechScores
from elman.tasks.transcription.transcriber import Utterance

MODEL = SimpleNamespace(alphabet=Alphabet.fit(["two eight"]), features=FeatureSettings(), version="digits")
AUDIO = np.zeros(800, "<i2").tobytes()


def scored(said, heard, speaker=""):
    utterance = Utterance(0.0, 0.1, heard, 0.5, ())
    return ScoredClip(LabelledClip(said, said, speaker, AUDIO, 8000), (utterance,))


CLIPS = [
    scored("eight", "eiget", "ann"),
    scored("eight eight", "eiget eight", "ben"),
    scored("two", "two a", "ben"),
    scored("two six", "two", "ben"),
]


def test_errors_are_counted_by_word_character_and_speaker():
    scores = SpeechScores.of(MODEL, iter(CLIPS))
    assert scores.to_json() == {
        "word_error_rate": 4 / 6,
        "character_error_rate": 8 / 26,
        "exact_share": 0.0,
        "word_error_rate/ann": 1.0,
        "word_error_rate/ben": 3 / 5,
        "clips": 4,
        "words": 6,
        "unknown_clips": 1,
        "confused_words": [
            {"error": "substitution", "said": "eight", "heard": "eiget", "count": 2},
            {"error": "insertion", "said": "", "heard": "a", "count": 1},
            {"error": "deletion", "said": "six", "heard": "", "count": 1},
        ],
        "confused_characters": [
            {"error": "substitution", "said": "h", "heard": "e", "count": 2},
            {"error": "insertion", "said": "", "heard": " ", "count": 1},
            {"error": "insertion", "said": "", "heard": "a", "count": 1},
            {"error": "deletion", "said": " ", "heard": "", "count": 1},
            {"error": "deletion", "said": "i", "heard": "", "count": 1},
            {"error": "deletion", "said": "s", "heard": "", "count": 1},
            {"error": "deletion", "said": "x", "heard": "", "count": 1},
        ],
    }
    assert set(scores.metrics) == set(scores.values)


def test_speakers_of_any_name_have_metrics_that_mlflow_takes():
    scores = SpeechScores.of(MODEL, [scored("two", "two", "en-us+f3"), scored("two", "six", "en-us#f3")])
    assert scores.to_json()["word_error_rate/en-us#f3"] == 1
    of_speakers = {name: rate for name, rate in scores.metrics.items() if "/" in name}
    assert of_speakers == {"word_error_rate/en-us_f3": 1, "word_error_rate/en-us_f3:2": 0}


def test_the_most_frequent_errors_are_tables_of_mlflow(tmp_path):
    scores = SpeechScores.of(MODEL, CLIPS)
    for split in ("dev", "test"):
        scores.write_report(split, tmp_path)
    names = [
        f"evaluation_{split}/confused_{of}.json"
        for split in ("dev", "test")
        for of in ("words", "characters")
    ]
    assert json.loads((tmp_path / "tables.json").read_bytes()) == names
    table = json.loads((tmp_path / "evaluation_test/confused_words.json").read_bytes())
    assert table["columns"] == ["error", "said", "heard", "count"]
    assert table["data"][0] == ["substitution", "eight", "eiget", 2]


def test_without_an_error_the_tables_are_empty(tmp_path):
    scores = SpeechScores.of(MODEL, [scored("two", "two")])
    scores.write_report("test", tmp_path)
    assert scores.to_json()["confused_words"] == []
    assert json.loads((tmp_path / "evaluation_test/confused_words.json").read_bytes())["data"] == []
