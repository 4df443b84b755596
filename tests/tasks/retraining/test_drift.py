"""Drift: text like the training text is no drift; another language, other lengths or more names are."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.errors import BadInput
from elman.flows.tag import TagConfig, tag
from elman.tasks.retraining.drift import measure_drift, moved_words
from tests.small_models import invented

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def tagged(trained, names, tmp_path_factory):
    """Tag sentences of (document, split, "token/TAG ...") by the model of the names corpus; the drift."""

    def run(rows, **options):
        folder = tmp_path_factory.mktemp("drift")
        source = folder / "new.jsonl"
        documents: dict[str, list[str]] = {}
        for document, _, line in rows:
            words = " ".join(item.rsplit("/", 1)[0] for item in line.split())
            documents.setdefault(document, []).append(words)
        source.write_text(
            "".join(json.dumps({"id": name, "text": "\n".join(of)}) + "\n" for name, of in documents.items())
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ELMAN_HOME", str(trained["home"]))
            tag.fn(TagConfig(model=trained["model"], sources=(source,), out=folder / "out", **options))
            patch.setattr("elman.tasks.retraining.drift.corpus_folder", lambda name: names)
            return measure_drift(trained_folder(trained), folder / "out")

    return run


def trained_folder(trained):
    return Path(trained["model"])


def drifted(found) -> list[str]:
    return [shift.name for shift in found.shifts if shift.drifted]


def test_text_like_the_training_text_has_not_drifted(tagged):
    found = tagged(invented(600, 77))
    assert (found.drifted, found.why) == (False, "")
    assert found.of_entities


def test_another_language_is_drift_of_unknown_words(tagged):
    rows = [(d, s, line.replace("e", "ä").replace("o", "ö")) for d, s, line in invented(300, 78)]
    found = tagged(rows, tokens=True)
    assert "share of unknown words" in drifted(found)
    assert "share of unknown words 0." in found.why
    assert not found.of_entities
    assert any("ä" in word.text or "ö" in word.text for word in found.words)
    assert found.to_json()["moved_words"]


def test_longer_sentences_with_other_names_are_drift_of_length_and_rates(tagged):
    rows = [(d, s, line.rsplit(" ", 1)[0] + " and/O" * 12 + " ./O") for d, s, line in invented(300, 79)]
    assert {"tokens a sentence", "PER per 1,000 tokens", "LOC per 1,000 tokens"} <= {*drifted(tagged(rows))}


def test_output_of_another_model_is_refused(tagged, trained, tmp_path):
    with pytest.raises(BadInput, match="expected a dataset"):
        measure_drift(trained_folder(trained), tmp_path)


def test_words_are_ranked_by_the_log_likelihood_ratio():
    now = pl.DataFrame({"text": ["a", "b", "c"], "len": [100, 100, 50]})
    before = pl.DataFrame({"text": ["a", "b", "d"], "len": [100, 10, 1]})
    found = moved_words(now, before)
    assert [word.text for word in found] == ["c", "a", "b", "d"]
    expected = 2 * (50 * np.log(50 / (50 * 250 / 361)))
    assert found[0].g2 == pytest.approx(expected)
    assert found[0].per_million == pytest.approx(200_000)
    assert moved_words(now, before.clear()) == ()
