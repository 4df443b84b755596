"""Numba kernels that read a strand 5' to 3'. Codes 0 to 3, 4 unknown; a place counts along the strand."""

from typing import Any

from numba import njit


@njit(cache=True, nogil=True, inline="always")
def base_at(codes: Any, place: Any, reverse: Any) -> Any:
    """Base at a place of a strand; 4 beyond the ends."""
    if place < 0 or place >= len(codes):
        return 4
    code = codes[len(codes) - 1 - place] if reverse else codes[place]
    return 3 - code if reverse and code < 4 else code


@njit(cache=True, nogil=True, inline="always")
def word_at(codes: Any, place: Any, reverse: Any, width: Any) -> Any:
    """K-mer that starts at a place of a strand; -1 with an unknown base."""
    word = 0
    for i in range(width):
        code = base_at(codes, place + i, reverse)
        if code == 4:
            return -1
        word = word * 4 + code
    return word
