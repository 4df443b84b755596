"""Symbols of utterances spell their words, at the times of these, and change nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from elman.data.audio.features import FeatureSettings
from elman.tasks.transcription.alphabet import Alphabet
from elman.tasks.transcription.transcriber import Sound, Transcriber

HEARD = "oo-n-e-- -t-w-ooo--"  # a frame each, "-" the blank


class Network:
    """Hears the same text in every sound."""

    config = SimpleNamespace(stack=3)

    def __init__(self, alphabet):
        self.labels = [0 if letter == "-" else int(alphabet.encode(letter)[0]) for letter in HEARD]
        self.classes = alphabet.classes

    def logits(self, sounds):
        labels = [(self.labels + [0] * len(frames))[: len(frames)] for frames in sounds]
        return [9 * np.eye(self.classes, dtype=np.float32)[own] for own in labels]


def test_symbols_spell_the_words_at_their_times():
    alphabet = Alphabet.fit(["one two"])
    passport = SimpleNamespace(features=FeatureSettings().to_json(), pad_s=0.12)
    transcriber = Transcriber("model", passport, Network(alphabet), alphabet)

    def heard(**options):
        sound = Sound([np.zeros(8000, np.float32)], 8000, 1.0)
        ((utterance,),) = transcriber.transcribe([sound], width=1, **options)
        return utterance

    utterance = heard(with_symbols=True)
    assert "".join(symbol.text for symbol in utterance.symbols) == utterance.text == "one two"
    assert [symbol.start_s for symbol in utterance.symbols][:3] == [0.0, 0.0, 0.03]
    one, two = utterance.words
    assert (one.start_s, one.end_s) == (utterance.symbols[0].start_s, utterance.symbols[2].end_s)
    assert (two.start_s, two.end_s) == (utterance.symbols[4].start_s, utterance.symbols[6].end_s)
    assert all(0.9 < symbol.probability <= 1 for symbol in utterance.symbols)
    assert heard() == replace(utterance, symbols=())
