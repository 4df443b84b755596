"""Recurrent cells: their common form, and the registry of the modules in rnn/layers/cells/.

A cell runs over a packed batch (rnn/compute/batches.py) of T time steps, B sequences and N rows. It takes x
(N, F*H), the inputs of each step, F gates side by side, with the bias already added, and recurrent weights;
it returns h (N, H) and backprop: dh (N, H) -> dx (N, F*H), gradients of the recurrent weights. The state
before the first step is 0. Each cell is written twice: in NumPy, as its equation reads, for any float type,
and in kernels for float32, which a test compares with it.

A new cell is one module in rnn/layers/cells/, named as the cell, that passes a `Cell` to `register`.
"""

import math
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params, use_kernels
from elman.rnn.compute.batches import Batch, last_rows
from elman.rnn.layers import cells, dense

Backprop: TypeAlias = Callable[[Floats], tuple[Floats, Params]]
ORTHOGONAL_GAIN = 1.0


class Cell(ABC):
    """A recurrent cell.

    Attributes:
        name: in configs; the name of its module.
        gates: a letter for each gate, in the order of their columns; F is how many.
        starts_from_state: True if it can begin from another state than 0, see `run`.
    """

    name: ClassVar[str]
    gates: ClassVar[str]
    starts_from_state: ClassVar[bool] = False

    def shapes(self, inputs: int, hidden: int) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter: Wx (I, F*H) unless inputs is 0, Wh (H, F*H), b (F*H,)."""
        FH = len(self.gates) * hidden
        shapes: dict[str, tuple[int, ...]] = {"Wx": (inputs, FH)} if inputs else {}
        return {**shapes, "Wh": (hidden, FH), "b": (FH,)}

    def init(self, rng: np.random.Generator, inputs: int, hidden: int) -> Params:
        """First weights: Glorot into the cell, an orthogonal matrix for each gate, biases zero; float32."""
        params: Params = {}
        for name, shape in self.shapes(inputs, hidden).items():
            if name == "Wx":
                params[name] = glorot(rng, shape)
            elif name == "Wh":
                squares = [np.linalg.qr(rng.standard_normal((hidden, hidden)))[0] for _ in self.gates]
                params[name] = np.ascontiguousarray(np.hstack(squares) * ORTHOGONAL_GAIN, np.float32)
            else:
                params[name] = np.zeros(shape, np.float32)
        return params

    def recurrent(self, params: Params, prefix: str) -> Params:
        """The weights of the recurrence among parameters named `prefix.NAME`: all but Wx and b."""
        names = self.shapes(0, 1).keys() - {"b"}
        return {name: params[f"{prefix}.{name}"] for name in sorted(names)}

    def pack(self, params: Params, prefix: str) -> Params:
        """As `recurrent`, with Wh packed once for many calls of `states`, see rnn/compute/matmul.py."""
        from elman.rnn.compute import matmul

        weights = self.recurrent(params, prefix)
        return {**weights, "Wh": matmul.packed(weights["Wh"])}

    def run(
        self, x: Floats, weights: Params, batch: Batch, *, reverse: bool = False, rows: Int32 | None = None
    ) -> tuple[Floats, Backprop]:
        """Run over all steps, by kernels where they are used for the type of x.

        Args:
            x: (N, F*H); with `rows` (M, F*H), one row for each distinct symbol.
            weights: as `recurrent` gives them; with `h0` (B, H), the state before the first step, where it is
                not 0. No gradient of it is computed: back-propagation is truncated there.
            batch: N rows.
            reverse: from the last step to the first.
            rows: (N,) row of x for each row of the batch.
        """
        if not use_kernels(x.dtype):
            return self.forward(x if rows is None else x[rows], weights, batch, reverse)
        every = np.arange(len(x), dtype=np.int32) if rows is None else rows
        return self.forward_compiled(x, every, weights, batch, reverse)

    @abstractmethod
    def forward(self, x: Floats, weights: Params, batch: Batch, reverse: bool) -> tuple[Floats, Backprop]:
        """The reference in NumPy."""

    @abstractmethod
    def forward_compiled(
        self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool
    ) -> tuple[Floats, Backprop]:
        """The same on x[rows], by kernels."""

    @abstractmethod
    def states(self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
        """h (N, H) alone, by kernels; weights as `pack` gives them."""


_registered: dict[str, Cell] = {}


def register(cell: Cell) -> Cell:
    """Make a cell known by its name."""
    _registered[cell.name] = cell
    return cell


def cell_names() -> list[str]:
    """Names of all cells; their modules are not loaded for it."""
    return sorted({module.name for module in pkgutil.iter_modules(cells.__path__)} | _registered.keys())


def cell_named(name: str) -> Cell:
    """The cell of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in cell_names():
        raise ValueError(f"cell must be one of {', '.join(cell_names())}. Got {name!r}")
    if find_spec(module := f"{cells.__name__}.{name}"):
        import_module(module)  # also if registered: another thread may still be loading its kernels
    return _registered[name]


def glorot(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Uniform weights of Glorot and Bengio (2010), equation 16, for a matrix (or a stack of them)."""
    return (rng.uniform(-1, 1, shape) * math.sqrt(6 / sum(shape[-2:]))).astype(np.float32)


def steps_of(batch: Batch, reverse: bool) -> list[tuple[slice, slice]]:
    """For each step in the order of running: its rows, and the rows of the step before, whose state it takes.

    Row i takes the state of row i of the other slice; rows beyond it begin from zero.
    """
    at = batch.starts.tolist()
    T = len(at) - 1
    if reverse:
        return [
            (slice(at[t], at[t + 1]), slice(at[t + 1], at[t + 2]) if t + 1 < T else slice(at[t], at[t]))
            for t in reversed(range(T))
        ]
    return [
        (slice(at[t], at[t + 1]), slice(at[t - 1], at[t - 1] + at[t + 1] - at[t]) if t else slice(0, 0))
        for t in range(T)
    ]


def first_rows(batch: Batch, reverse: bool) -> Int64:
    """The row of each sequence that is run first, (B,)."""
    if not reverse:
        return np.arange(batch.starts[1])
    rows, first = last_rows(batch.starts), np.empty(batch.starts[1], np.int64)
    first[batch.columns[rows]] = rows
    return first


def add_start_gradient(dWh: Floats, h0: Floats | None, dz: Floats, batch: Batch, reverse: bool) -> Floats:
    """Gradient of Wh with what the state before the first step adds: h0.T @ dz of the rows run first."""
    if h0 is not None:
        dWh += dense.product(h0.T, dz[first_rows(batch, reverse)])
    return dWh


def transitions_of(batch: Batch, reverse: bool) -> tuple[Int64 | slice, Int64 | slice]:
    """All pairs of rows (from, to) such that `to` takes the state of `from`."""
    later = slice(int(batch.starts[1]), None)
    return (later, batch.previous) if reverse else (batch.previous, later)
