"""Compilation of kernels: cached on disk (NUMBA_CACHE_DIR), run without the interpreter's lock."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Compile a kernel at its first call; division by zero gives infinity, sums may be reordered."""
    return cast(F, numba.njit(nogil=True, fastmath=True, cache=True, error_model="numpy")(function))


# All of `fastmath` but "arcp", which estimates the reciprocals of a vector of divisors, but not those of the
# rest of a loop.
STRICT = {"nnan", "ninf", "nsz", "contract", "reassoc", "afn"}


def strict(function: F) -> F:
    """Compile as `jit`, with reproducible division: no bit of a quotient depends on its place in a loop."""
    return cast(F, numba.njit(nogil=True, fastmath=STRICT, cache=True, error_model="numpy")(function))
