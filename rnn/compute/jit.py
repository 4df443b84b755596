"""How kernels are compiled: once, kept on disk (NUMBA_CACHE_DIR), not holding the lock of the interpreter."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Compile a kernel at its first call; division by zero gives infinity, sums may be reordered."""
    return cast(F, numba.njit(nogil=True, fastmath=True, cache=True, error_model="numpy")(function))


# All of `fastmath` but "arcp": with it a vector of divisors is estimated, and what is left of a loop is not.
STRICT = {"nnan", "ninf", "nsz", "contract", "reassoc", "afn"}


def strict(function: F) -> F:
    """As `jit`; the last bits of a quotient do not depend on its place in a loop, or on what is beside it."""
    return cast(F, numba.njit(nogil=True, fastmath=STRICT, cache=True, error_model="numpy")(function))
