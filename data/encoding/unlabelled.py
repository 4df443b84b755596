"""Encodes unlabelled text as ragged integer arrays, for pre-training on neighbouring words.

Sentences are tokenized with the tokenizer of the labelled corpus. Only templates that read the token alone
are used: a template that reads neighbours would contain the word to be predicted.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.encode import tokens_of
from elman.data.encoding.features import Bags, Features, bag_ids, distinct
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer

COLUMN = "w+0"  # column of `data.encoding.features.contexts` with the token itself
MIN_COUNT = 5  # a rarer word has no row of its own, unless it is in the labelled corpus
MAX_TARGETS = 20_000  # the most frequent words are the classes to predict
Frames = Callable[[], Iterable[pl.DataFrame]]


@dataclass(frozen=True)
class Unlabelled:
    """Encoded unlabelled sentences, as ragged arrays.

    Attributes:
        bags: of each distinct word.
        tokens: (N,) int32, the bag of each token.
        offsets: (n + 1,) int64, ragged offsets of the sentences.
        counts: (V,) int64, count of each word that can be predicted, descending.
        word_of: (M,) int32, index of a bag's word in `counts`, -1 for none.
    """

    bags: Bags
    tokens: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    word_of: np.ndarray


def words_of(texts: pl.Series, scanner: Scanner) -> tuple[pl.Series, np.ndarray]:
    """Tokenize sentences.

    Args:
        texts: (n,) String.
        scanner: the tokenizer.

    Returns:
        (N,) String, tokens of all sentences, and (n + 1,) int64, ragged offsets of the sentences.
    """
    joined = "\n".join(texts)
    starts, ends = scanner.tokenize(joined)
    spans = {"token_start": pl.Series(starts).implode(), "token_end": pl.Series(ends).implode()}
    words, _ = tokens_of(pl.DataFrame({"text": [joined], "start": [0], **spans}))
    lengths = texts.str.len_chars().cast(pl.Int64).to_numpy()
    begins = ragged.offsets_of(lengths + 1)
    return words, np.searchsorted(starts, begins).astype(np.int64)


def _tokenized(frames: Frames, tokenizer: Tokenizer) -> Iterator[tuple[pl.Series, np.ndarray]]:
    scanner = Scanner(tokenizer)
    for frame in frames():
        if len(frame):
            yield words_of(frame["text"], scanner)


def count_words(frames: Frames, tokenizer: Tokenizer) -> pl.DataFrame:
    """Count the words of a corpus.

    Args:
        frames: returns the corpus in frames with `text`, one sentence per row.
        tokenizer: of the labelled corpus.

    Returns:
        `w+0` and `count`, one row per word, sorted by code point, as from `data.encoding.features.distinct`.
    """
    counted = pl.DataFrame(schema={COLUMN: pl.String, "count": pl.Int64})
    for words, _ in _tokenized(frames, tokenizer):
        counted = distinct(pl.concat([counted, distinct(pl.DataFrame({COLUMN: words}))]))
    return counted


def encode_unlabelled(
    frames: Frames, tokenizer: Tokenizer, features: Features, counted: pl.DataFrame
) -> Unlabelled:
    """Encode a corpus with features that are fitted already.

    Args:
        frames: as for `count_words`.
        tokenizer: as for `count_words`.
        features: of the labelled corpus.
        counted: result of `count_words`.
    """
    common = counted.with_row_index("bag").sort(["count", COLUMN], descending=[True, False]).head(MAX_TARGETS)
    bags = features.bags(counted, alone=True)
    word_of = np.full(len(bags.unknown), -1, np.int32)
    word_of[common["bag"].to_numpy()] = np.arange(len(common))
    tokens, lengths = [], []
    for words, bounds in _tokenized(frames, tokenizer):
        tokens.append(bag_ids(pl.DataFrame({COLUMN: words}), counted))
        lengths.append(np.diff(bounds))
    filled = np.concatenate(lengths)
    filled = filled[filled > 0]
    offsets = ragged.offsets_of(filled)
    return Unlabelled(bags, np.concatenate(tokens), offsets, common["count"].to_numpy(), word_of)
