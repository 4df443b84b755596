"""A tagger's answer depends on the sentence alone; offsets point into the text as it came."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.data.text.tags import spans
from elman.tasks.models import model_folder
from elman.tasks.models import text_tagger as tagger
from elman.tasks.models.passport import GenePassport
from elman.tasks.models.text_tagger import Tagger

SENTENCES = [
    ["Kalason", "met", "Tibeson", "Rudason", "in", "Molaburg", "."],
    [],
    ["in", "Pekoburg", "it", "rained", "."],
    ["."],
    ["the", "ship", "to", "Gutaburg", "was", "late", ",", "says", "Nameson"],
]


@pytest.fixture(scope="module")
def loaded(trained) -> Tagger:
    return Tagger.load(Path(trained["model"]))


def test_names_never_met_are_found_by_their_form(loaded):
    tags = loaded.tag(SENTENCES)[0].tags
    assert tags == ["B-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "O"]


def test_entities_are_the_spans_of_the_tags(loaded):
    for tokens, sentence in zip(SENTENCES, loaded.tag(SENTENCES), strict=True):
        assert len(sentence.tags) == len(sentence.probabilities) == len(tokens)
        assert [(e.start, e.end, e.type) for e in sentence.entities] == spans(sentence.tags)
        for entity in sentence.entities:
            inside = sentence.probabilities[entity.start : entity.end]
            assert 0 < entity.probability <= min(inside) + 1e-6


def test_the_answer_does_not_depend_on_company_or_order(loaded):
    together = loaded.tag(SENTENCES)
    alone = [loaded.tag([tokens])[0] for tokens in SENTENCES]
    backwards = loaded.tag(SENTENCES[::-1])[::-1]
    for one, other in ((together, alone), (together, backwards)):
        assert [s.tags for s in one] == [s.tags for s in other]
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)
            for x, y in zip(a.entities, b.entities, strict=True):
                assert (x.start, x.end, x.type) == (y.start, y.end, y.type)
                assert x.probability == pytest.approx(y.probability, abs=1e-5)


def test_the_temperature_found_on_dev_changes_probabilities_and_no_tag(loaded):
    assert loaded.passport.temperature != 1.0
    raw = replace(loaded, passport=replace(loaded.passport, temperature=1.0))
    colder, plain = loaded.tag(SENTENCES), raw.tag(SENTENCES)
    assert [s.tags for s in colder] == [s.tags for s in plain]
    moved = [np.subtract(a.probabilities, b.probabilities) for a, b in zip(colder, plain, strict=True)]
    sharpened = loaded.passport.temperature < 1
    assert all((np.concatenate(moved) >= 0) == sharpened)


def test_equal_sentences_get_the_answer_they_get_when_each_is_tagged(loaded):
    words, offsets = pl.Series(["Anna", "sah", "Berlin", "."] * 3 + ["Anna"]), np.array([0, 4, 8, 12, 13])
    once, each = (loaded.tag_flat(words, offsets, reuse) for reuse in (True, False))
    np.testing.assert_array_equal(once.tags, each.tags)
    np.testing.assert_allclose(once.probability, each.probability, atol=1e-5)
    for ours, theirs in zip(once.spans, each.spans, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_going_in_pieces_changes_nothing(loaded, monkeypatch):
    whole = loaded.tag(SENTENCES)
    monkeypatch.setattr(tagger, "CHUNK", 3)
    pieces = loaded.tag(SENTENCES)
    assert [s.tags for s in pieces] == [s.tags for s in whole]
    assert [[e[:3] for e in s.entities] for s in pieces] == [[e[:3] for e in s.entities] for s in whole]


def test_no_byte_depends_on_the_tables_or_on_what_was_tagged_before(loaded):
    def said(tagger, some):
        words = pl.Series([token for sentence in some for token in sentence], dtype=pl.String)
        flat = tagger.tag_flat(words, np.cumsum([0, *map(len, some)]))
        return [np.asarray(part).tobytes() for part in (flat.tags, flat.probability, *flat.spans)]

    many = [[f"{word}{n % 7}" if n % 3 else word for word in s] for n in range(40) for s in SENTENCES]
    for kept, rows in ((1 << 16, 64 << 20), (1 << 16, 1 << 14), (100, 1 << 20), (1, 1)):
        tagger = replace(loaded, kept=kept, rows=rows)
        for some in (many, SENTENCES, many[::-1], many):
            assert said(tagger, some) == said(replace(loaded), some)


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_nothing_in_nothing_out(loaded, sentences):
    assert [s.tags for s in loaded.tag(sentences)] == [[] for _ in sentences]
    flat = loaded.tag_flat(pl.Series([], dtype=pl.String), np.zeros(len(sentences) + 1, np.int64))
    assert len(flat.tags) == len(flat.probability) == len(flat.spans.start) == 0


def test_offsets_point_into_the_text_as_it_came(loaded):
    text = "  Kalason met Tibeson\tRudason in Molaburg.\n\nIn  Pekoburg it rained. \U0001f600 It is cold."
    found = loaded.tag_raw(text)
    assert [text[e["start"] : e["end"]] for e in found] == [e["text"] for e in found]
    assert {"Kalason", "Tibeson\tRudason", "Molaburg", "Pekoburg"} <= {e["text"] for e in found}
    assert loaded.tag_text("") == loaded.tag_text(" \n ") == []


def test_a_model_with_neighbour_blocks_looks_within_the_sentence_only(write_corpus, train_in, tmp_path):
    lines = [
        (f"d{n}", "dev" if n % 5 == 0 else "train", f"我/O 在/O {c}/B-LOC 京/I-LOC")
        for n, c in enumerate("北南东西中" * 8)
    ]
    corpus = write_corpus(tmp_path / "zh", lines, unit="char")
    loaded = Tagger.load(Path(train_in(tmp_path, corpus, overrides={"epochs": 2})["model"]))
    assert loaded.features.reach == 2
    assert loaded.tokenizer.unit == loaded.passport.unit == "char"
    pair = [list("我在北京"), list("南京")]
    together, alone = loaded.tag(pair), [loaded.tag([tokens])[0] for tokens in pair]
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)


def test_yes_and_no_give_runs_as_entities(names, train_in, tmp_path):
    fitted = train_in(tmp_path, names, binary="PER")
    loaded = Tagger.load(Path(fitted["model"]))
    assert loaded.types == ("PER",)
    assert loaded.network.output == "sigmoid"
    (sentence,) = loaded.tag([SENTENCES[0]])
    assert sentence.tags == ["B-PER", "O", "B-PER", "I-PER", "O", "O", "O"]
    assert [e[:3] for e in sentence.entities] == spans(sentence.tags)


def test_yes_and_no_begin_anew_with_each_sentence():
    answers, offsets = np.array([1, 1, 1, 0, 1]), np.array([0, 2, 5])
    assert tagger.iob2_of(answers, offsets).tolist() == [1, 2, 1, 0, 1]


def test_a_model_of_dna_is_no_tagger_of_text(trained):
    found = model_folder.read(Path(trained["model"]))
    genes = GenePassport(corpus=found.passport.corpus, preset="fast", seed=0, config={})
    with pytest.raises(model_folder.BadInput, match="a model of text"):
        Tagger.of(model_folder.Model(found.folder, genes.to_json(), found.files))
