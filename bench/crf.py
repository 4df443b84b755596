"""A feature CRF in python-crfsuite, as people build it: words, shapes, affixes, two neighbours each side."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pycrfsuite

LENGTHS = (1, 2, 3, 4)  # of prefixes and suffixes


def _shape(word: str) -> str:
    kinds = ["X" if c.isupper() else "x" if c.islower() else "0" if c.isdigit() else c for c in word]
    return "".join(kind for i, kind in enumerate(kinds) if kinds[max(i - 2, 0) : i] != [kind, kind])


def features(words: Sequence[str]) -> list[list[str]]:
    """Features of each token of a sentence."""
    own = []
    for word in words:
        affixes = [f"p{word[:k]}" for k in LENGTHS] + [f"s{word[-k:]}" for k in LENGTHS]
        own.append([f"w{word}", f"l{word.lower()}", f"h{_shape(word)}", *affixes])
    rows = []
    for i, mine in enumerate(own):
        row = list(mine)
        for place in (-2, -1, 1, 2):
            if 0 <= i + place < len(own):
                row += [f"{place}{each}" for each in own[i + place]]
            else:
                row.append(f"{place}none")
        rows.append(row)
    return rows


def train(sentences: Sequence[tuple[Sequence[str], Sequence[str]]], iterations: int) -> pycrfsuite.Tagger:
    """Fit to (words, IOB2 tags) of sentences, and open for tagging."""
    trainer = pycrfsuite.Trainer(verbose=False)
    for words, tags in sentences:
        trainer.append(features(words), tags)
    trainer.set_params({"c1": 0.1, "c2": 0.01, "max_iterations": iterations})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "crf")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
    return tagger
