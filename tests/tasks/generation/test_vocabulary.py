"""Vocabularies: rows of symbols and places; files of earlier versions are read and written as before."""

import json

from elman.data.music.bar_states import BarStates
from elman.data.music.bars import BarCounter
from elman.tasks.generation.pieces import CorpusPieces, in_usual_keys
from elman.tasks.generation.vocabulary import SPECIALS, TuneContext, Vocabulary, places_of

TUNES = [("M:4/4", "K:C", "C", "D", "|", "C", "2", "|"), ("M:4/4", "K:C", "D", "2", "|", "C")]


def test_a_vocabulary_without_places_is_the_file_of_earlier_versions():
    vocabulary = Vocabulary.fit("abc", TUNES)
    assert set(json.loads(vocabulary.to_bytes())) == {"kind", "unit", "symbols"}
    assert Vocabulary.from_bytes(vocabulary.to_bytes()) == vocabulary
    assert vocabulary.rows == SPECIALS + len(vocabulary.symbols)


def test_places_follow_the_symbols_and_those_that_are_rare_share_a_row():
    vocabulary = Vocabulary.fit("abc", TUNES * 10, places=True)
    assert "left 3/4" in vocabulary.places
    assert Vocabulary.from_bytes(vocabulary.to_bytes()) == vocabulary
    first = SPECIALS + len(vocabulary.symbols)
    assert vocabulary.rows == first + len(vocabulary.places)
    rows = vocabulary.rows_of_places(vocabulary.places)
    assert rows == tuple(range(first, vocabulary.rows))
    assert vocabulary.rows_of_places(["at 99"]) == vocabulary.rows_of_places(["at ?"])
    assert "at 99" not in vocabulary.places
    assert Vocabulary.fit("character", ["abab"], places=True).places == ()


def test_places_of_a_drawn_tune_are_those_of_the_same_tune_in_training():
    vocabulary = Vocabulary.fit("abc", TUNES, places=True)
    context = TuneContext(vocabulary)
    drawn = [context.after(int(number)) for number in vocabulary.encode(TUNES[0])[:-1]]
    assert drawn == [vocabulary.rows_of_places(names) for names in places_of(TUNES[0], BarCounter())]
    assert BarCounter().places()[0] == "at 0"


def test_states_are_counted_where_the_vocabulary_has_them_and_rare_ones_share_a_row():
    vocabulary = Vocabulary.fit("abc", TUNES * 10, places=True, states=True)
    assert isinstance(vocabulary.new_counter(), BarStates)
    assert type(Vocabulary.fit("abc", TUNES, places=True).new_counter()) is BarCounter
    assert Vocabulary.from_bytes(vocabulary.to_bytes()) == vocabulary
    assert vocabulary.rows_of_places(["state tie 99 0"]) == vocabulary.rows_of_places(["state ?"])
    drawn = list(map(TuneContext(vocabulary).after, vocabulary.encode(TUNES[0])[:-1].tolist()))
    assert drawn == [vocabulary.rows_of_places(names) for names in places_of(TUNES[0], BarStates())]


def test_tunes_come_in_the_usual_keys_whose_symbols_are_known():
    tunes = [("M:4/4", "K:G", "G", "F"), ("M:4/4", "K:D", "D", "C"), ("M:4/4", "K:G", "A", "F")] * 2
    vocabulary = Vocabulary.fit("abc", tunes)
    moved = in_usual_keys(vocabulary, CorpusPieces("abc", tuple("abcdef"), tuple(tunes)))
    assert moved.ids[:5] == ("a", "a", "b", "b", "c")
    assert moved.symbols[:5] == (tunes[0], tunes[1], tunes[1], tunes[0], tunes[2])
