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
from numba.core import cgutils as _cgutils
from numba.core import config as _config
from numba.extending import intrinsic
from numba.np.numpy_support import carray
from numpy.lib.stride_tricks import as_strided

from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.jit import jit

cgutils: Any = _cgutils  # neither has types
config: Any = _config


def _wide() -> bool:
    """Return True if kernels are compiled for AVX-512: 32 registers of 16 numbers, instead of 16 of 8."""
    if config.CPU_FEATURES is not None:
        return "+avx512f" in config.CPU_FEATURES
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))


LANES = 16 if _wide() else 8  # numbers in a vector
VECTORS = 4 if LANES == 16 else 2  # vectors side by side in a tile
ROWS = 6  # rows of a tile: ROWS * VECTORS sums and VECTORS numbers of the panel fill the registers
TALL = {v: ROWS * (VECTORS // v) for v in range(1, VECTORS + 1)}  # rows of a tile that is v vectors wide
PANEL = LANES * VECTORS
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
DEPTH = 128  # rows of a panel used in one go: they fit the first-level cache


def _typed(typingctx: Any, a: Any, panel: Any, c: Any, add: Any) -> Any:
    """c = a @ panel, or c += a @ panel where `add`; panel (K, PANEL), c (., 1 to PANEL).

    a (., K) has 1 to ROWS rows, or as many as TALL says.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, out = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        rows, depth = cgutils.unpack_tuple(builder, left.shape, 2)
        width = cgutils.unpack_tuple(builder, out.shape, 2)[1]
        word = rows.type
        vectors = builder.udiv(builder.add(width, word(LANES - 1)), word(LANES))
        done = builder.append_basic_block("done")
        choice = builder.switch(builder.add(builder.mul(rows, word(8)), vectors), done)
        for v, tall in TALL.items():
            for r in sorted({*range(1, ROWS + 1), tall}):
                block = builder.append_basic_block(f"tile_{r}_{v}")
                choice.add_case(word(r * 8 + v), block)
                builder.position_at_end(block)
                _sums(builder, r, v, left, right, out, depth, width, arguments[3])
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(a, panel, c, types.boolean), build


def _sums(
    builder: Any, rows: int, vectors: int, left: Any, right: Any, out: Any, depth: Any, width: Any, add: Any
) -> None:
    """The instructions for a tile of so many rows and vectors."""
    word, number, byte = depth.type, ir.FloatType(), ir.IntType(8)
    vector, mask = ir.VectorType(number, LANES), ir.VectorType(ir.IntType(1), LANES)
    align = ir.IntType(32)(4)

    def called(name: str, result: Any, *kinds: Any) -> Any:
        return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, kinds), f"llvm.{name}")

    load = called(f"masked.load.v{LANES}f32.p0", vector, vector.as_pointer(), align.type, mask, vector)
    store = called(
        f"masked.store.v{LANES}f32.p0", ir.VoidType(), vector, vector.as_pointer(), align.type, mask
    )
    fma = called(f"fma.v{LANES}f32", vector, vector, vector, vector)

    def at(base: Any, offset: Any, kind: Any) -> Any:
        return builder.bitcast(
            builder.gep(builder.bitcast(base, byte.as_pointer()), [offset]), kind.as_pointer()
        )

    def spread(value: Any) -> Any:
        some = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        some = builder.insert_element(some, value, ir.IntType(32)(0))
        return builder.shuffle_vector(
            some, some, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    a_row, a_step = cgutils.unpack_tuple(builder, left.strides, 2)
    c_row, _ = cgutils.unpack_tuple(builder, out.strides, 2)
    count = ir.Constant(ir.VectorType(word, LANES), list(range(LANES)))
    inside = [
        builder.icmp_signed("<", count, spread(builder.sub(width, word(v * LANES)))) for v in range(vectors)
    ]
    begun = [builder.and_(column, spread(add)) for column in inside]
    numbers = [(r, v) for r in range(rows) for v in range(vectors)]
    places = {
        (r, v): at(out.data, builder.add(builder.mul(c_row, word(r)), word(4 * LANES * v)), vector)
        for r, v in numbers
    }
    sums = {}
    for r, v in numbers:
        sums[r, v] = cgutils.alloca_once(builder, vector)
        first = builder.call(load, [places[r, v], align, begun[v], ir.Constant(vector, None)])
        builder.store(first, sums[r, v])
    with cgutils.for_range(builder, depth, intp=word) as loop:
        k = loop.index
        line = [
            builder.load(
                at(right.data, builder.add(builder.mul(k, word(4 * PANEL)), word(4 * LANES * v)), vector),
                align=4,
            )
            for v in range(vectors)
        ]
        for r in range(rows):
            where = builder.add(builder.mul(a_row, word(r)), builder.mul(a_step, k))
            one = spread(builder.load(at(left.data, where, number)))
            for v in range(vectors):
                builder.store(builder.call(fma, [one, line[v], builder.load(sums[r, v])]), sums[r, v])
    for r, v in numbers:
        builder.call(store, [builder.load(sums[r, v]), places[r, v], align, inside[v]])


tile: Any = intrinsic(_typed)


@jit
def put(row: Any, panels: Any, k: int) -> None:
    """Set row k of a packed matrix to `row` (N,)."""
    for p in range(len(panels)):
        first, out = p * PANEL, panels[p, k]
        for j in range(min(PANEL, len(row) - first)):
            out[j] = row[first + j]


@jit
def _fill(W: Any, panels: Any) -> None:
    K, N = W.shape
    if W.strides[1] == W.itemsize:
        for k in range(K):
            put(W[k], panels, k)
        return
    for p in range(len(panels)):  # W is transposed: 16 rows at a time use up each cache line
        first = p * PANEL
        for begin in range(0, K, 16):
            for j in range(min(PANEL, N - first)):
                for k in range(begin, min(begin + 16, K)):
                    panels[p, k, j] = W[k, first + j]


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
def _tiles(a: Any, panels: Any, c: Any, add: bool) -> None:
    """`times`, tile by tile."""
    M, K = a.shape
    N = c.shape[1]
    for p in range(len(panels)):
        first, last = p * PANEL, min(p * PANEL + PANEL, N)
        tall = ROWS * (VECTORS // ((last - first + LANES - 1) // LANES))
        high = M // tall * tall if tall > ROWS else 0  # rows in taller tiles, as the panel is narrow
        tiles = (M - high + ROWS - 1) // ROWS
        for k in range(0, K, DEPTH):
            end = min(k + DEPTH, K)
            for i in range(0, high, tall):
                tile(a[i : i + tall, k:end], panels[p, k:end], c[i : i + tall, first:last], add or k > 0)
            for t in range(tiles):
                i, j = high + (M - high) * t // tiles, high + (M - high) * (t + 1) // tiles
                tile(a[i:j, k:end], panels[p, k:end], c[i:j, first:last], add or k > 0)


@numba.cfunc(types.void(*_ARGUMENTS), cache=True)
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
llvmlite.binding.add_symbol(_SYMBOL, _times_at.address)


def _typed_call(typingctx: Any, a: Any, panels: Any, c: Any, add: Any) -> Any:
    """Call `_times_at` by its symbol: it is compiled once, not again inside every kernel."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, out = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
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
            out[i] = start
    times(a, packed(W), out, len(start) > 0)
    return out


_NO_START = np.empty(0, np.float32)


def product(a: Floats, W: Floats, start: Floats | None = None) -> Floats:
    """A @ W, or `start` (N,) + a @ W in every row."""
    out: Floats = _product(a, W, _NO_START if start is None else start)
    return out
