"""Vector instructions of the matrix product: its tile, and the copying and transposing of what it reads.

Written as instructions of LLVM, as Numba alone keeps no sums in registers. How wide vectors are and what a
tile holds depend on the processor that kernels are compiled for, and on nothing else.
"""

from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]  # it has none
from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.core import config as _config
from numba.extending import intrinsic

cgutils: Any = _cgutils  # neither has types
config: Any = _config


def _wide() -> bool:
    """Return True if kernels are compiled for AVX-512: 32 registers of 16 numbers, instead of 16 of 8."""
    if config.CPU_FEATURES is not None:
        return "+avx512f" in config.CPU_FEATURES
    return bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))


# Numbers in a vector; vectors side by side, and rows, of a tile. Its sums, VECTORS numbers of the panel and
# one of `a` fill the registers, and there are at least the 8 sums that two units of four cycles can work on.
LANES, VECTORS, ROWS = (16, 4, 6) if _wide() else (8, 3, 4)
TALL = {v: ROWS * (VECTORS // v) for v in range(1, VECTORS + 1)}  # rows of a tile that is v vectors wide
if not _wide():
    TALL[2] = 6
TALLS = (0, *TALL.values())
PANEL = LANES * VECTORS
FEW = 7 // VECTORS  # rows so few that two panels are used at once, for 8 sums
DEPTH = 128 if _wide() else 192  # rows of a panel used in one go: they fit the first-level cache


def _heights(vectors: int) -> set[int]:
    """Numbers of rows that a tile so many vectors wide may have."""
    if vectors > VECTORS:
        return set(range(1, FEW + 1))
    return {*range(1, ROWS + 1), TALL[vectors]}


class _Code:
    """Writer of vector instructions."""

    def __init__(self, builder: Any, word: Any) -> None:
        number, flag = ir.FloatType(), ir.IntType(1)
        self.builder, self.word, self.number = builder, word, number
        self.vector, self.mask = ir.VectorType(number, LANES), ir.VectorType(flag, LANES)
        self.zero, self._align = ir.Constant(self.vector, None), ir.IntType(32)(4)

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}")
        return self.builder.call(function, arguments)

    def at(self, base: Any, *steps: tuple[Any, Any], kind: Any = None) -> Any:
        """Pointer to the vector, or `kind`, that lies the sum of all step * index bytes behind `base`."""
        byte, place = ir.IntType(8).as_pointer(), self.word(0)
        for step, index in steps:
            place = self.builder.add(place, self.builder.mul(self._word(step), self._word(index)))
        moved = self.builder.gep(self.builder.bitcast(base, byte), [place])
        return self.builder.bitcast(moved, (kind or self.vector).as_pointer())

    def _word(self, value: Any) -> Any:
        return self.word(value) if isinstance(value, int) else value

    def load(self, pointer: Any, mask: Any = None) -> Any:
        """A vector; zero where the mask is not set."""
        if mask is None:
            return self.builder.load(pointer, align=4)
        name = f"masked.load.v{LANES}f32.p0"
        return self._call(name, self.vector, pointer, self._align, mask, self.zero)

    def store(self, value: Any, pointer: Any, mask: Any = None) -> None:
        """Write a vector, where the mask is set."""
        if mask is None:
            self.builder.store(value, pointer, align=4)
        else:
            name = f"masked.store.v{LANES}f32.p0"
            self._call(name, ir.VoidType(), value, pointer, self._align, mask)

    def spread(self, value: Any) -> Any:
        """A vector of equal values."""
        some = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        some = self.builder.insert_element(some, value, ir.IntType(32)(0))
        return self.shuffle(some, some, [0] * LANES)

    def shuffle(self, a: Any, b: Any, lanes: list[int]) -> Any:
        """A vector of lanes of a, from 0 on, and b, from LANES on."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """A * b + c, rounded once."""
        return self._call(f"fma.v{LANES}f32", self.vector, a, b, c)

    def below(self, count: Any) -> Any:
        """The mask of the first `count` numbers of a vector."""
        lanes = ir.Constant(ir.VectorType(self.word, LANES), list(range(LANES)))
        return self.builder.icmp_signed("<", lanes, self.spread(count))


def arrays_of(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """The arrays among the arguments of an intrinsic."""
    return [
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args, arguments, strict=True)
        if isinstance(kind, types.Array)
    ]


def _typed_tile(typingctx: Any, a: Any, panels: Any, c: Any, add: Any) -> Any:
    """c = a @ W, or c += a @ W where `add`; W the panels (1 or 2, K, PANEL), c as wide as they are or less.

    a (., K) has as many rows as `_heights` says. Of two panels, all columns are used.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = arrays_of(context, builder, signature, arguments)
        rows = cgutils.unpack_tuple(builder, arrays[0].shape, 2)[0]
        width = cgutils.unpack_tuple(builder, arrays[2].shape, 2)[1]
        word = rows.type
        vectors = builder.udiv(builder.add(width, word(LANES - 1)), word(LANES))
        done = builder.append_basic_block("done")
        choice = builder.switch(builder.add(builder.mul(rows, word(16)), vectors), done)
        for v in (*TALL, 2 * VECTORS):
            for r in sorted(_heights(v)):
                block = builder.append_basic_block(f"tile_{r}_{v}")
                choice.add_case(word(r * 16 + v), block)
                builder.position_at_end(block)
                _sums(_Code(builder, word), r, v, arrays, arguments[3])
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(a, panels, c, types.boolean), build


def _sums(code: _Code, rows: int, vectors: int, arrays: list[Any], add: Any) -> None:
    """The instructions for a tile of so many rows and vectors; the arrays are a, the panels and c."""
    builder, last, (left, right, out) = code.builder, vectors - 1, arrays
    a_row, a_step = cgutils.unpack_tuple(builder, left.strides, 2)
    c_row, _ = cgutils.unpack_tuple(builder, out.strides, 2)
    depth = cgutils.unpack_tuple(builder, left.shape, 2)[1]
    width = cgutils.unpack_tuple(builder, out.shape, 2)[1]
    panel = cgutils.unpack_tuple(builder, right.strides, 3)[0]
    full = builder.icmp_unsigned("==", width, code.word(vectors * LANES))
    inside = code.below(builder.sub(width, code.word(last * LANES)))
    numbers = [(r, v) for r in range(rows) for v in range(vectors)]
    places = {(r, v): code.at(out.data, (c_row, r), (4 * LANES, v)) for r, v in numbers}
    sums = {number: cgutils.alloca_once(builder, code.vector) for number in numbers}

    def begin(some: Any, mask: Any = None) -> None:
        for number in some:
            builder.store(code.load(places[number], mask), sums[number])

    def end(some: Any, mask: Any = None) -> None:
        for number in some:
            code.store(builder.load(sums[number]), places[number], mask)

    def move(by: Any) -> None:  # a vector that is not full needs a mask, which is slow, the others none
        by([(r, v) for r, v in numbers if v < last])
        rest = [(r, v) for r, v in numbers if v == last]
        with builder.if_else(full) as (then, otherwise):
            with then:
                by(rest)
            with otherwise:
                by(rest, inside)

    with builder.if_else(add) as (then, otherwise):
        with then:
            move(begin)
        with otherwise:
            for number in numbers:
                builder.store(code.zero, sums[number])
    with cgutils.for_range(builder, depth, intp=code.word) as loop:
        k = loop.index
        line = [
            code.load(code.at(right.data, (4 * PANEL, k), (panel, v // VECTORS), (4 * LANES, v % VECTORS)))
            for v in range(vectors)
        ]
        for r in range(rows):
            one = code.spread(builder.load(code.at(left.data, (a_row, r), (a_step, k), kind=code.number)))
            for v in range(vectors):
                builder.store(code.fma(one, line[v], builder.load(sums[r, v])), sums[r, v])
    move(end)


def _typed_copy(typingctx: Any, source: Any, target: Any) -> Any:
    """target = source, the PANEL numbers of a row of a panel."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, taken = arrays_of(context, builder, signature, arguments)
        code = _Code(builder, context.get_value_type(types.intp))
        lines = [code.load(code.at(given.data, (4 * LANES, v))) for v in range(VECTORS)]
        for v, line in enumerate(lines):
            code.store(line, code.at(taken.data, (4 * LANES, v)))
        return context.get_dummy_value()

    return types.void(source, target), build


def _typed_transpose(typingctx: Any, source: Any, target: Any) -> Any:
    """target = source (LANES, LANES), whose columns lie together in memory, where those of target have rows.

    Halves, quarters, ... of the vectors change places.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given, taken = arrays_of(context, builder, signature, arguments)
        code = _Code(builder, context.get_value_type(types.intp))
        column = cgutils.unpack_tuple(builder, given.strides, 2)[1]
        row = cgutils.unpack_tuple(builder, taken.strides, 2)[0]
        lines = [code.load(code.at(given.data, (column, j))) for j in range(LANES)]
        half = 1
        while half < LANES:
            low = [i if not i & half else LANES + i - half for i in range(LANES)]
            high = [i + half if not i & half else LANES + i for i in range(LANES)]
            for i in range(LANES):
                if not i & half:
                    a, b = lines[i], lines[i + half]
                    lines[i], lines[i + half] = code.shuffle(a, b, low), code.shuffle(a, b, high)
            half *= 2
        for k, line in enumerate(lines):
            code.store(line, code.at(taken.data, (row, k)))
        return context.get_dummy_value()

    return types.void(source, target), build


tile: Any = intrinsic(_typed_tile)
copy_row: Any = intrinsic(_typed_copy)
transpose: Any = intrinsic(_typed_transpose)
