"""Numba kernels of data/genome/gene_decoder.py: dynamic programming over the legal genes of both strands.

States: 0 is between genes; 1, 2, 3 in a forward gene whose codons start at bases 0, 1, 2 modulo 3; 4, 5, 6 in
a reverse gene whose codons' lowest bases are these. Scores are relative to "no gene anywhere". Genes that
have ended may come before the next one for a while: what the distance between two scores depends on both.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from elman.data.starts.neighbour_kernels import (
    EVENT,
    FORWARD,
    LONGEST_OVERLAP,
    NO_GENE,
    REVERSE,
    FloatArray,
    add_ended,
    best_before,
    orientation,
    spacing_score,
    strand_of,
)

# Columns of `rows`: first of six classes, log odds and probabilities; by strand, scores of starts and of
# codons, and what is added to those of starts in inner genes of operons.
LOG_ODDS, PROBABILITIES, STARTS, CODONS, INNERS = 0, 6, 12, 14, 16
COLUMNS = 18
# Columns of `state`: score, for genes less the running sum of base scores; running sum of probabilities at
# the opening; both running sums.
SCORE, OPENED, SCORE_SUM, PROBABILITY_SUM = 0, 1, 2, 3
# Columns of `link`: low end of the open gene, event before it, 1 if its low end is cut off.
LOW, BEFORE, CUT_OFF = 0, 1, 2
# Column of `events` (start, end, state, event before, probability, ends cut off): event before.
EVENT_BEFORE = 3
_CLASS = np.array(  # of a base, by gene state and by its place modulo 3
    [[0, 0, 0]]
    + [[1 + (place - first) % 3 for place in range(3)] for first in range(3)]
    + [[6 - (place - first) % 3 for place in range(3)] for first in range(3)]
)


class Costs(NamedTuple):
    """Scores of `DecodeConfig` as float64.

    overlap: (3,) cost of a shared base, by `orientation`. spacing: (LONGEST_OVERLAP + FARTHEST + 2,) score of
    two neighbours on one strand by their distance from -LONGEST_OVERLAP on, the last for larger ones. slack:
    most that spacing makes up for.
    """

    gene: float
    overlap: FloatArray
    spacing: FloatArray
    slack: float
    shortest: float
    shortest_partial: float
    partial: float
    weight: float
    brief: float
    usual: float


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "arcp", "nsz", "afn"}, error_model="numpy")
def evidence(logits, out):
    """Logits (n, 9) -> out (n, 14), see `gene_decoder.decoder_evidence`."""
    for i in range(len(logits)):
        top = logits[i, 0]
        for c in range(1, 7):
            top = max(top, logits[i, c + c // 4])
        total = np.exp(logits[i, 0] - top)
        for c in range(1, 7):
            x = logits[i, c + c // 4]
            p = np.exp(x - top)
            total += p
            out[i, c - 1] = x - logits[i, 0]
            out[i, c + 5] = p
        for c in range(6, 12):
            out[i, c] /= total
        out[i, 12], out[i, 13] = logits[i, 4], logits[i, 8]


@njit(cache=True, nogil=True, inline="always")
def _base_score(rows, at, c, weight):
    """Score of the base in row `at` in class c; the first base of a codon adds that of the codon."""
    score = weight * rows[at, LOG_ODDS + c - 1]
    if c == 1:
        score += rows[at, CODONS]
    elif c == 4:
        score += rows[at, CODONS + 1]
    return score


@njit(cache=True, nogil=True)
def _long_enough(words, begin, edge, is_stop, costs):
    """Return True if a forward gene from `begin` reaches its least length before a stop codon or the edge."""
    p = begin + 3
    while p + 3 < begin + costs.shortest:
        if p >= edge:
            return edge - begin >= costs.shortest_partial
        if is_stop[0, words[p]]:
            return False
        p += 3
    return True


@njit(cache=True, nogil=True)
def _brief_cost(words, begin, edge, is_stop, costs):
    """Cost of a forward gene from `begin` for being shorter than usual."""
    p = begin + 3
    while p + 3 < begin + costs.usual:
        if p >= edge:
            return 0.0
        if is_stop[0, words[p]]:
            return costs.brief * (1.0 - (p + 3 - begin) / costs.usual)
        p += 3
    return 0.0


@njit(cache=True, nogil=True)
def _add_up(rows, lead, begin, weight, state, scores, probabilities):
    """Running sums of base scores and of probabilities in each state, before each base.

    scores, probabilities: (n + 1, 7), filled; state holds the sums so far, and then those at the end.
    """
    n = len(scores) - 1
    for t in range(1, 7):
        scores[0, t], probabilities[0, t] = state[t, SCORE_SUM], state[t, PROBABILITY_SUM]
    for i in range(n):
        third = (begin + i) % 3
        for t in range(1, 7):
            c = _CLASS[t, third]
            scores[i + 1, t] = scores[i, t] + weight * rows[lead + i, LOG_ODDS + c - 1]
            probabilities[i + 1, t] = probabilities[i, t] + rows[lead + i, PROBABILITIES + c - 1]
        scores[i + 1, 1 + third] += rows[lead + i, CODONS]
        scores[i + 1, 4 + (third + 1) % 3] += rows[lead + i, CODONS + 1]
    for t in range(1, 7):
        state[t, SCORE_SUM], state[t, PROBABILITY_SUM] = scores[n, t], probabilities[n, t]


@njit(cache=True, nogil=True)
def _overlaps(words, first, rows, shift, floor, end, edge, s, v, is_start, is_stop, costs, shared, best, at):
    """Best start of the next gene within the last bases of a gene, floor to end.

    Args:
        s, v: state of the gene, and its score less the cost of the next one.
        shared: (7,) scratch.
        best, at: (7,) the score to beat in each state, and scratch; its best, and where it starts or -1.
        ...: as in `run`.
    """
    shared[:] = v
    at[:] = -1
    for p in range(end - 1, floor - 1, -1):
        third, row, q = p % 3, p + shift, p - first
        word = words[q]
        own = _base_score(rows, row, _CLASS[s, third], costs.weight)
        for t in range(1, 7):
            gain = _base_score(rows, row, _CLASS[t, third], costs.weight) - own
            shared[t] += max(gain, 0.0) - costs.overlap[orientation(s, t)]
        f, m = 1 + third, 4 + third
        if is_stop[0, word] and p + 3 <= end:
            shared[f] = -np.inf  # no gene in this frame contains the stop codon
        elif is_start[0, word]:
            inner = rows[row, INNERS]
            c = spacing_score(costs.spacing, strand_of(s), FORWARD, p - end, inner)
            c += shared[f] + rows[row, STARTS]
            if c > best[f] and _long_enough(words, q, edge - first, is_stop, costs):
                c -= _brief_cost(words, q, edge - first, is_stop, costs)
                if c > best[f]:
                    best[f], at[f] = c, p
        if is_stop[1, word]:
            inner = rows[end - 1 + shift, INNERS + 1]
            c = shared[m] + spacing_score(costs.spacing, strand_of(s), REVERSE, p - end, inner)
            if c > best[m]:
                best[m], at[m] = c, p
            shared[m] = -np.inf


@njit(cache=True, nogil=True)
def _start_forward(
    i, k, words, first, row, edge, is_stop, costs, state, link, scores, probabilities, ended, filled
):
    """Open the forward gene that starts at base i, if it beats the open one of its frame.

    k: row of the running sums before base i; row: of `rows`, at base i; the others as in `run`.
    """
    s = 1 + i % 3
    v, before = best_before(i, np.int64(FORWARD), np.float64(row[INNERS]), costs.spacing, ended, filled)
    v += row[STARTS] - costs.gene - scores[k, s]
    if v > state[s, SCORE] and _long_enough(words, i - first, edge - first, is_stop, costs):
        v -= _brief_cost(words, i - first, edge - first, is_stop, costs)
        if v > state[s, SCORE]:
            state[s, SCORE], state[s, OPENED] = v, probabilities[k, s]
            link[s, LOW], link[s, BEFORE], link[s, CUT_OFF] = i, before, 0


@njit(cache=True, nogil=True)
def _end_gene(
    s, v, base, b, k, words, first, rows, shift, low, edge, is_start, is_stop, costs, state, link, scores,
    probabilities, events, count, ended, filled, shared, best, at
):  # fmt: skip
    """End the gene of state s before base b if that is best, and open genes that start within it; events
    filled.

    v: its score; base: score of no gene before b; k: row of the running sums before b; low: first base in
    `rows`; shared, best, at: scratch of `_overlaps`; the others as in `run`.
    """
    hopeless = 10.0 + LONGEST_OVERLAP * costs.weight * 15.0 + costs.slack  # more than a next gene adds
    start = link[s, LOW]
    size = b - start
    if size < (costs.shortest_partial if link[s, CUT_OFF] else costs.shortest) or v <= base - hopeless:
        return count
    mean = (probabilities[k, s] - state[s, OPENED]) / size
    number = -1
    if v > state[0, SCORE] - costs.slack:
        number = count
        count = _record(events, count, start, b, s, link[s, BEFORE], mean, link[s, CUT_OFF])
        inner = rows[b - 1 + shift, INNERS + 1] if s > 3 else 0.0
        add_ended(v, b, strand_of(s), number, inner, max(v, state[0, SCORE]), costs.slack, ended, filled)
        if v > state[0, SCORE]:
            state[0, SCORE], link[0, BEFORE] = v, number
    if b >= edge:
        return count
    for t in range(1, 7):
        best[t] = state[t, SCORE] + scores[k, t]
    floor = max(b - LONGEST_OVERLAP, low, start + 1)
    _overlaps(
        words, first, rows, shift, floor, b, edge, s, v - costs.gene, is_start, is_stop, costs, shared, best,
        at,
    )  # fmt: skip
    for t in range(1, 7):
        if at[t] >= 0 and t != s:
            if number < 0:
                number = count
                count = _record(events, count, start, b, s, link[s, BEFORE], mean, link[s, CUT_OFF])
            inside = 0.0
            for p in range(at[t], b):
                inside += rows[p + shift, PROBABILITIES + _CLASS[t, p % 3] - 1]
            state[t, SCORE], state[t, OPENED] = best[t] - scores[k, t], probabilities[k, t] - inside
            link[t, LOW], link[t, BEFORE], link[t, CUT_OFF] = at[t], number, 0
    return count


@njit(cache=True, nogil=True)
def run(
    words, first, length, gaps, begin, end, rows, lead, is_start, is_stop, costs, state, link, ended, filled,
    events, count
):  # fmt: skip
    """Decode bases begin to end of a contig.

    Args:
        words: uint8, the codon that starts at each base from `first` on; 64 if unknown or beyond the end.
        length: bases of the contig.
        gaps: (n, 3) int64, runs of bases that no gene crosses; 1 where none may be cut off at the edges.
        begin, end: bases to decode.
        rows: (lead + end - begin, COLUMNS) float32, the first `lead` those before `begin`.
        is_start, is_stop: (2, 65) bool, by codon as read forward; forward, reverse strand.
        costs: of the decoder.
        state: (7, 4) float64, columns SCORE, OPENED, SCORE_SUM, PROBABILITY_SUM.
        link: (7, 3) int64, columns LOW, BEFORE, CUT_OFF.
        ended: (ENDED, 5) float64, columns SCORE, END, STRAND, EVENT, INNER of neighbour_kernels.py.
        filled: (1,) int64, rows of `ended` that are filled.
        events: (n, 6) float64: start, end, state, event before, probability, ends cut off.
        count: events filled.

    Returns:
        events filled, or -1 less them if the array is full: call again with a longer one and the old state.
    """
    shift = lead - begin
    n = len(events)
    low = begin - lead
    shared, best, at = np.empty(7), np.empty(7), np.empty(7, np.int64)
    scores, probabilities = np.empty((end - begin + 1, 7)), np.empty((end - begin + 1, 7))
    _add_up(rows, lead, begin, costs.weight, state, scores, probabilities)
    if begin == 0:
        _open_all(0, state, link, costs.partial + costs.gene, scores[0], probabilities[0])
    g = 0
    while g < len(gaps) and gaps[g, 1] < begin:
        g += 1
    edge = gaps[g, 0] if g < len(gaps) else length
    for i in range(begin, end):
        if count + 16 > n:
            return -count - 1
        k = i - begin
        if g < len(gaps) and (i == gaps[g, 0] or i == gaps[g, 1]):
            if i == gaps[g, 0]:
                if gaps[g, 2] == 0:
                    count = _close_all(i, state, link, costs, scores[k], probabilities[k], events, count)
                state[1:, SCORE] = -np.inf
                filled[0] = 0
                add_ended(
                    state[0, SCORE], i, np.int64(NO_GENE), link[0, BEFORE], 0.0, -np.inf, costs.slack, ended,
                    filled,
                )  # fmt: skip
            else:
                if gaps[g, 2] == 0:
                    _open_all(i, state, link, costs.partial + costs.gene, scores[k], probabilities[k])
                g += 1
                edge = gaps[g, 0] if g < len(gaps) else length
        if g < len(gaps) and gaps[g, 2] == 1 and i >= gaps[g, 0]:
            continue  # no gene opens or ends on masked bases
        word = words[i - first]
        if is_start[0, word]:
            row = rows[i + shift]
            _start_forward(
                i, k, words, first, row, edge, is_stop, costs, state, link, scores, probabilities, ended,
                filled,
            )  # fmt: skip
        if is_stop[1, word]:  # the low end of a reverse gene
            s = 4 + i % 3
            v, before = best_before(i, np.int64(REVERSE), 0.0, costs.spacing, ended, filled)
            state[s, SCORE], state[s, OPENED] = v - costs.gene - scores[k, s], probabilities[k, s]
            link[s, LOW], link[s, BEFORE], link[s, CUT_OFF] = i, before, 0
        if i < 2:
            continue
        word, base = words[i - 2 - first], state[0, SCORE]
        if is_stop[0, word]:
            s = 1 + (i - 2) % 3
            v = state[s, SCORE] + scores[k + 1, s]
            count = _end_gene(
                s, v, base, i + 1, k + 1, words, first, rows, shift, low, edge, is_start, is_stop, costs,
                state, link, scores, probabilities, events, count, ended, filled, shared, best, at,
            )  # fmt: skip
            state[s, SCORE] = -np.inf
        if is_start[1, word]:  # the high end of a reverse gene
            s = 4 + (i - 2) % 3
            v = state[s, SCORE] + scores[k + 1, s] + rows[i + shift, STARTS + 1]
            size = i + 1 - link[s, LOW]
            if size < costs.usual and not link[s, CUT_OFF]:  # forward genes paid at their start
                v -= costs.brief * (1.0 - size / costs.usual)
            count = _end_gene(
                s, v, base, i + 1, k + 1, words, first, rows, shift, low, edge, is_start, is_stop, costs,
                state, link, scores, probabilities, events, count, ended, filled, shared, best, at,
            )  # fmt: skip
    if end == length:
        k = end - begin
        count = _close_all(end, state, link, costs, scores[k], probabilities[k], events, count)
    return count


@njit(cache=True, nogil=True)
def prune(events, count, link, ended, filled):
    """Drop the events that lead to no open state, in place, and renumber the others; their number."""
    number = np.full(count + 1, -1, np.int64)  # the last stands for "none before"
    for s in range(len(link)):
        number[link[s, BEFORE]] = 0
    for row in ended[: filled[0]]:
        number[np.int64(row[EVENT])] = 0
    for i in range(count - 1, -1, -1):  # an event comes after the one before it
        if number[i] == 0:
            number[np.int64(events[i, EVENT_BEFORE])] = 0
    number[count] = -1
    left = 0
    for i in range(count):
        if number[i] == 0:
            number[i] = left
            for j in range(events.shape[1]):  # in a loop, as in neighbour_kernels.py
                events[left, j] = events[i, j]
            events[left, EVENT_BEFORE] = number[np.int64(events[i, EVENT_BEFORE])]
            left += 1
    for s in range(len(link)):
        link[s, BEFORE] = number[link[s, BEFORE]]
    for row in ended[: filled[0]]:
        row[EVENT] = number[np.int64(row[EVENT])]
    return left


@njit(cache=True, nogil=True)
def _open_all(at, state, link, cost, scores, probabilities):
    """Open a partial gene in every state, at an end of the contig or of a gap; the last two: sums so far."""
    for s in range(1, 7):
        state[s, SCORE], state[s, OPENED] = state[0, SCORE] - cost - scores[s], probabilities[s]
        link[s, LOW], link[s, BEFORE], link[s, CUT_OFF] = at, link[0, BEFORE], 1


@njit(cache=True, nogil=True)
def _close_all(at, state, link, costs, scores, probabilities, events, count):
    """End the best of the open genes as a partial one, at an end of the contig or of a gap; events filled."""
    for s in range(1, 7):
        size = at - link[s, LOW]
        v = state[s, SCORE] + scores[s] - costs.partial
        if size >= costs.shortest_partial and v > state[0, SCORE]:
            mean = (probabilities[s] - state[s, OPENED]) / size
            link[0, BEFORE] = count
            state[0, SCORE] = v
            count = _record(events, count, link[s, LOW], at, s, link[s, BEFORE], mean, link[s, CUT_OFF] + 2)
    return count


@njit(cache=True, nogil=True)
def _record(events, count, begin, end, state, before, probability, missing):
    row = events[count]
    row[0], row[1], row[2], row[3], row[4], row[5] = begin, end, state, before, probability, missing
    return count + 1
