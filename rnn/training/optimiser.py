"""Adam, which moves only the table rows that a batch used; gradient clipping by the global norm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Params, RowGradient, use_kernels
from elman.rnn.errors import TrainingError


@dataclass
class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1).

    Of a `RowGradient` only the touched rows and their moments move, with the bias correction of the common
    step, as SparseAdam of PyTorch does.

    Attributes:
        m, v: running means of the gradient and its square, shaped as the parameters.
        step: updates done.
    """

    m: Params
    v: Params
    step: int = 0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    @classmethod
    def of(cls, params: Params, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> "Adam":
        """A fresh optimiser for these parameters."""
        zeros = {name: np.zeros_like(value) for name, value in params.items()}
        return cls(
            zeros, {name: np.zeros_like(value) for name, value in params.items()}, 0, beta1, beta2, epsilon
        )

    def update(self, params: Params, gradients: Gradients, rate: float) -> None:
        """Move the parameters one step, in place."""
        self.step += 1
        rate = rate * float(np.sqrt(1 - self.beta2**self.step)) / (1 - self.beta1**self.step)
        scalars = [np.float32(x) for x in (rate, self.beta1, self.beta2, self.epsilon)]
        dense: list[tuple[Floats, ...]] = []
        for name, gradient in gradients.items():
            p, m, v = params[name], self.m[name], self.v[name]
            if use_kernels(p.dtype):
                if isinstance(gradient, RowGradient):
                    _update_rows(p, m, v, gradient, scalars)
                else:
                    flat = gradient.astype(np.float32, copy=False)
                    dense.append(tuple(each.reshape(-1) for each in (p, m, v, flat)))
            elif isinstance(gradient, RowGradient):
                at = gradient.rows
                rows_m, rows_v = m[at], v[at]
                p[at] -= self._move(rows_m, rows_v, gradient.values, rate)
                m[at], v[at] = rows_m, rows_v
            else:
                p -= self._move(m, v, gradient, rate)
        if dense:
            _update_dense(dense, scalars)

    def _move(self, m: Floats, v: Floats, gradient: Floats, rate: float) -> Floats:
        m *= self.beta1
        m += (1 - self.beta1) * gradient
        v *= self.beta2
        v += (1 - self.beta2) * gradient**2
        return rate * m / (np.sqrt(v) + self.epsilon)


def _update_rows(
    p: Floats, m: Floats, v: Floats, gradient: RowGradient, scalars: Sequence[np.float32]
) -> None:
    """One step of the touched rows by a kernel; the scalars are rate, beta1, beta2 and epsilon."""
    from elman.rnn.layers import embedding_kernels

    embedding_kernels.adam_rows(p, m, v, gradient.rows, gradient.values, *scalars)


TOGETHER = 8  # parameters of a call of the dense kernel, so that it is compiled once, whatever the network
_NONE = np.empty(0, np.float32)


def _update_dense(arrays: Sequence[tuple[Floats, ...]], scalars: Sequence[np.float32]) -> None:
    """One step of all parameters that have whole gradients, by few calls: flat p, m, v, gradient of each."""
    from elman.rnn.layers import embedding_kernels

    for first in range(0, len(arrays), TOGETHER):
        some = list(arrays[first : first + TOGETHER])
        some += [(_NONE,) * 4] * (TOGETHER - len(some))
        embedding_kernels.adam_dense(*zip(*some, strict=True), *scalars)


def values(gradient: Floats | RowGradient) -> Floats:
    """The numbers of a gradient, whichever kind it is."""
    return gradient.values if isinstance(gradient, RowGradient) else gradient


def summed(parts: list[Gradients], shares: list[float]) -> Gradients:
    """The sum of gradients, each times its share, added in the order given."""
    whole: Gradients = {}
    for name, first in parts[0].items():
        terms = [
            values(part[name]) * values(first).dtype.type(s) for part, s in zip(parts, shares, strict=True)
        ]
        if isinstance(first, RowGradient):
            import scipy.sparse  # half a second: only where weights are trained

            sparse = [part[name] for part in parts]
            rows = np.concatenate([g.rows for g in sparse if isinstance(g, RowGradient)])
            touched, place = np.unique(rows, return_inverse=True)
            shape, ends = (len(touched), len(rows)), np.arange(len(rows) + 1)
            gather = scipy.sparse.csc_array((np.ones(len(rows), terms[0].dtype), place, ends), shape=shape)
            whole[name] = RowGradient(touched, gather @ np.concatenate(terms))
        else:
            whole[name] = sum(terms[1:], start=terms[0])
    return whole


def clip(gradients: Gradients, limit: float, step: int, prefix: str = "") -> float:
    """Scale all gradients, in place, so that their common Euclidean norm is at most `limit`.

    An error names the layer with `prefix` before it, and the step.

    Returns:
        the norm before.

    Raises:
        TrainingError: a gradient is NaN or infinite; names the layer where it is.
    """
    squares = {name: float(np.vdot(values(g), values(g))) for name, g in gradients.items()}
    norm = float(np.sqrt(sum(squares.values())))
    if not np.isfinite(norm):
        name = next((n for n, s in squares.items() if not np.isfinite(s)), "")
        raise TrainingError(
            f"the gradient's norm is {np.sqrt(squares.get(name, norm))}. Lower the learning rate.",
            step=step,
            layer=f"{prefix}{name or 'all layers'}",
            norm=float(np.sqrt(squares.get(name, norm))),
        )
    if norm > limit:
        for gradient in gradients.values():
            scaled = values(gradient)
            scaled *= limit / norm
    return norm
