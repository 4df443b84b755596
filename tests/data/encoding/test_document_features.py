"""Document features tell how a word is written elsewhere in its unit, and beside which hints."""

import random

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.document_features import DocumentFeatures
from elman.data.text.strings import Strings

FEATURES = DocumentFeatures(
    window=5, before={"PER": ["mr."], "LOC": ["in"]}, after={"PER": ["said"], "LOC": []}
)
NAMES = ("middle", "lower", "run", "alone", "PER", "LOC")


def arrays(lines):
    """Words, numbers of the words and offsets of lines."""
    tokens = [line.split() for line in lines]
    flat = [word for line in tokens for word in line]
    known = {word: number for number, word in enumerate(dict.fromkeys(flat))}
    words = Strings.from_series(pl.Series(flat, dtype=pl.String))
    return words, np.array([known[w] for w in flat], np.int32), ragged.offsets_of([len(t) for t in tokens])


def flags(lines, units=None, features=FEATURES):
    """Words with the names of their flags."""
    words, numbers, offsets = arrays(lines)
    unit = np.zeros(len(lines), np.int64) if units is None else np.array(units)
    found = features.of(words, numbers, offsets, unit)
    return [
        (word, {name for bit, name in enumerate(NAMES) if flag >> bit & 1})
        for word, flag in zip(words.series(), found.tolist(), strict=True)
    ]


def test_another_occurrence_in_mid_sentence_alone_in_a_run_or_in_lower_case_is_told():
    lines = ["Rose left .", "we saw Rose today .", "a rose fell .", "we met Rose Bell ."]
    assert flags(lines)[0] == ("Rose", {"middle", "lower", "run", "alone"})
    assert flags(["Rose left .", "a rose fell ."])[0][1] == {"lower"}
    assert flags(["Rose left .", "we met Rose Bell ."])[0][1] == {"middle", "run"}


def test_an_occurrence_is_not_told_about_itself():
    assert flags(["we saw Mr. Bell said"]) == [(word, set()) for word in ("we", "saw", "Mr.", "Bell", "said")]
    twice = [found for word, found in flags(["we saw Bell .", "we saw Bell ."]) if word == "Bell"]
    assert twice == [{"middle", "alone"}] * 2


def test_hints_in_front_and_behind_are_told_at_the_other_occurrences_alone():
    lines = ["Bell left .", "in Bell it rained", "Bell said so ."]
    assert [found for word, found in flags(lines) if word == "Bell"] == [
        {"middle", "alone", "PER", "LOC"},
        {"PER"},
        {"middle", "alone", "LOC"},
    ]


def test_words_of_other_units_and_signs_tell_nothing():
    lines = ["Bell left .", "we saw Bell ."]
    assert flags(lines, units=[0, 1])[0] == ("Bell", set())
    assert flags(lines, units=[3, 3])[0] == ("Bell", {"middle", "alone"})
    assert dict(flags(lines))["."] == set()


def test_units_are_told_the_same_whatever_stands_beside_them():
    lines = ["Bell left .", "we saw Bell in Rome .", "Rome is old .", "in Rome Mr. Bell slept ."]
    apart = [pair for n in (0, 2) for pair in flags(lines[n : n + 2])]
    assert flags(lines, units=[0, 0, 1, 1]) == apart


def test_hints_are_words_beside_the_entities_of_a_type_in_training():
    lines = ["so Mr. Bell left", "so in Rome it rained"] * 6 + ["The dog barked"] * 6
    kinds = [None, None, "PER", None, None, None, "LOC", None, None] * 6 + [None] * 18
    learned = DocumentFeatures.learn(*arrays(lines), kinds, 10)
    assert learned.before == {"LOC": ["in"], "PER": ["mr."]}
    assert learned.after == {"LOC": ["it"], "PER": ["left"]}
    assert learned.flags == len(NAMES)
    assert DocumentFeatures.from_json(learned.to_json()) == learned
    assert DocumentFeatures.from_json({}) is None


def plain(lines, units):
    """The flags of `flags`, by comparing every word with every other."""
    seen = []
    for unit, line in zip(units, lines, strict=True):
        words = line.split()
        for at, word in enumerate(words):
            before, after = words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
            names = set() if word[0].isupper() else {"lower"}
            if word[0].isupper():
                if before and (before[-1].isalnum() or before == ","):
                    beside = before[0].isupper() or after[:1].isupper()
                    names |= {"middle", "run" if beside else "alone"}
                names |= {kind for kind, hints in FEATURES.before.items() if before.lower() in hints}
                names |= {kind for kind, hints in FEATURES.after.items() if after.lower() in hints}
            seen.append((unit, word, names))
    return [
        (
            word,
            set().union(
                *(
                    names
                    for j, (of, other, names) in enumerate(seen)
                    if j != i and of == unit and other.lower() == word.lower()
                )
            )
            if word.isalnum()
            else set(),
        )
        for i, (unit, word, _) in enumerate(seen)
    ]


def test_the_kernel_tells_what_a_plain_count_tells():
    rng = random.Random(3)
    words = ["Bell", "bell", "BELL", "Rome", "in", "In", "said", "so", ",", ".", "--"]
    for _ in range(30):
        lines = [" ".join(rng.choices(words, k=rng.randint(1, 7))) for _ in range(8)]
        units = sorted(rng.randint(0, 2) for _ in lines)
        assert flags(lines, units) == plain(lines, units)
