"""Numba kernels of data/genome/genome_model.py. Codes 0 to 3, 4 unknown; strands are read 5' to 3'."""

import numpy as np
from numba import njit

from elman.data.starts.strand_kernels import base_at, word_at

_OTHER = np.array([3, 2, 1, 0, 4])  # complement
AFTER = 12  # bases looked at after a start codon; before it, as many as a context has rows for
HEXAMERS = 4096


@njit(cache=True, nogil=True, inline="always")
def _roll(code, forward, backward, known):
    """Append a base: the hexamer of the last six on either strand, and how many known bases precede."""
    if code > 3:
        return 0, 0, 0
    return (forward << 2 | code) & (HEXAMERS - 1), backward >> 2 | (3 - code) << 10, known + 1


@njit(cache=True, nogil=True)
def _count_context(codes, place, reverse, kind, context, which):
    """Count the start codon at a place and the bases around it, each with the one before it."""
    before = context.shape[1] - 1 - AFTER
    context[which, 0, 0, kind] += 1
    for j in range(before):
        at = place - before + j
        context[which, 1 + j, base_at(codes, at - 1, reverse), base_at(codes, at, reverse)] += 1
    for j in range(AFTER):
        at = place + 3 + j
        context[which, 1 + before + j, base_at(codes, at - 1, reverse), base_at(codes, at, reverse)] += 1


@njit(cache=True, nogil=True)
def count(codes, starts, ends, reverses, kinds, stops, used, all_words, context):
    """Count codon pairs of genes and the context of start codons.

    Args:
        codes: (L,)
        starts, ends, reverses: (n,) genes, forward coordinates; True on the reverse strand.
        kinds: (64,) number of each start codon among the start codons, -1 for other codons.
        stops: (64,) bool
        used: (4096,) pairs of codons in genes, added to.
        all_words: (4096,) hexamers anywhere on either strand, added to.
        context: (2, 1 + before + AFTER, 5, 5) of start codons of genes (1) and of others in frame (0), added
            to: the number of the codon, then each base around it by the base before.
    """
    L = len(codes)
    forward = backward = known = 0
    other, gene = np.int64(0), np.int64(1)  # constants would be types, each with a kernel of its own
    for i in range(L):
        forward, backward, known = _roll(codes[i], forward, backward, known)
        if known >= 6:
            all_words[forward] += 1
            all_words[backward] += 1
    for g in range(len(starts)):
        reverse = reverses[g]
        low, high = starts[g], ends[g]
        if reverse:
            low, high = L - ends[g], L - starts[g]
        for place in range(low, high - 6, 3):
            word = word_at(codes, place, reverse, 6)
            if word >= 0:
                used[word] += 1
        _count_context(
            codes, low, reverse, max(kinds[max(word_at(codes, low, reverse, 3), 0)], 0), context, gene
        )
        for place in range(low + 3, min(low + 150, high - 3), 3):
            word = word_at(codes, place, reverse, 3)
            if word >= 0 and kinds[word] >= 0:
                _count_context(codes, place, reverse, kinds[word], context, other)
        place = low - 3
        while place >= max(low - 120, 0):
            word = word_at(codes, place, reverse, 3)
            if word < 0 or stops[word]:
                break
            if kinds[word] >= 0:
                _count_context(codes, place, reverse, kinds[word], context, other)
            place -= 3


@njit(cache=True, nogil=True)
def score_bases(codes, words, begin, end, kinds, hexamers, context, out):
    """Log odds of bases begin to end -> out (end - begin, 8), which holds zeros.

    First columns: a gene starts at the base, forward and reverse; a codon of a gene starts there, likewise.
    words (L,): codon that starts at each base, read forward; kinds (2, 65): number of a start codon by the
    codon read forward, for either strand.
    """
    L, before = len(codes), len(context) - 1 - AFTER
    forward = backward = known = 0
    for i in range(max(begin - 5, 0), min(end + 5, L)):
        forward, backward, known = _roll(codes[i], forward, backward, known)
        if known >= 6:
            if begin <= i - 5 < end:
                out[i - 5 - begin, 2] = hexamers[forward]
            if begin <= i < end:
                out[i - begin, 3] = hexamers[backward]
    for i in range(begin, end):
        kind = kinds[0, words[i]]
        if kind >= 0:
            total = context[0, 0, kind]
            for j in range(max(before + 1 - i, 0), before):
                total += context[1 + j, codes[i - before + j - 1], codes[i - before + j]]
            for j in range(min(AFTER, L - i - 3)):
                total += context[1 + before + j, codes[i + 2 + j], codes[i + 3 + j]]
            out[i - begin, 0] = total
        if i < 2:
            continue
        kind = kinds[1, words[i - 2]]
        if kind >= 0:
            total = context[0, 0, kind]
            for j in range(max(before + 1 - (L - 1 - i), 0), before):
                total += context[1 + j, _OTHER[codes[i + before - j + 1]], _OTHER[codes[i + before - j]]]
            for j in range(min(AFTER, i - 2)):
                total += context[1 + before + j, _OTHER[codes[i - 2 - j]], _OTHER[codes[i - 3 - j]]]
            out[i - begin, 1] = total
