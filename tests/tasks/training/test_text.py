"""Training on corpora as they come: with and without dev, with nothing to learn, with rates that explode."""

from pathlib import Path

import numpy as np
import pytest

from elman.data.encoding import encoded_corpus
from elman.data.encoding.vocabulary import UNK_ID
from elman.data.errors import BadInput, UsageError
from elman.data.store.dataset import Dataset
from elman.rnn.networks.architecture import init
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models import model_folder
from elman.tasks.models.model_folder import read
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.training.text import encode_corpus, fit_config


def weights(fitted):
    params, network, _ = from_bytes(read(Path(fitted["model"])).files[model_folder.WEIGHTS])
    return params, network


def test_a_corpus_is_encoded_once(home, names):
    folder = Path(encode_corpus(str(names), "default"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert encode_corpus(str(names), "default") == str(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert encode_corpus(str(names), "article") != str(folder)


def test_early_stopping_keeps_the_epoch_that_is_best_on_dev(trained):
    scores = [line["score"] for line in trained["history"]]
    assert trained["best_epoch"] == 1 + scores.index(max(scores))
    assert trained["dev"].f1 >= max(scores) - 1e-12


def unknown_row(names, train_in, home, **overrides):
    """The row of `<UNK>` of the word block before and after training."""
    fitted = train_in(home, names, preset="article", overrides={"epochs": 1, **overrides})
    params, network = weights(fitted)
    assert encoded_corpus.read(Path(fitted["encoded"])).features.first_rows[0] == 0
    return init(network, 0)["table"][UNK_ID], params["table"][UNK_ID]


def test_the_unknown_word_learns_from_rare_words_replaced_by_it(names, train_in, tmp_path):
    before, after = unknown_row(names, train_in, tmp_path / "a")
    assert np.abs(after - before).max() > 1e-3


def test_the_unknown_word_says_nothing_where_nothing_was_replaced_by_it(
    names, train_in, tmp_path, monkeypatch
):
    still = fit_config("article", {"epochs": 1, "unknown": 0.0})
    monkeypatch.setattr("elman.tasks.training.text.fit_config", lambda *_: still)
    _, after = unknown_row(names, train_in, tmp_path / "b")
    np.testing.assert_array_equal(after, 0.0)


def test_without_dev_a_part_of_training_is_held_out(write_corpus, train_in, tmp_path, capsys):
    lines = [(f"d{n}", "train", f"Bo{n}/B-PER left/O") for n in range(40)]
    fitted = train_in(tmp_path, write_corpus(tmp_path / "c", lines), overrides={"epochs": 1})
    assert fitted["notes"].held_out_sentences == 4
    assert fitted["sizes"] == {"dev": (4, 8), "train": (36, 72)}
    assert "held out" in capsys.readouterr().err


def test_a_single_sentence_is_learned_from_without_dev(write_corpus, train_in, tmp_path, capsys):
    corpus = write_corpus(tmp_path / "c", [("d", "train", "Bo/B-PER left/O")])
    fitted = train_in(tmp_path, corpus, overrides={"epochs": 2})
    assert fitted["dev"] is None
    assert fitted["best_epoch"] == fitted["epochs"] == 2
    assert "single sentence" in capsys.readouterr().err


def test_a_corpus_with_one_class_is_learned(write_corpus, train_in, tmp_path):
    lines = [(f"d{n}", ("train", "dev")[n % 2], "Bo/B-PER Li/B-PER") for n in range(20)]
    fitted = train_in(tmp_path, write_corpus(tmp_path / "c", lines))
    assert fitted["dev"].f1 == 1.0
    (found,) = Tagger.load(Path(fitted["model"])).tag([["Ada", "Bo"]])
    assert found.tags == ["B-PER", "B-PER"]


@pytest.mark.parametrize("dev", ["it/O rained/O", "Acme/B-ORG left/O"])
def test_a_dev_split_that_cannot_tell_epochs_apart_keeps_the_last(
    write_corpus, train_in, tmp_path, capsys, dev
):
    lines = [("a", "train", "Bo/B-PER left/O"), ("b", "dev", dev)] * 5
    fitted = train_in(tmp_path, write_corpus(tmp_path / "c", lines), overrides={"epochs": 3})
    assert (fitted["best_epoch"], fitted["dev"].f1) == (3, 0.0)
    assert "No entity in dev" in capsys.readouterr().err


def test_a_type_that_only_dev_has_is_named(write_corpus, train_in, tmp_path, capsys):
    lines = [("a", "train", "Bo/B-PER left/O"), ("b", "dev", "Acme/B-ORG left/O")]
    fitted = train_in(tmp_path, write_corpus(tmp_path / "c", lines), overrides={"epochs": 1})
    assert "never found: ORG" in capsys.readouterr().err
    assert fitted["dev"].per_type["ORG"].support == 1
    assert read(Path(fitted["model"])).passport.temperature == 1.0


@pytest.mark.parametrize(
    ("lines", "got"),
    [
        ([("a", "dev", "Bo/B-PER")], "none"),
        ([("a", "train", "not labelled")], "none"),
        ([("a", "train", "no/O names/O"), ("b", "dev", "no/O names/O")], "only the tag O"),
    ],
)
def test_a_corpus_nothing_can_be_learned_from_is_bad_input(write_corpus, train_in, tmp_path, lines, got):
    corpus = write_corpus(tmp_path / "empty", lines)
    with pytest.raises(BadInput, match=f"empty: expected .* Got {got}"):
        train_in(tmp_path, corpus)
    assert not (tmp_path / "models").exists()


def test_a_training_that_explodes_writes_no_model(names, train_in, tmp_path):
    with pytest.raises(BadInput, match="Got step"):
        train_in(tmp_path, names, overrides={"epochs": 3, "learning_rate": 1e30})
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("overrides", [{"epochs": 0}, {"batch": 0}, {"learning_rate": -1.0}])
def test_settings_out_of_bounds_are_a_usage_error(overrides):
    with pytest.raises(UsageError, match="must be"):
        fit_config("default", overrides)


@pytest.mark.heavy
def test_words_read_letter_by_letter_are_tagged_as_they_were_judged(names, train_in, tmp_path):
    fitted = train_in(tmp_path, names, preset="default", overrides={"epochs": 12})
    assert fitted["dev"].f1 > 0.9
    tagger = Tagger.load(Path(fitted["model"]))
    assert tagger.network.member.letters == tagger.features.characters > 2
    (found,) = tagger.tag([["Kibason", "met", "Dorason", "in", "Kimeburg", "."]])
    assert found.tags == ["B-PER", "O", "B-PER", "O", "B-LOC", "O"]


def test_an_unknown_preset_is_a_usage_error():
    with pytest.raises(UsageError, match="article, fast, default"):
        fit_config("fancy", {})


def test_the_run_s_files_do_not_depend_on_the_corpus_folder_s_place(trained, names):
    passport = read(Path(trained["model"])).passport
    assert str(names.parent) not in str(passport)
    assert passport.corpus.digest == Dataset.open(names).digest
