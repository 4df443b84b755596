"""Numba kernel of data/genome/gene_decoder.py: dynamic programming over all legal genes of both strands, in one pass.

States: 0 is between genes; 1, 2, 3 in a forward gene whose codons begin at places 0, 1, 2 modulo 3; 4, 5, 6
in a reverse gene whose codons' lowest bases stand there. Scores are relative to "no gene anywhere".
"""

import numpy as np
from numba import njit

LONGEST_OVERLAP = 45  # bases neighbours may share; half the shortest gene, so that no three genes share one


_CLASS = np.array(  # of a base, by gene state and by its place modulo 3
    [[0, 0, 0]]
    + [[1 + (place - first) % 3 for place in range(3)] for first in range(3)]
    + [[6 - (place - first) % 3 for place in range(3)] for first in range(3)]
)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "arcp", "nsz", "afn"}, error_model="numpy")
def evidence(logits, out):  # type: ignore[no-untyped-def]
    """Logits (n, 9) -> out (n, 14), as data/genome/gene_decoder.py says."""
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
def _worth(rows, at, c, weight):  # type: ignore[no-untyped-def]
    """What the base in row `at` adds in class c; a codon's first base brings what the codon says."""
    worth = weight * rows[at, c - 1]
    if c == 1:
        worth += rows[at, 14]
    elif c == 4:
        worth += rows[at, 15]
    return worth


@njit(cache=True, nogil=True)
def _long_enough(words, begin, edge, is_stop, shortest, shortest_partial):  # type: ignore[no-untyped-def]
    """Whether a forward gene that begins at `begin` reaches its least length before it must end."""
    p = begin + 3
    while p + 3 < begin + shortest:
        if p >= edge:
            return edge - begin >= shortest_partial
        if is_stop[0, words[p]]:
            return False
        p += 3
    return True


@njit(cache=True, nogil=True)
def _short_of(words, begin, edge, is_stop, brief, usual):  # type: ignore[no-untyped-def]
    """What a forward gene that begins at `begin` costs for being shorter than usual."""
    p = begin + 3
    while p + 3 < begin + usual:
        if p >= edge:
            return 0.0
        if is_stop[0, words[p]]:
            return brief * (1.0 - (p + 3 - begin) / usual)
        p += 3
    return 0.0


@njit(cache=True, nogil=True)
def _add_up(rows, lead, begin, weight, state, worth, chance):  # type: ignore[no-untyped-def]
    """Running sums of what bases are worth in each state, and of their probabilities, before each base.

    worth, chance: (n + 1, 7), filled; state holds the sums so far, and then those at the end.
    """
    n = len(worth) - 1
    for t in range(1, 7):
        worth[0, t], chance[0, t] = state[t, 2], state[t, 3]
    for i in range(n):
        third = (begin + i) % 3
        for t in range(1, 7):
            c = _CLASS[t, third]
            worth[i + 1, t] = worth[i, t] + weight * rows[lead + i, c - 1]
            chance[i + 1, t] = chance[i, t] + rows[lead + i, c + 5]
        worth[i + 1, 1 + third] += rows[lead + i, 14]
        worth[i + 1, 4 + (third + 1) % 3] += rows[lead + i, 15]
    for t in range(1, 7):
        state[t, 2], state[t, 3] = worth[n, t], chance[n, t]


@njit(cache=True, nogil=True)
def _overlaps(  # type: ignore[no-untyped-def]
    words, first, rows, shift, floor, end, edge, s, v, is_start, is_stop, costs, shared, best, at
):
    """Where in the last bases of a gene, floor to end, the next gene may best begin.

    Args:
        s, v: state of the gene, and its score less what the next one costs.
        shared: (7,) room.
        best, at: (7,) the score to beat in each state, and room; its best, and where it begins or -1.
        ...: as in `run`.
    """
    _, overlap_cost, shortest, shortest_partial, _, weight, brief, usual = costs
    shared[:] = v
    at[:] = -1
    for p in range(end - 1, floor - 1, -1):
        third, row, q = p % 3, p + shift, p - first
        word = words[q]
        own = _worth(rows, row, _CLASS[s, third], weight)
        for t in range(1, 7):
            gain = _worth(rows, row, _CLASS[t, third], weight) - own
            shared[t] += max(gain, 0.0) - overlap_cost
        f, m = 1 + third, 4 + third
        if is_stop[0, word] and p + 3 <= end:
            shared[f] = -np.inf  # a stop codon parts what is before it from what is behind
        elif is_start[0, word]:
            c = shared[f] + rows[row, 12]
            if c > best[f] and _long_enough(words, q, edge - first, is_stop, shortest, shortest_partial):
                c -= _short_of(words, q, edge - first, is_stop, brief, usual)
                if c > best[f]:
                    best[f], at[f] = c, p
        if is_stop[1, word]:
            if shared[m] > best[m]:
                best[m], at[m] = shared[m], p
            shared[m] = -np.inf


@njit(cache=True, nogil=True)
def run(  # type: ignore[no-untyped-def]
    words, first, length, gaps, begin, end, rows, lead, is_start, is_stop, costs, state, link, events, count
):
    """Go over bases begin to end of a contig.

    Args:
        words: uint8, the codon that begins at each base from `first` on; 64 where unknown or over the end.
        length: bases of the contig.
        gaps: (n, 2) int64, where the contig is parted.
        begin, end: what is gone over.
        rows: (lead + end - begin, 16) float32, the first `lead` those before `begin`: log odds of six classes
            against none, their probabilities, log odds that a gene begins here, forward and reverse, and
            that a codon of a gene begins here, likewise.
        is_start, is_stop: (2, 65) bool, by codon as read forward; forward, reverse strand.
        costs: gene, overlap base, shortest gene, shortest partial gene, partial end; weight; brief, usual.
        state: (7, 4) float64: score, for genes less the running sum of what bases are worth in the state;
            running sum of probabilities at the opening; both running sums.
        link: (7, 3) int64: where the open gene began, the event before it, whether it lacks its first end.
        events: (n, 6) float64: start, end, state, event before, probability, missing ends.
        count: events filled.

    Returns:
        events filled, or -1 less them for want of room: give a longer array and the saved state again.
    """
    gene_cost, _, shortest, shortest_partial, partial_cost, weight, brief, usual = costs
    hopeless = 10.0 + LONGEST_OVERLAP * weight * 15.0  # more than shared bases make up for
    shift = lead - begin
    n = len(events)
    low = begin - lead
    shared, best, at = np.empty(7), np.empty(7), np.empty(7, np.int64)
    worth, chance = np.empty((end - begin + 1, 7)), np.empty((end - begin + 1, 7))
    _add_up(rows, lead, begin, weight, state, worth, chance)
    if begin == 0:
        _open_all(0, state, link, partial_cost + gene_cost, worth[0], chance[0])
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
                count = _close_all(
                    i, state, link, partial_cost, shortest_partial, worth[k], chance[k], events, count
                )
                state[1:, 0] = -np.inf
            else:
                _open_all(i, state, link, partial_cost + gene_cost, worth[k], chance[k])
                g += 1
                edge = gaps[g, 0] if g < len(gaps) else length
        # genes open before base i
        p, e = i - first, edge - first
        w = words[p]
        if is_start[0, w]:
            f = 1 + i % 3
            v = state[0, 0] + rows[i + shift, 12] - gene_cost - worth[k, f]
            if v > state[f, 0] and _long_enough(words, p, e, is_stop, shortest, shortest_partial):
                v -= _short_of(words, p, e, is_stop, brief, usual)
                if v > state[f, 0]:
                    state[f, 0], state[f, 1] = v, chance[k, f]
                    link[f, 0], link[f, 1], link[f, 2] = i, link[0, 1], 0
        if is_stop[1, w]:
            m = 4 + i % 3
            state[m, 0], state[m, 1] = state[0, 0] - gene_cost - worth[k, m], chance[k, m]
            link[m, 0], link[m, 1], link[m, 2] = i, link[0, 1], 0
        # genes end after base i, where the codon was [i - 2, i]
        q = i - 2
        if q < 0:
            continue
        w = words[q - first]
        b = i + 1
        k += 1
        base = state[0, 0]
        for side in range(2):
            if side == 0:
                if not is_stop[0, w]:
                    continue
                s = 1 + q % 3
                v = state[s, 0] + worth[k, s]
            else:
                if not is_start[1, w]:
                    continue
                s = 4 + q % 3
                v = state[s, 0] + worth[k, s] + rows[i + shift, 13]
            a_begin = link[s, 0]
            size = b - a_begin
            fits = size >= (shortest_partial if link[s, 2] else shortest)
            if side == 1 and size < usual and not link[s, 2]:  # of forward genes when they began
                v -= brief * (1.0 - size / usual)
            if fits and v > base - hopeless:
                mean = (chance[k, s] - state[s, 1]) / size
                number = -1
                if v > state[0, 0]:
                    number = count
                    count = _note(events, count, a_begin, b, s, link[s, 1], mean, link[s, 2])
                    state[0, 0] = v
                    link[0, 1] = number
                if b < edge:  # the next gene may begin inside this one
                    for t in range(1, 7):
                        best[t] = state[t, 0] + worth[k, t]
                    floor = max(b - LONGEST_OVERLAP, low, a_begin + 1)
                    _overlaps(
                        words, first, rows, shift, floor, b, edge, s, v - gene_cost, is_start, is_stop,
                        costs, shared, best, at,
                    )  # fmt: skip
                    for t in range(1, 7):
                        if at[t] >= 0 and t != s:
                            if number < 0:
                                number = count
                                count = _note(events, count, a_begin, b, s, link[s, 1], mean, link[s, 2])
                            inside = 0.0
                            for p in range(at[t], b):
                                inside += rows[p + shift, _CLASS[t, p % 3] + 5]
                            state[t, 0], state[t, 1] = best[t] - worth[k, t], chance[k, t] - inside
                            link[t, 0], link[t, 1], link[t, 2] = at[t], number, 0
            if side == 0:
                state[s, 0] = -np.inf
    if end == length:
        k = end - begin
        count = _close_all(
            end, state, link, partial_cost, shortest_partial, worth[k], chance[k], events, count
        )
    return count


@njit(cache=True, nogil=True)
def prune(events, count, link):  # type: ignore[no-untyped-def]
    """Keep the events that lead to an open end, in order; events and link are changed. How many."""
    number = np.full(count + 1, -1, np.int64)  # the last stands for "none before"
    for s in range(len(link)):
        number[link[s, 1]] = 0
    for i in range(count - 1, -1, -1):  # an event comes after the one before it
        if number[i] == 0:
            number[np.int64(events[i, 3])] = 0
    number[count] = -1
    kept = 0
    for i in range(count):
        if number[i] == 0:
            number[i] = kept
            events[kept] = events[i]
            events[kept, 3] = number[np.int64(events[i, 3])]
            kept += 1
    for s in range(len(link)):
        link[s, 1] = number[link[s, 1]]
    return kept


@njit(cache=True, nogil=True)
def _open_all(at, state, link, cost, worth, chance):  # type: ignore[no-untyped-def]
    """At the beginning of a part of the contig any gene may already be open; worth, chance: sums so far."""
    for s in range(1, 7):
        state[s, 0], state[s, 1] = state[0, 0] - cost - worth[s], chance[s]
        link[s, 0], link[s, 1], link[s, 2] = at, link[0, 1], 1


@njit(cache=True, nogil=True)
def _close_all(at, state, link, cost, shortest, worth, chance, events, count):  # type: ignore[no-untyped-def]
    """At the end of a part of the contig any gene may still be open; the best of them ends here."""
    for s in range(1, 7):
        size = at - link[s, 0]
        v = state[s, 0] + worth[s] - cost
        if size >= shortest and v > state[0, 0]:
            mean = (chance[s] - state[s, 1]) / size
            link[0, 1] = count
            state[0, 0] = v
            count = _note(events, count, link[s, 0], at, s, link[s, 1], mean, link[s, 2] + 2)
    return count


@njit(cache=True, nogil=True)
def _note(events, count, begin, end, state, before, chance, missing):  # type: ignore[no-untyped-def]
    row = events[count]
    row[0], row[1], row[2], row[3], row[4], row[5] = begin, end, state, before, chance, missing
    return count + 1
