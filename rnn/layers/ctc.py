"""Connectionist temporal classification over packed logits: loss, posteriors and the best alignment.

A path names a class for each frame; class 0 is the blank, the others are labels. It stands for the text that
is left when runs of one class are merged and blanks taken out, so a label twice in a row needs a blank
between. The probability of a text is the sum over all its paths, of the product of their softmax
probabilities: Graves, Fernández, Gomez and Schmidhuber (2006), sections 3 and 4. Everything is in logarithms.

The states of a text of L labels are its labels with a blank before, between and after them, S = 2L + 1. A
path goes from a state to itself, to the next one, or to a label from another label just before it.

T frames, B sequences, N rows, V classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64, use_kernels

BLANK = 0


@dataclass(frozen=True)
class Texts:
    """Texts of the sequences of a batch, in its order.

    Attributes:
        labels: (M,) of all texts one after the other, from 1 to V - 1.
        offsets: (B + 1,) text i is `labels[offsets[i]:offsets[i + 1]]`; it may be empty.
    """

    labels: Int32
    offsets: Int64

    def text(self, number: int) -> Int32:
        """The labels of a text."""
        return self.labels[self.offsets[number] : self.offsets[number + 1]]


def frames_needed(labels: Int32) -> int:
    """Least frames of a path for this text: one a label, and a blank between two that are the same."""
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the softmax probabilities of each row, float64."""
    z = logits - logits.max(axis=1, keepdims=True).astype(np.float64)
    probabilities: Floats = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return probabilities


def negative_log_likelihood(logits: Floats, starts: Int64, texts: Texts) -> tuple[Floats, Floats]:
    """Negative log probability of the text of each sequence, and the gradient of their sum.

    Args:
        logits: (N, V) packed.
        starts: (T + 1,) rows of each frame, see rnn/compute/batches.py.
        texts: of the B sequences.

    Returns:
        losses (B,) float64, and the gradient of their sum by the logits (N, V): softmax less posterior
        (equation 16).

    Raises:
        ValueError: a text has more labels than the frames allow, or no label of the network.
    """
    _check(logits, starts, texts)
    if use_kernels(logits.dtype):
        from elman.rnn.layers import ctc_kernels

        return ctc_kernels.negative_log_likelihood(logits, starts, texts.labels, texts.offsets)
    log_p = log_softmax(logits)
    gradient, losses = np.exp(log_p), np.empty(starts[1])
    for number, rows in enumerate(rows_of_sequences(starts)):
        by_class, log_likelihood = _posterior(log_p[rows], texts.text(number))
        gradient[rows] -= by_class
        losses[number] = -log_likelihood
    return losses, gradient.astype(logits.dtype)


def posteriors(logits: Floats, starts: Int64, texts: Texts) -> Floats:
    """Probability of each class at each frame among the paths that give the sequence's text, (N, V) float64.

    Arguments and errors as of `negative_log_likelihood`.
    """
    _, gradient = negative_log_likelihood(logits, starts, texts)
    probability: Floats = np.maximum(np.exp(log_softmax(logits)) - gradient, 0)
    return probability


def log_likelihood(logits: Floats, labels: Int32) -> float:
    """Log probability of a text for one sequence.

    Args:
        logits: (T, V)
        labels: of the text; -inf if it needs more frames.
    """
    if len(logits) < frames_needed(labels):
        return -np.inf
    if use_kernels(logits.dtype):
        from elman.rnn.layers import ctc_kernels

        return ctc_kernels.log_likelihood(logits, labels)
    emission, skip = _states(log_softmax(logits), labels)
    return float(np.logaddexp.reduce(_forward(emission, skip)[-1, -2:]))


def align(logits: Floats, labels: Int32) -> Int32:
    """The likeliest path of a text for one sequence.

    Args:
        logits: (T, V)
        labels: of the text, which the frames have to allow.

    Returns:
        state of each frame (T,): 2k + 1 is label k, an even number the blank after k / 2 labels.
    """
    _check_text(logits, labels, 0)
    if use_kernels(logits.dtype):
        from elman.rnn.layers import ctc_kernels

        return ctc_kernels.align(logits, labels)
    emission, skip = _states(log_softmax(logits), labels)
    T, S = emission.shape
    back, score = np.zeros((T, S), np.int32), np.full(S, -np.inf)
    score[:2] = emission[0, :2]
    for t in range(1, T):
        ways = np.full((3, S), -np.inf)
        ways[0], ways[1, 1:], ways[2, 2:] = score, score[:-1], np.where(skip[2:], score[:-2], -np.inf)
        back[t] = ways.argmax(axis=0)
        score = ways.max(axis=0) + emission[t]
    path = np.empty(T, np.int32)
    path[-1] = max(range(max(S - 2, 0), S), key=lambda state: score[state])
    for t in range(T - 1, 0, -1):
        path[t - 1] = path[t] - back[t, path[t]]
    return path


def rows_of_sequences(starts: Int64) -> Iterator[Int64]:
    """Rows of each sequence of a packed batch, in the order of its frames."""
    lengths = np.searchsorted(-np.diff(starts), -np.arange(starts[1]), side="left")
    for number, length in enumerate(lengths):
        yield starts[:length] + number


def _states(log_p: Floats, labels: Int32) -> tuple[Floats, Bools]:
    """Log probability of the states (T, S), and which may follow the last state but one (S,)."""
    states = np.full(2 * len(labels) + 1, BLANK)
    states[1::2] = labels
    skip = np.zeros(len(states), bool)
    skip[3::2] = labels[1:] != labels[:-1]
    return log_p[:, states], skip


def _forward(emission: Floats, skip: Bools) -> Floats:
    """Log probability of all ways to be in a state at a frame, its emission included (equations 5 to 7)."""
    alpha = np.full_like(emission, -np.inf)
    alpha[0, :2] = emission[0, :2]
    for t in range(1, len(emission)):
        now, before = alpha[t], alpha[t - 1]
        now[:] = before
        now[1:] = np.logaddexp(now[1:], before[:-1])
        now[2:] = np.logaddexp(now[2:], np.where(skip[2:], before[:-2], -np.inf))
        now += emission[t]
    return alpha


def _posterior(log_p: Floats, labels: Int32) -> tuple[Floats, float]:
    """Posterior of the classes (T, V) of one sequence, and the log likelihood of its text."""
    emission, skip = _states(log_p, labels)
    alpha = _forward(emission, skip)
    backward = _forward(emission[::-1, ::-1], np.append([False, False], skip[:1:-1])[: len(skip)])[::-1, ::-1]
    total = float(np.logaddexp.reduce(alpha[-1, -2:]))
    gamma = np.exp(alpha + backward - emission - total)
    by_class = np.zeros_like(log_p)
    by_class[:, BLANK] = gamma[:, ::2].sum(axis=1)
    np.add.at(by_class.T, labels, gamma[:, 1::2].T)
    return by_class, total


def _check(logits: Floats, starts: Int64, texts: Texts) -> None:
    if len(texts.offsets) != starts[1] + 1:
        raise ValueError(f"expected a text for each of {starts[1]} sequences. Got {len(texts.offsets) - 1}")
    for number, rows in enumerate(rows_of_sequences(starts)):
        _check_text(logits[rows], texts.text(number), number)


def _check_text(logits: Floats, labels: Int32, number: int) -> None:
    T, V = logits.shape
    if len(labels) and not (labels.min() > 0 and labels.max() < V):
        raise ValueError(f"labels must be from 1 to {V - 1}. Got {labels.min()} to {labels.max()}")
    needed = frames_needed(labels)
    if needed > T:
        raise ValueError(
            f"a text of {len(labels)} labels, {needed - len(labels)} of them a second time in a row, needs "
            f"at least {needed} frames. Got {T} frames of sequence {number}"
        )
