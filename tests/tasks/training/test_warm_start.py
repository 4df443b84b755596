"""A training begun with an earlier model's weights: nothing known is lost, what is new finds its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from elman.data.encoding import encoded_corpus
from elman.data.errors import UsageError
from elman.rnn.networks.weights import from_bytes
from elman.tasks.evaluation.text import evaluate_model
from elman.tasks.models import model_folder, presets
from elman.tasks.training.text import TrainRequest, architecture, encode_corpus, fit_config, fit_tagger
from elman.tasks.training.training_data import TrainingData
from elman.tasks.training.warm_start import EarlierTagger

pytestmark = pytest.mark.heavy


@pytest.fixture
def grown(tmp_path, write_corpus, invented_rows) -> Path:
    """The sentences of the corpus of names, more of them, and rivers, a type that it lacks."""
    more = [(f"new {document}", split, line) for document, split, line in invented_rows(100, 2)]
    rivers = [
        (f"river {n // 5}", "train" if n < 60 else "dev", f"the/O Bad{'aeiou'[n % 5]}wasser/B-RIV rose/O")
        for n in range(70)
    ]
    return write_corpus(tmp_path / "grown", [*invented_rows(500, 1), *more, *rivers])


@pytest.fixture
def earlier(trained) -> Path:
    return Path(trained["model"])


def request_of(corpus: Path, earlier: Path, **options) -> TrainRequest:
    encoded = encode_corpus(str(corpus), "fast", earlier=str(earlier))
    options = {"overrides": {"epochs": 3}, **options}
    return TrainRequest(corpus=corpus, encoded=Path(encoded), preset="fast", warm_start=earlier, **options)


def test_one_epoch_loses_nothing_that_was_known_and_learns_a_new_type(home, grown, names, earlier, capsys):
    before = evaluate_model(str(earlier), str(names), "test")
    model = fit_tagger(request_of(grown, earlier)).model
    after = evaluate_model(model, str(names), "test")
    assert after.f1 >= before.f1 - 0.005
    found = evaluate_model(model, str(grown), "dev")
    assert found.per_type["RIV"].f1 > 0.9
    read = model_folder.read(Path(model)).of_text
    assert read.warm_start == model_folder.read(earlier).version
    assert read.types == ["LOC", "PER", "RIV"]
    assert "New types: RIV." in capsys.readouterr().err
    assert "warm_start" not in model_folder.read(earlier).values


def test_the_first_weights_of_known_words_and_tags_are_those_of_the_earlier_model(home, grown, earlier):
    request = request_of(grown, earlier)
    encoded = encoded_corpus.read(request.encoded)
    data, before = TrainingData.of(encoded), EarlierTagger.open(earlier, "fast", "word")
    network = before.network(data, architecture(data, "fast"))
    assert network.classes.tolist() == [0, 1, 2, 3, 4, -1, -1]
    words = [features.vocabularies[0].symbols for features in (encoded.features, before.features)]
    assert set(words[1]) < set(words[0])
    for word in ("met", "Badawasser"):
        row = network.rows[2 + words[0].index(word)]
        assert row == (2 + words[1].index(word) if word in words[1] else -1)
    written, _, _ = from_bytes(before.model.files[model_folder.WEIGHTS])
    reduction = before.model.of_text.bias_reduction
    assert network.params["head.by"][0] == pytest.approx(written["head.by"][0] + reduction)


def test_a_killed_one_goes_on_and_ends_with_the_same_weights(home, tmp_path, monkeypatch, grown, earlier):
    def stop(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    request = request_of(grown, earlier, checkpoint_s=0.2)
    with pytest.raises(KeyboardInterrupt):
        fit_tagger(request, on_epoch=stop)
    resumed = fit_tagger(request).model
    monkeypatch.setenv("ELMAN_HOME", str(tmp_path / "undisturbed"))
    whole = fit_tagger(request_of(grown, earlier)).model
    assert Path(resumed) != Path(whole)
    assert Path(resumed).name == Path(whole).name


def test_it_makes_a_third_of_the_passes_at_half_the_rate_unless_told_otherwise():
    plain, warm = fit_config("fast", {}, 3000), fit_config("fast", {}, 3000, warm=True)
    assert (plain.epochs, warm.epochs) == (25, 8)
    assert warm == replace(plain, epochs=8, learning_rate=plain.learning_rate / 2)
    assert fit_config("fast", {"epochs": 7, "learning_rate": 0.1}, 3000, warm=True).epochs == 7
    assert fit_config("fast", {"epochs": 2}, 3000, warm=True).epochs == 2


@pytest.mark.parametrize(
    ("preset", "unit", "message"),
    [
        ("default", "word", "expected --warm-start with a model of preset default. Got preset fast"),
        ("fast", "char", "expected --warm-start with a model of tokens of unit char"),
    ],
)
def test_a_model_of_another_preset_or_unit_is_refused(earlier, preset, unit, message):
    with pytest.raises(UsageError, match=message):
        EarlierTagger.open(earlier, preset, unit)


def test_a_network_of_another_shape_or_another_question_is_refused(home, grown, earlier, monkeypatch):
    with pytest.raises(UsageError, match="a model of the one type RIV"):
        fit_tagger(request_of(grown, earlier, binary="RIV"))
    fast = presets.PRESETS["fast"]
    larger = replace(fast, network={**fast.network, "hidden": 120})
    monkeypatch.setattr(presets, "PRESETS", {"fast": larger})
    with pytest.raises(UsageError, match="a network of hidden 120"):
        fit_tagger(request_of(grown, earlier))


def test_what_the_earlier_model_lacks_has_rows_of_its_own(home, grown, earlier):
    plain = encoded_corpus.read(Path(encode_corpus(str(grown), "fast"))).features
    kept = encoded_corpus.read(request_of(grown, earlier).encoded).features
    assert kept.rows >= plain.rows
    assert np.count_nonzero(kept.rows_in(EarlierTagger.open(earlier, "fast").features) < 0) > 0
