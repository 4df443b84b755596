"""One thread per BLAS pool, and freed memory held by the process for its next arrays.

Work is parallel over whole batches: fork-join threads collapse on a busy core. Memory that malloc returns to
the system comes back as new pages, each with a page fault and filled with zeros.
"""

import ctypes
import sys
from contextlib import AbstractContextManager
from functools import cache, lru_cache

from threadpoolctl import ThreadpoolController

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers in glibc's malloc.h
_HELD, _LARGEST = 128 << 20, 32 << 20  # bytes


def single_threaded() -> AbstractContextManager[object]:
    """Limit the BLAS pools of NumPy and, if it is loaded, of SciPy to one thread; restore them at the end.

    After the first call malloc holds up to 128 MiB of freed memory, from arrays up to 32 MiB each, where the
    C library has mallopt(3).
    """
    _hold_freed_memory()
    limited: AbstractContextManager[object] = _pools("scipy.linalg" in sys.modules).limit(limits=1)
    return limited


@cache
def _hold_freed_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _HELD)
        mallopt(_MMAP_THRESHOLD, _LARGEST)


@lru_cache(2)
def _pools(of_scipy: bool) -> ThreadpoolController:
    return ThreadpoolController()
