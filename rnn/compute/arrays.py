"""Names for the arrays that travel between the modules of `rnn`."""

import os
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]
Int32: TypeAlias = npt.NDArray[np.int32]
Int64: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]


class RowGradient(NamedTuple):
    """Gradient of a table that only some rows took part in: `values[k]` (K, D) belongs to row `rows[k]`."""

    rows: Int64
    values: Floats


Params: TypeAlias = dict[str, Floats]
Gradients: TypeAlias = dict[str, Floats | RowGradient]


def compiled(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this type go through the Numba kernels.

    They do when they are float32, unless the environment says ELMAN_KERNELS=numpy; anything else goes through
    the NumPy code that the kernels are tested against.
    """
    return dtype == np.float32 and os.environ.get("ELMAN_KERNELS") != "numpy"
