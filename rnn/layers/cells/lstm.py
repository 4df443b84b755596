"""Long short-term memory (Hochreiter and Schmidhuber, 1997; Gers et al., 2000).

    i[t], f[t], o[t] = sigmoid(x[t] + h[t-1] @ Wh), in the columns of each      input, forget, output
    g[t] = tanh(xg[t] + h[t-1] @ Whg)                                           candidate
    c[t] = f[t] * c[t-1] + i[t] * g[t]                                          cell state
    h[t] = o[t] * tanh(c[t])

Wh (H, 4H) has the columns of i, f, g and o side by side.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Params
from elman.rnn.compute.batches import Batch
from elman.rnn.compute.fast_math import SIGMOID, TANH, exp2, tanh
from elman.rnn.compute.jit import jit
from elman.rnn.compute.matmul import packed, times
from elman.rnn.layers import dense
from elman.rnn.layers.recurrent import Backprop, Cell, register, steps_of
from elman.rnn.layers.recurrent_kernels import gather_inputs, previous_step, recurrent_gradient


class LSTM(Cell):
    """Gates i, f, g, o."""

    name = "lstm"
    gates = "ifgo"

    def init(self, rng: np.random.Generator, inputs: int, hidden: int) -> Params:
        """As for every cell; the bias of f is 1, so that c is kept at first (Gers et al., 2000)."""
        params = super().init(rng, inputs, hidden)
        params["b"][hidden : 2 * hidden] = 1
        return params

    def forward(self, x: Floats, weights: Params, batch: Batch, reverse: bool) -> tuple[Floats, Backprop]:
        """With d the gradient of h[t], from above and from the step after, and e that of c[t] from there.

        dc = e + d * o * (1 - tanh(c)^2);  di = dc * g * i * (1 - i);  df = dc * c[t-1] * f * (1 - f);
        dg = dc * i * (1 - g^2);  do = d * tanh(c) * o * (1 - o);
        the gradient of c[t-1] is dc * f, that of h[t-1] is [di, df, dg, do] @ Wh.T.
        """
        Wh = weights["Wh"]
        N, H = len(x), len(Wh)
        h, c, gates = np.empty((N, H), x.dtype), np.empty((N, H), x.dtype), np.empty_like(x)
        h_before, c_before = np.zeros((N, H), x.dtype), np.zeros((N, H), x.dtype)
        steps = steps_of(batch, reverse)
        for now, before in steps:
            m = before.stop - before.start
            h_before[now][:m] = h[before]
            c_before[now][:m] = c[before]
            u, gate = x[now] + h_before[now] @ Wh, gates[now]
            gate[:] = dense.sigmoid(u)
            gate[:, 2 * H : 3 * H] = np.tanh(u[:, 2 * H : 3 * H])
            c[now] = gate[:, H : 2 * H] * c_before[now] + gate[:, :H] * gate[:, 2 * H : 3 * H]
            h[now] = gate[:, 3 * H :] * np.tanh(c[now])

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dstate, dc_next, dx = dh.copy(), np.zeros_like(dh), np.empty_like(x)
            for now, before in reversed(steps):
                m = before.stop - before.start
                i, f, g, o = (gates[now, k * H : (k + 1) * H] for k in range(4))
                tanh_c = np.tanh(c[now])
                dc = dc_next[now] + dstate[now] * o * (1 - tanh_c**2)
                dx[now, :H] = dc * g * i * (1 - i)
                dx[now, H : 2 * H] = dc * c_before[now] * f * (1 - f)
                dx[now, 2 * H : 3 * H] = dc * i * (1 - g**2)
                dx[now, 3 * H :] = dstate[now] * tanh_c * o * (1 - o)
                dc_next[before] += (dc * f)[:m]
                dstate[before] += dx[now][:m] @ Wh.T
            return dx, {"Wh": h_before.T @ dx}

        return h, backprop

    def forward_compiled(
        self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool
    ) -> tuple[Floats, Backprop]:
        """By kernels."""
        Wh, starts = weights["Wh"], batch.starts
        h, c, gates = _forward(x, rows, packed(Wh), starts, reverse)

        def backprop(dh: Floats) -> tuple[Floats, Params]:
            dx = _backward(np.ascontiguousarray(dh), c, gates, packed(Wh.T), starts, reverse)
            return dx, {"Wh": recurrent_gradient(h, dx, batch, reverse)}

        return h, backprop

    def states(self, x: Floats, rows: Int32, weights: Params, batch: Batch, reverse: bool) -> Floats:
        """h alone, by kernels."""
        h: Floats = _states(x, rows, weights["Wh"], batch.starts, reverse)
        return h


register(LSTM())


@jit
def _step(gates: Any, c: Any, h: Any) -> None:
    """One row of a step: gates (4H,) hold x + h[t-1] @ Wh and become i, f, g, o; c (H,) is c[t-1], then c[t].

    One quotient serves i, f and g, another o and tanh(c). In two loops, as a processor looks only so far
    ahead for work that waits for nothing.
    """
    H, one = len(h), np.float32(1)
    gi, gf, gg, go = gates[:H], gates[H : 2 * H], gates[2 * H : 3 * H], gates[3 * H : 4 * H]
    for j in range(H):
        i, f = one + exp2(SIGMOID * gi[j]), one + exp2(SIGMOID * gf[j])
        y = exp2(TANH * gg[j])
        n = one + y
        q = one / (i * f * n)
        gi[j], gf[j], gg[j] = f * n * q, i * n * q, (one - y) * (i * f) * q
        c[j] = gf[j] * c[j] + gi[j] * gg[j]
    for j in range(H):
        o, y = one + exp2(SIGMOID * go[j]), exp2(TANH * c[j])
        n = one + y
        q = one / (o * n)
        go[j], h[j] = n * q, (one - y) * q


@jit
def _forward(x: Any, rows: Any, Wh: Any, starts: Any, reverse: bool) -> Any:
    N, H = len(rows), x.shape[1] // 4
    T = len(starts) - 1
    h, c, gates = np.empty((N, H), x.dtype), np.empty((N, H), x.dtype), np.empty((N, 4 * H), x.dtype)
    zero = np.zeros(H, x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        gather_inputs(x, rows, a, gates[a : a + n])
        times(h[before : before + m], Wh, gates[a : a + m], True)
        for i in range(n):
            w, c_before = c[a + i], c[before + i] if i < m else zero
            for j in range(H):
                w[j] = c_before[j]
            _step(gates[a + i], w, h[a + i])
    return h, c, gates


@jit
def _backward(dh: Any, c: Any, gates: Any, WhT: Any, starts: Any, reverse: bool) -> Any:
    """dx, in the place of the gates."""
    H = c.shape[1]
    T, B = len(starts) - 1, starts[1]
    dstate, dcell = np.zeros((B, H), dh.dtype), np.zeros((B, H), dh.dtype)
    zero, one = np.zeros(H, dh.dtype), np.float32(1)
    for k in range(T):
        t = k if reverse else T - 1 - k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        for i in range(n):
            b, d, e, w, o = dh[a + i], dstate[i], dcell[i], c[a + i], gates[a + i]
            c_before = c[before + i] if i < m else zero
            gi, gf, gg, go = o[:H], o[H : 2 * H], o[2 * H : 3 * H], o[3 * H : 4 * H]
            for j in range(H):
                i_, f, g, q, y, ds = gi[j], gf[j], gg[j], go[j], tanh(w[j]), b[j] + d[j]
                dc = e[j] + ds * q * (one - y * y)
                e[j] = dc * f
                gi[j] = dc * g * i_ * (one - i_)
                gf[j] = dc * c_before[j] * f * (one - f)
                gg[j] = dc * i_ * (one - g * g)
                go[j] = ds * y * q * (one - q)
        times(gates[a : a + m], WhT, dstate[:m], False)
    return gates


@jit
def _states(x: Any, rows: Any, Wh: Any, starts: Any, reverse: bool) -> Any:
    """_forward without what only backprop needs."""
    N, H = len(rows), x.shape[1] // 4
    T, B = len(starts) - 1, starts[1]
    h, gates = np.empty((N, H), x.dtype), np.empty((B, 4 * H), x.dtype)
    c = np.zeros((B, H), x.dtype)
    for k in range(T):
        t = T - 1 - k if reverse else k
        a, n = starts[t], starts[t + 1] - starts[t]
        before, m = previous_step(starts, t, reverse)
        gather_inputs(x, rows, a, gates[:n])
        times(h[before : before + m], Wh, gates[:m], True)
        for i in range(n):
            _step(gates[i], c[i], h[a + i])
    return h
