"""Words whose meaning is one throughout a document, and abbreviations explained in brackets.

Names, terms and abbreviations are: words with a letter, of four characters or more or not all in lower-case
letters of ASCII. "HD" is explained where it stands alone in brackets, "Huntington disease (HD)", by the word
before them (Schwartz and Hearst, 2003, who look for its letters there, too).
"""

import numpy as np

from elman.data.text.strings import Strings

POOLED, OPENS, CLOSES = 1, 2, 4  # marks of a word, of an opening and of a closing bracket


def marks(words: Strings) -> np.ndarray:
    """Mark of each word, (N,) uint8: POOLED, OPENS, CLOSES, or 0 for another."""
    from elman.data.text import string_kernels

    found: np.ndarray = string_kernels.word_marks(words.data, words.starts, words.ends, POOLED, OPENS, CLOSES)
    return found


def explained(mark: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """True for words that stand alone in brackets behind a word of their sentence, (N,).

    Args:
        mark: (N,) of all words.
        offsets: (n + 1,) ragged offsets of the sentences.
    """
    out = np.zeros(len(mark), bool)
    out[2:-1] = (mark[1:-2] == OPENS) & (mark[2:-1] == POOLED) & (mark[3:] == CLOSES)
    begins = np.asarray(offsets)[:-1]
    for distance in (0, 1):  # the first two words of a sentence have no word before a bracket
        at = begins + distance
        out[at[at < len(mark)]] = False
    last = np.asarray(offsets)[1:] - 1
    out[last[last >= 0]] = False  # the bracket closes in the next sentence
    return out
