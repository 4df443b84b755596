"""Numba kernels over many words and sentences at once."""

import numpy as np
from numba import njit

_FIRST, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)  # FNV-1a


@njit(cache=True, nogil=True)
def join(data, starts, ends):  # type: ignore[no-untyped-def]
    """The bytes `data[starts[i]:ends[i]]` one after the other, and where each begins and the last ends."""
    offsets = np.zeros(len(starts) + 1, np.int64)
    for i in range(len(starts)):
        offsets[i + 1] = offsets[i] + ends[i] - starts[i]
    out = np.empty(offsets[-1], np.uint8)
    for i in range(len(starts)):
        at, to = starts[i], offsets[i]
        for k in range(offsets[i + 1] - to):
            out[to + k] = data[at + k]
    return out, offsets


@njit(cache=True, nogil=True)
def renumber(ids, known):  # type: ignore[no-untyped-def]
    """Numbers below `known` counted anew in the order they come.

    Returns:
        new numbers (N,) int32, and the old number of each new one.
    """
    new, order = np.full(known, -1, np.int32), np.empty(known, np.int32)
    out, count = np.empty(len(ids), np.int32), 0
    for i in range(len(ids)):
        if new[ids[i]] < 0:
            new[ids[i]] = count
            order[count] = ids[i]
            count += 1
        out[i] = new[ids[i]]
    return out, order[:count].copy()


@njit(cache=True, nogil=True)
def gather_bags(rows, offsets, order):  # type: ignore[no-untyped-def]
    """Bags `order` of the bags `rows[offsets[m]:offsets[m + 1]]`: their rows and offsets."""
    ends = np.zeros(len(order) + 1, np.int64)
    for i in range(len(order)):
        ends[i + 1] = ends[i] + offsets[order[i] + 1] - offsets[order[i]]
    out = np.empty(ends[-1], np.int32)
    for i in range(len(order)):
        at = offsets[order[i]]
        for k in range(ends[i + 1] - ends[i]):
            out[ends[i] + k] = rows[at + k]
    return out, ends


@njit(cache=True, nogil=True)
def first_equal(numbers, offsets):  # type: ignore[no-untyped-def]
    """For each sequence, the first one that is equal to it: itself, where it comes for the first time.

    Args:
        numbers: (N,) of the symbols.
        offsets: (n + 1,) where sequences begin, and the last ends.
    """
    n, size = len(offsets) - 1, 1
    while size < 2 * n:
        size *= 2
    mask, slots = np.uint64(size - 1), np.full(size, -1, np.int64)
    first = np.empty(n, np.int64)
    for i in range(n):
        a, length, key = offsets[i], offsets[i + 1] - offsets[i], _FIRST
        for k in range(length):
            key = (key ^ np.uint64(numbers[a + k])) * _PRIME
        slot = (key ^ (key >> np.uint64(32))) & mask
        while True:
            other = slots[slot]
            if other < 0:
                slots[slot] = other = i
                break
            b, same = offsets[other], offsets[other + 1] - offsets[other] == length
            k = 0
            while same and k < length:
                same = numbers[a + k] == numbers[b + k]
                k += 1
            if same:
                break
            slot = (slot + np.uint64(1)) & mask
        first[i] = other
    return first
