"""Numba kernels for string arrays and ragged arrays: join, renumber, gather, find equal rows."""

import numpy as np
from numba import njit

_FIRST, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)  # FNV-1a


@njit(cache=True, nogil=True)
def join(data, starts, ends):
    """Concatenate the byte ranges `data[starts[i]:ends[i]]`.

    Returns:
        bytes (R,) uint8, and ragged offsets (n + 1,) int64.
    """
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
def renumber(ids, known):
    """Renumber ids below `known` by first occurrence.

    Returns:
        new ids (N,) int32, and the old id of each new one.
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
def gather_bags(rows, offsets, order):
    """Rows and offsets of the bags `order`; bag m is `rows[offsets[m]:offsets[m + 1]]`."""
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
def first_equal(numbers, offsets):
    """Index of the first sequence equal to each sequence, (n,) int64; its own where there is none before.

    Args:
        numbers: (N,) symbols.
        offsets: (n + 1,) ragged offsets of the sequences.
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


@njit(cache=True, nogil=True)
def word_marks(data, starts, ends, pooled, opens, closes):
    """Marks of words in UTF-8, (N,) uint8; see `data.text.pooled_words`."""
    marks = np.zeros(len(starts), np.uint8)
    for i in range(len(starts)):
        a, b = starts[i], ends[i]
        first = data[a] if b > a else 0
        wide = b == a + 3 and first == 0xEF and data[a + 1] == 0xBC  # full-width brackets
        if (b == a + 1 and first in (0x28, 0x5B)) or (wide and data[a + 2] == 0x88):
            marks[i] = opens
        elif (b == a + 1 and first in (0x29, 0x5D)) or (wide and data[a + 2] == 0x89):
            marks[i] = closes
        else:
            length, letters, lower = 0, False, True
            for k in range(a, b):
                c = data[k]
                if c & 0xC0 == 0x80:
                    continue
                length += 1
                small = 0x61 <= c <= 0x7A
                lower = lower and small
                other = c >= 0xC3 and c != 0xE2  # no letter of ASCII; the signs from U+2000 on are none
                if other and c in (0xE3, 0xEF) and k + 1 < b:
                    other = not (c == 0xE3 and data[k + 1] == 0x80) and not (
                        c == 0xEF and data[k + 1] == 0xBC
                    )
                letters = letters or small or 0x41 <= c <= 0x5A or other
            if letters and (length > 3 or not lower):
                marks[i] = pooled
    return marks
