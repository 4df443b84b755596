"""One thread a BLAS pool: work is parallel over whole batches; fork-join threads collapse on a busy core."""

import sys
from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(2)
def _pools(of_scipy: bool) -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Limit the pools of NumPy and, where it is loaded, of SciPy to one thread; set them back at the end."""
    limited: AbstractContextManager[object] = _pools("scipy.linalg" in sys.modules).limit(limits=1)
    return limited
