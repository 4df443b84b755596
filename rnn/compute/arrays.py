"""Array types shared by the modules of `rnn`."""

import os
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Int32: TypeAlias = npt.NDArray[np.int32]
Int64: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class RowGradient(NamedTuple):
    """Sparse gradient of a table: `values[k]` (K, D) belongs to row `rows[k]`; other rows have none."""

    rows: npt.NDArray[np.integer[Any]]
    values: Floats


Params: TypeAlias = dict[str, Floats]
Gradients: TypeAlias = dict[str, Floats | RowGradient]


COMPILED = os.environ.get("ELMAN_KERNELS") != "numpy"
_KERNEL_TYPE = np.dtype(np.float32)


def use_kernels(dtype: np.dtype[Any]) -> bool:
    """Return True if arrays of this type go through the Numba kernels.

    Those of float32 do, unless ELMAN_KERNELS=numpy was set in the environment of the process; anything else
    goes through the NumPy code that the kernels are tested against.
    """
    return COMPILED and dtype == _KERNEL_TYPE
