"""Numba kernel of document features; tests compare it with a plain count."""

import numpy as np
from numba import njit

# Of a word: begins with a capital; has a letter; the word behind it is in mid-sentence.
CAPITAL, LETTER, LINK = 1, 2, 4
# Of an occurrence; the hint of kind k is ALONE << (k + 1).
MIDDLE, LOWER, RUN, ALONE = 1, 2, 4, 8
FIRST_HINT = 4  # its number among the flags


@njit(cache=True, nogil=True)
def flags(form, traits, before, after, offsets, unit, forms):
    """Flags of tokens, (N,) int32; see `data.encoding.document_features`.

    Args:
        form: (N,) number of each token in lower case, below `forms`.
        traits: (N,) CAPITAL, LETTER and LINK of each.
        before, after: (N,) kinds, as bits, of which the token in front of a word, or behind it, is a hint.
        offsets: (n + 1,) of the sentences.
        unit: (n,) unit of each; those of a unit stand together.
        forms: number of forms.
    """
    N, n = len(form), len(offsets) - 1
    own, out = np.zeros(N, np.int32), np.zeros(N, np.int32)
    once, twice = np.zeros(forms, np.int32), np.zeros(forms, np.int32)
    begin = 0
    for i in range(n):
        a, b = offsets[i], offsets[i + 1]
        for t in range(a, b):
            seen = 0
            if traits[t] & CAPITAL:
                if t > a and traits[t - 1] & LINK:
                    beside = traits[t - 1] & CAPITAL or (t + 1 < b and traits[t + 1] & CAPITAL)
                    seen = MIDDLE | (RUN if beside else ALONE)
                if t > a:
                    seen |= before[t - 1] << FIRST_HINT
                if t + 1 < b:
                    seen |= after[t + 1] << FIRST_HINT
            else:
                seen = LOWER
            own[t] = seen
            f = form[t]
            twice[f] |= once[f] & seen
            once[f] |= seen
        if i + 1 < n and unit[i + 1] == unit[i]:
            continue
        for t in range(begin, b):
            if traits[t] & LETTER:
                out[t] = twice[form[t]] | (once[form[t]] & ~own[t])
        for t in range(begin, b):
            once[form[t]] = 0
            twice[form[t]] = 0
        begin = b
    return out
