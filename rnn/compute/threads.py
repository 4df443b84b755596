"""How a process computes: one thread a BLAS pool, and freed memory kept for the next arrays.

Work is parallel over whole batches: fork-join threads collapse on a busy core. What malloc gives back to the
system comes again as new pages, each at a fault and filled with zeros.
"""

import ctypes
import sys
from contextlib import AbstractContextManager
from functools import cache, lru_cache

from threadpoolctl import ThreadpoolController

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h of glibc numbers them
_KEPT, _LARGEST = 128 << 20, 32 << 20  # bytes


def single_threaded() -> AbstractContextManager[object]:
    """Limit the pools of NumPy and, where it is loaded, of SciPy to one thread; set them back at the end.

    From the first time on, malloc keeps up to 128 MiB of what is freed, of arrays up to 32 MiB each, where
    the C library can be told so (mallopt(3)).
    """
    _keep_freed()
    limited: AbstractContextManager[object] = _pools("scipy.linalg" in sys.modules).limit(limits=1)
    return limited


@cache
def _keep_freed() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _LARGEST)


@lru_cache(2)
def _pools(of_scipy: bool) -> ThreadpoolController:
    return ThreadpoolController()
