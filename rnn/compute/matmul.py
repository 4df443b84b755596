"""Matrix products inside kernels: rows times a matrix that was packed once for many steps.

A BLAS copies both operands into an order of its own at every call, which costs more than it saves with 8 or
64 rows. Here the weights are packed once a batch (`packed`): panels of columns side by side, each K rows
deep, so that the innermost loop reads memory in order. It holds a tile of the result in vector registers and
adds, for k = 0, 1, ..., column k of `a` times row k of the panel (Goto and van de Geijn, 2008, figure 4).

Every number of a result is one chain of fused multiply-adds over k, whatever tile it lies in: a row's result
does not depend on the rows beside it, and is the same bits with vectors of 8 and of 16 numbers.

The product is compiled once, as a C function that kernels call by its symbol. Numba would otherwise compile
it again inside every kernel that calls it, which is most of the time of a first training.
"""

from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]  # it has none
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray
from numpy.lib.stride_tricks import as_strided

from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.jit import jit
from elman.rnn.compute.tiles import (
    DEPTH,
    FEW,
    LANES,
    PANEL,
    ROWS,
    TALLS,
    arrays_of,
    cgutils,
    config,
    copy_row,
    tile,
    transpose,
)

_NUMBERS: Any = types.CPointer(types.float32)  # type: ignore[no-untyped-call]  # it has no types
_SIZE = types.intp
_ARGUMENTS = (
    _NUMBERS,
    *[_SIZE] * 4,
    _NUMBERS,
    _SIZE,
    _SIZE,
    _NUMBERS,
    _SIZE,
    _SIZE,
    types.boolean,
)  # of _times_at


@jit
def put(row: Any, panels: Any, k: int) -> None:
    """Set row k of a packed matrix to `row` (N,)."""
    full = len(row) // PANEL
    for p in range(full):
        copy_row(row[p * PANEL : p * PANEL + PANEL], panels[p, k])
    for j in range(full * PANEL, len(row)):
        panels[full, k, j - full * PANEL] = row[j]


@jit
def _fill(W: Any, panels: Any) -> None:
    K, N = W.shape
    if W.strides[1] == W.itemsize:
        for k in range(K):
            put(W[k], panels, k)
        return
    whole = K // LANES * LANES if W.strides[0] == W.itemsize else 0  # rows that are transposed by vectors
    for j in range(0, N, LANES):
        p, first = j // PANEL, j % PANEL
        begin = whole if j + LANES <= N else 0
        for k in range(0, begin, LANES):
            transpose(W[k : k + LANES, j : j + LANES], panels[p, k : k + LANES, first : first + LANES])
        for i in range(min(LANES, N - j)):
            for k in range(begin, K):
                panels[p, k, first + i] = W[k, j + i]


@jit
def empty_panels(K: int, N: int) -> Any:
    """An uninitialised packed matrix (panels, K, PANEL), aligned to 64 bytes; zero beyond column N."""
    count = (N + PANEL - 1) // PANEL
    bare = np.empty(count * K * PANEL + 16, np.float32)
    first = -(np.int64(bare.ctypes.data) // 4) % 16
    panels = bare[first : first + count * K * PANEL].reshape((count, K, PANEL))
    for k in range(K):
        for j in range(N - (count - 1) * PANEL, PANEL):
            panels[count - 1, k, j] = 0
    return panels


@jit
def packed(W: Any) -> Any:
    """Pack W (K, N) for `times`: (panels, K, PANEL), zero beyond the last column."""
    panels = empty_panels(W.shape[0], W.shape[1])
    _fill(W, panels)
    return panels


@jit
def _next_rows(left: int, tall: int) -> int:
    """Rows of the next tile of `left` ones: tall ones if the rest does well, else parts that are alike."""
    if left == tall or left >= tall + ROWS // 2 + 1:
        return tall
    return left if left <= ROWS else (left + 1) // 2 if left <= 2 * ROWS else ROWS


@jit
def _tiles(a: Any, panels: Any, c: Any, add: bool) -> None:
    """`times`, tile by tile."""
    M, K = a.shape
    N = c.shape[1]
    p = 0
    while p < len(panels):
        first, q = p * PANEL, 1
        if M <= FEW and first + 2 * PANEL <= N:
            q = 2
        last = min(first + q * PANEL, N)
        tall = M if q == 2 else TALLS[(last - first + LANES - 1) // LANES]
        step = DEPTH if M > ROWS else max(K, 1)  # nothing is used again by so few rows
        for k in range(0, K, step):
            end, i = min(k + step, K), 0
            while i < M:
                j = i + _next_rows(M - i, tall)
                tile(a[i:j, k:end], panels[p : p + q, k:end], c[i:j, first:last], add or k > 0)
                i = j
        p += q


def _times_at(
    a: Any,
    M: int,
    K: int,
    row: int,
    step: int,
    panels: Any,
    count: int,
    deep: int,
    c: Any,
    N: int,
    below: int,
    add: bool,
) -> None:
    """`_tiles` on arrays given by address, shape and strides in bytes; panels (count, deep, PANEL)."""
    left = as_strided(carray(a, (1, 1)), (M, K), (row, step))
    out = as_strided(carray(c, (1, 1)), (M, N), (below, 4))
    _tiles(left, carray(panels, (count, deep, PANEL)), out, add)


_SYMBOL = "elman_times"
if not config.DISABLE_JIT:  # where nothing is compiled, no product is taken
    _compiled = numba.cfunc(types.void(*_ARGUMENTS), cache=True)(_times_at)
    llvmlite.binding.add_symbol(_SYMBOL, _compiled.address)


def _typed_call(typingctx: Any, a: Any, panels: Any, c: Any, add: Any) -> Any:
    """Call `_times_at` by its symbol: it is compiled once, not again inside every kernel."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, out = arrays_of(context, builder, signature, arguments)
        (M, K), (row, step) = (cgutils.unpack_tuple(builder, pair, 2) for pair in (left.shape, left.strides))
        count, deep, _ = cgutils.unpack_tuple(builder, right.shape, 3)
        N = cgutils.unpack_tuple(builder, out.shape, 2)[1]
        below = cgutils.unpack_tuple(builder, out.strides, 2)[0]
        kinds = [context.get_value_type(kind) for kind in _ARGUMENTS]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), _SYMBOL
        )
        flag = builder.zext(arguments[3], kinds[-1]) if kinds[-1] != arguments[3].type else arguments[3]
        builder.call(
            function, [left.data, M, K, row, step, right.data, count, deep, out.data, N, below, flag]
        )
        return context.get_dummy_value()

    return types.void(a, panels, c, types.boolean), build


_call: Any = intrinsic(_typed_call)


@jit
def times(a: Any, panels: Any, c: Any, add: bool) -> None:
    """c = a @ W, or c += a @ W where `add`: a (M, K), c (M, N), its rows contiguous.

    W (K, N) is packed; its panels may hold more than K rows.
    """
    _call(a, panels, c, add)


@jit
def _product(a: Any, W: Any, start: Any) -> Any:
    out = np.empty((a.shape[0], W.shape[1]), np.float32)
    if len(start):
        for i in range(len(out)):
            row = out[i]
            for j in range(len(row)):  # an assignment of slices asks first whether they overlap
                row[j] = start[j]
    times(a, packed(W), out, len(start) > 0)
    return out


_NO_START = np.empty(0, np.float32)


def product(a: Floats, W: Floats, start: Floats | None = None) -> Floats:
    """A @ W, or `start` (N,) + a @ W in every row."""
    out: Floats = _product(a, W, _NO_START if start is None else start)
    return out
