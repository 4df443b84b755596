"""Numba kernels of connectionist temporal classification; tests compare them with the reference in ctc.py.

Logits are float32, everything inside is float64. A state that no path reaches has LOW instead of -inf.
Results for a sequence have the same bits whatever sequences are beside it.
"""

from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64
from elman.rnn.compute.jit import strict

LOW = -1e30
TINY = 1e-300  # probabilities below it are dropped where they are not logarithms


@strict
def _log_softmax(logits: Any, out: Any) -> None:
    """Logarithms of the softmax probabilities of one row (V,)."""
    top, total = np.float64(logits[0]), 0.0
    for v in range(len(logits)):
        out[v] = logits[v]
        top = max(top, out[v])
    for v in range(len(logits)):
        total += np.exp(out[v] - top)
    total = top + np.log(total)
    for v in range(len(logits)):
        out[v] -= total


@strict
def _of_sequence(logits: Any, starts: Any, i: int) -> Any:
    """Log probabilities (T, V) of sequence i of a packed batch."""
    T = 0
    while len(starts) - 1 > T and starts[T + 1] - starts[T] > i:
        T += 1
    log_p = np.empty((T, logits.shape[1]))
    for t in range(T):
        _log_softmax(logits[starts[t] + i], log_p[t])
    return log_p


@strict
def add_logs(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)); LOW stands for the logarithm of 0."""
    high, low = max(a, b), min(a, b)
    return high + np.log1p(np.exp(low - high)) if low > high - 50.0 else high


@strict
def _class_of(labels: Any, state: int) -> int:
    return labels[state >> 1] if state & 1 else 0


@strict
def _skips(labels: Any, state: int) -> bool:
    """Return True if a path may come to a state from the last but one before it."""
    return (state & 1) == 1 and state > 1 and labels[state >> 1] != labels[(state >> 1) - 1]


@strict
def _forward(log_p: Any, labels: Any) -> Any:
    """alpha (T, S), its emission included; only states from which the end can be reached are computed."""
    T, S = len(log_p), 2 * len(labels) + 1
    alpha = np.full((T, S), LOW)
    for state in range(min(2, S)):
        alpha[0, state] = log_p[0, _class_of(labels, state)]
    for t in range(1, T):
        before, now = alpha[t - 1], alpha[t]
        for state in range(max(0, S - 2 * (T - t)), min(S, 2 * t + 2)):
            total = before[state]
            if state:
                total = add_logs(total, before[state - 1])
                if _skips(labels, state):
                    total = add_logs(total, before[state - 2])
            now[state] = total + log_p[t, _class_of(labels, state)]
    return alpha


@strict
def _end(alpha: Any) -> Any:
    """Log probability of the text."""
    T, S = alpha.shape
    return add_logs(alpha[T - 1, S - 1], alpha[T - 1, S - 2]) if S > 1 else alpha[T - 1, 0]


@strict
def _losses(logits: Any, starts: Any, labels: Any, offsets: Any) -> Any:
    """Losses (B,) and the gradient of their sum (N, V)."""
    N, V = logits.shape
    losses, gradient = np.empty(len(offsets) - 1), np.empty((N, V), np.float32)
    by_class = np.empty(V)
    for i in range(len(offsets) - 1):
        log_p, own = _of_sequence(logits, starts, i), labels[offsets[i] : offsets[i + 1]]
        T, S = len(log_p), 2 * len(own) + 1
        alpha = _forward(log_p, own)
        total = _end(alpha)
        losses[i] = -total
        beta, before = np.full(S, LOW), np.full(S, LOW)  # without the emission of the frame
        beta[S - 1] = 0.0
        if S > 1:
            beta[S - 2] = 0.0
        for t in range(T - 1, -1, -1):
            by_class[:] = 0.0
            for state in range(S):
                if alpha[t, state] > LOW / 2 and beta[state] > LOW / 2:
                    by_class[_class_of(own, state)] += np.exp(alpha[t, state] + beta[state] - total)
            row = gradient[starts[t] + i]
            for v in range(V):
                row[v] = np.exp(log_p[t, v]) - by_class[v]
            for state in range(S):
                onward = beta[state] + log_p[t, _class_of(own, state)]
                if state + 1 < S:
                    onward = add_logs(onward, beta[state + 1] + log_p[t, _class_of(own, state + 1)])
                if state + 2 < S and _skips(own, state + 2):
                    onward = add_logs(onward, beta[state + 2] + log_p[t, _class_of(own, state + 2)])
                before[state] = onward
            beta, before = before, beta
    return losses, gradient


@strict
def _likelihood(log_p: Any, labels: Any) -> Any:
    """Probability of the text, too low by at most the probability of the paths that fall below TINY.

    A state hands on at most its own probability, for the emissions of its successors sum to 1 at most. What
    is dropped is so at most TINY for each of the T S states, whatever comes after it.
    """
    T, S = len(log_p), 2 * len(labels) + 1
    before, now, p = np.zeros(S), np.zeros(S), np.empty(log_p.shape[1])
    skips = np.array([1.0 if _skips(labels, state) else 0.0 for state in range(S)])
    for t in range(T):
        for v in range(len(p)):
            p[v] = np.exp(log_p[t, v])
        for state in range(max(0, S - 2 * (T - t)), min(S, 2 * t + 2)):
            total = before[state] if t else 1.0
            if t and state:
                total += before[state - 1]
                if state > 1:
                    total += skips[state] * before[state - 2]
            total *= p[_class_of(labels, state)]
            now[state] = total if total >= TINY else 0.0  # numbers below 2.2e-308 are slow
        before, now = now, before
    return before[S - 1] + before[S - 2] if S > 1 else before[0]


@strict
def _log_likelihood(logits: Any, labels: Any) -> Any:
    log_p = np.empty(logits.shape)
    for t in range(len(logits)):
        _log_softmax(logits[t], log_p[t])
    total = _likelihood(log_p, labels)
    enough = TINY * 1e16 * len(log_p) * (2 * len(labels) + 1)  # what was dropped is below the rounding
    return np.log(total) if total > enough else _end(_forward(log_p, labels))


@strict
def _align(logits: Any, labels: Any) -> Any:
    """ctc.align."""
    T, S = len(logits), 2 * len(labels) + 1
    log_p, back, path = np.empty(logits.shape[1]), np.zeros((T, S), np.int8), np.empty(T, np.int32)
    before, now = np.full(S, LOW), np.full(S, LOW)
    _log_softmax(logits[0], log_p)
    for state in range(min(2, S)):
        before[state] = log_p[_class_of(labels, state)]
    for t in range(1, T):
        _log_softmax(logits[t], log_p)
        now[:] = LOW
        for state in range(max(0, S - 2 * (T - t)), min(S, 2 * t + 2)):
            best = before[state]
            if state and before[state - 1] > best:
                best, back[t, state] = before[state - 1], 1
            if _skips(labels, state) and before[state - 2] > best:
                best, back[t, state] = before[state - 2], 2
            now[state] = best + log_p[_class_of(labels, state)]
        before, now = now, before
    state = S - 1
    if S > 1 and before[S - 2] >= before[S - 1]:
        state = S - 2
    for t in range(T - 1, -1, -1):
        path[t] = state
        state -= back[t, state]
    return path


def negative_log_likelihood(
    logits: Floats, starts: Int64, labels: Int32, offsets: Int64
) -> tuple[Floats, Floats]:
    """ctc.negative_log_likelihood, by kernels."""
    losses, gradient = _losses(np.ascontiguousarray(logits), starts, labels, offsets)
    return losses, gradient


def log_likelihood(logits: Floats, labels: Int32) -> float:
    """ctc.log_likelihood, by kernels."""
    return float(_log_likelihood(np.ascontiguousarray(logits), labels))


def align(logits: Floats, labels: Int32) -> Int32:
    """ctc.align, by kernels."""
    path: Int32 = _align(np.ascontiguousarray(logits), labels)
    return path
