"""One thread a BLAS pool: work is parallel over whole batches; fork-join threads collapse on a busy core."""

from contextlib import AbstractContextManager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(1)
def _pools() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401  (products inside kernels call it: its pool must be there)

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Limit the pools of NumPy and of the kernels to one thread, and set them back at the end."""
    limited: AbstractContextManager[object] = _pools().limit(limits=1)
    return limited
