"""A corpus without labels as flat integers, for learning which words stand beside which.

Sentences are cut into tokens anew, as the labelled corpus is cut. A word is seen by the blocks that depend on
itself alone, for a block that looks at its neighbours would see what is to be guessed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from elman.data.encoding.encode import tokens_of
from elman.data.encoding.features import Bags, Features, bag_ids, distinct
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer

COLUMN = "w+0"  # of `data.encoding.features.contexts`, the token itself
MIN_COUNT = 5  # a word seen less often has no row of its own, unless the labelled corpus gives it one
MAX_TARGETS = 20_000  # words that can be guessed, the commonest
Frames = Callable[[], Iterable[pl.DataFrame]]


@dataclass(frozen=True)
class Unlabelled:
    """Sentences without labels, flat.

    Attributes:
        bags: of each distinct word.
        tokens: (N,) int32, the bag of each token.
        offsets: (n + 1,) int64, where sentences begin and the last ends.
        counts: (V,) int64, how often each word that can be guessed occurs, falling.
        word_of: (M,) int32, which of them a bag is, -1 for none.
    """

    bags: Bags
    tokens: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    word_of: np.ndarray


def words_of(texts: pl.Series, scanner: Scanner) -> tuple[pl.Series, np.ndarray]:
    """Cut sentences into tokens.

    Args:
        texts: (n,) String.
        scanner: cuts them.

    Returns:
        (N,) String, the tokens of all sentences in a row, and (n + 1,) int64, where sentences begin.
    """
    joined = "\n".join(texts)
    starts, ends = scanner.tokenize(joined)
    spans = {"token_start": pl.Series(starts).implode(), "token_end": pl.Series(ends).implode()}
    words, _ = tokens_of(pl.DataFrame({"text": [joined], "start": [0], **spans}))
    lengths = texts.str.len_chars().cast(pl.Int64).to_numpy()
    begins = np.concatenate([[0], np.cumsum(lengths + 1)])
    return words, np.searchsorted(starts, begins).astype(np.int64)


def _cut(frames: Frames, tokenizer: Tokenizer) -> Iterator[tuple[pl.Series, np.ndarray]]:
    scanner = Scanner(tokenizer)
    for frame in frames():
        if len(frame):
            yield words_of(frame["text"], scanner)


def count_words(frames: Frames, tokenizer: Tokenizer) -> pl.DataFrame:
    """Count the words of a corpus.

    Args:
        frames: gives it in frames with `text`, a sentence a row.
        tokenizer: cuts sentences.

    Returns:
        A row a word, as `data.encoding.features.distinct` gives them: `w+0` and `count`, sorted by code point.
    """
    counted = pl.DataFrame(schema={COLUMN: pl.String, "count": pl.Int64})
    for words, _ in _cut(frames, tokenizer):
        counted = distinct(pl.concat([counted, distinct(pl.DataFrame({COLUMN: words}))]))
    return counted


def encode_unlabelled(
    frames: Frames, tokenizer: Tokenizer, features: Features, counted: pl.DataFrame
) -> Unlabelled:
    """Encode a corpus as blocks fitted before see it.

    Args:
        frames: as for `count_words`.
        tokenizer: as for `count_words`.
        features: of the labelled corpus.
        counted: what `count_words` gave.
    """
    common = counted.with_row_index("bag").sort(["count", COLUMN], descending=[True, False]).head(MAX_TARGETS)
    bags = features.bags(counted, alone=True)
    word_of = np.full(len(bags.unknown), -1, np.int32)
    word_of[common["bag"].to_numpy()] = np.arange(len(common))
    tokens, lengths = [], []
    for words, bounds in _cut(frames, tokenizer):
        tokens.append(bag_ids(pl.DataFrame({COLUMN: words}), counted))
        lengths.append(np.diff(bounds))
    filled = np.concatenate(lengths)
    filled = filled[filled > 0]
    offsets = np.concatenate([[0], np.cumsum(filled)]).astype(np.int64)
    return Unlabelled(bags, np.concatenate(tokens), offsets, common["count"].to_numpy(), word_of)
