"""Numba kernel of the prefix beam search; tests compare it with the reference in ctc_decoding.py.

Prefixes are the nodes of a tree: the parent of a node is the prefix without its last label. Node 0 is the
empty one.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32
from elman.rnn.compute.jit import strict
from elman.rnn.layers.ctc_kernels import LOW, _log_softmax, add_logs

_NONE = -1


@strict
def _insert(
    best: Any, scores: Any, count: int, width: int, node: int, label: int, blank: Any, last: Any
) -> int:
    """Put a candidate among the best, likeliest first, of equal ones the first; return how many."""
    total = add_logs(blank, last)
    if count == width and total <= scores[count - 1, 2]:
        return count
    at = min(count, width - 1)
    while at > 0 and scores[at - 1, 2] < total:
        for j in range(2):
            best[at, j] = best[at - 1, j]
        for j in range(3):
            scores[at, j] = scores[at - 1, j]
        at -= 1
    best[at, 0], best[at, 1] = node, label
    scores[at, 0], scores[at, 1], scores[at, 2] = blank, last, total
    return min(count + 1, width)


@strict
def _prefix_beam(logits: Any, width: int, rare: Any) -> Any:
    T, V = logits.shape
    parent, label = np.empty(T * width + 1, np.int32), np.empty(T * width + 1, np.int32)
    child = np.full((T * width + 1, V), _NONE, np.int32)  # node of a prefix and one more label
    slot = np.full(T * width + 1, _NONE, np.int32)  # place of a node in the beam
    nodes, frame = 1, np.empty(V)
    parent[0] = label[0] = _NONE
    beam, blank, last = np.zeros(width, np.int32), np.full(width, LOW), np.full(width, LOW)
    either, likely = np.zeros(width), np.empty(V, np.int32)  # add_logs(blank, last); labels that are not rare
    stay_blank, stay_last = np.empty(width), np.empty(width)
    best, scores = np.empty((width, 2), np.int32), np.empty((width, 3))
    size, blank[0] = 1, 0.0
    for t in range(T):
        _log_softmax(logits[t], frame)
        labels = 0
        for c in range(1, V):
            if frame[c] >= rare:
                likely[labels] = c
                labels += 1
        for k in range(size):
            slot[beam[k]] = k
            stay_blank[k] = either[k] + frame[0]
            stay_last[k] = last[k] + frame[label[beam[k]]] if beam[k] else LOW
        count = 0
        for c in likely[:labels]:  # those that make a prefix which is in the beam, too
            for k in range(size):
                node = child[beam[k], c]
                if node != _NONE and slot[node] != _NONE:
                    before = blank[k] if label[beam[k]] == c else either[k]
                    stay_last[slot[node]] = add_logs(stay_last[slot[node]], before + frame[c])
        for k in range(size):
            count = _insert(best, scores, count, width, beam[k], _NONE, stay_blank[k], stay_last[k])
        for k in range(size):
            for c in likely[:labels]:
                node = child[beam[k], c]
                if node == _NONE or slot[node] == _NONE:
                    before = blank[k] if label[beam[k]] == c else either[k]
                    count = _insert(best, scores, count, width, beam[k], c, LOW, before + frame[c])
        for k in range(size):
            slot[beam[k]] = _NONE
        size = count
        for k in range(size):
            node, c = best[k, 0], best[k, 1]
            if c != _NONE:
                if child[node, c] == _NONE:
                    parent[nodes], label[nodes], child[node, c] = node, c, nodes
                    nodes += 1
                node = child[node, c]
            beam[k], blank[k], last[k], either[k] = node, scores[k, 0], scores[k, 1], scores[k, 2]
    length, node = 0, beam[0]
    while node:
        node, length = parent[node], length + 1
    text, node = np.empty(length, np.int32), beam[0]
    for i in range(length - 1, -1, -1):
        text[i], node = label[node], parent[node]
    return text


def prefix_beam(logits: Floats, width: int, rare: float) -> Int32:
    """ctc_decoding.prefix_beam, by kernels."""
    text: Int32 = _prefix_beam(np.ascontiguousarray(logits), width, rare)
    return text
