"""Labels planted wrong are found by networks that have not seen them, the same ones each time."""

import pytest

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.inspection import label_errors
from elman.tasks.inspection.label_errors import likely_label_errors

PLACES = ("Oslo", "Rome", "Lima", "Bern", "Graz")
SENTENCES = [f"Bo{n % 9} B-PERSON\nlives O\nin O\n{PLACES[n % 5]} B-PLACE\n. O\n" for n in range(120)]
WRONG = (17, 61, 102)


@pytest.fixture
def corpus(home, tmp_path):
    def made(sentences):
        (tmp_path / "train.conll").write_text("\n".join(sentences) + "\n")
        ingest.fn(IngestConfig(sources=(tmp_path / "train.conll",), name="letters"))
        return Dataset.open(home / "corpora" / "letters")

    return made


@pytest.mark.slow
def test_planted_label_errors_are_listed(corpus, monkeypatch):
    monkeypatch.setattr(label_errors, "FOLDS", 2)
    some = list(SENTENCES)
    for number in WRONG:
        some[number] = some[number].replace("B-PLACE", "O")
    errors = likely_label_errors(corpus(some))
    assert {error.text.split()[0] for error in errors.found} <= {f"Bo{n % 9}" for n in WRONG}
    assert (errors.count, errors.sentences) == (3, 120)
    assert all(error.given == () and error.predicted[0].endswith(" PLACE") for error in errors.found)
    assert "given none; predicted" in str(errors.found[0])


def test_too_few_sentences_are_refused(corpus):
    with pytest.raises(BadInput, match="at least 50 labelled sentences"):
        likely_label_errors(corpus(SENTENCES[:20]))
