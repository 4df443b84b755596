"""Linear-chain CRF over packed emissions: best path, marginals, loss and exact probability of an entity.

Weights are logarithms: `emission` (N, G) for each row, `start` (G,) for the first tag of a sequence,
`transition` (G, G) from the row's tag to the next one, `end` (G,) for the last; -inf forbids a tag or a
transition. With transitions of 0 it is the independent softmax with illegal sequences forbidden.
Lafferty, McCallum and Pereira (2001), section 3;
probabilities are scaled as in Rabiner (1989), section V.A.
"""

from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64, Params, use_kernels
from elman.rnn.compute.batches import last_rows, previous_rows

FLOOR = -80.0  # no class is taken as less likely than e^-80 of the best of its row: nothing underflows
FORBIDDEN = -1e4  # stands for -inf where sums are taken: exp of it is 0


class Weights(NamedTuple):
    """Logarithmic weights of a CRF of G tags: start (G,), transition (G, G), end (G,)."""

    start: Floats
    transition: Floats
    end: Floats

    @classmethod
    def legal(cls, classes: int, start: Bools | None, transition: Bools | None) -> "Weights":
        """Weights that are 0 where legal, -inf where not; None allows everything."""
        first = np.ones(classes, bool) if start is None else np.asarray(start, bool)
        steps = np.ones((classes, classes), bool) if transition is None else np.asarray(transition, bool)
        if first.shape != (classes,) or steps.shape != (classes, classes):
            raise ValueError(
                f"start_legal and transition_legal must have shapes ({classes},), ({classes}, {classes}). "
                f"Got {first.shape}, {steps.shape}"
            )
        weight = np.array([-np.inf, 0.0])
        return cls(weight[first.astype(int)], weight[steps.astype(int)], np.zeros(classes))

    @classmethod
    def of(cls, params: Params, legal: "Weights") -> "Weights":
        """The trained weights, where legal; `legal` itself if `params` have none; of an ensemble the mean."""
        prefixes = [name.removesuffix("start") for name in params if name.endswith("chain.start")]
        if not prefixes:
            return legal
        if len(prefixes) == 1:  # as in every update of a training
            trained = [params[f"{prefixes[0]}{name}"].astype(np.float64) for name in cls._fields]
        else:
            every = [[params[f"{prefix}{name}"] for prefix in prefixes] for name in cls._fields]
            trained = [np.mean(weights, axis=0, dtype=np.float64) for weights in every]
        return cls(*(own + limit for own, limit in zip(trained, legal, strict=True)))

    @property
    def independent(self) -> bool:
        """True if all weights are 0, so that the tags of rows are independent."""
        return not (self.start.any() or self.transition.any() or self.end.any())


class Posterior(NamedTuple):
    """Result of the forward-backward algorithm.

    Attributes:
        marginals: (N, G) probability of each tag.
        alpha: (N, G) scaled forward probabilities.
        beta: (N, G) scaled backward probabilities.
        step: (N, G) scaled emission, `exp(emission) / scale` of the row.
        log_z: (B,) log of the sum over all paths, of each sequence of the batch.
    """

    marginals: Floats
    alpha: Floats
    beta: Floats
    step: Floats
    log_z: Floats

    def reordered(self, order: Int64) -> "Posterior":
        """The same with its rows in another order."""
        marginals, alpha, beta, step = (part[order] for part in self[:4])
        return Posterior(marginals, alpha, beta, step, self.log_z)


def viterbi(emission: Floats, starts: Int64, weights: Weights) -> Int32:
    """The best tag sequence of every sequence of a packed batch.

    Args:
        emission: (N, G)
        starts: (T + 1,) rows of each step, see rnn/compute/batches.py.
        weights: of the CRF.

    Returns:
        tags (N,), packed as the emissions.
    """
    if use_kernels(emission.dtype):
        from elman.rnn.layers import crf_kernels

        return crf_kernels.viterbi(emission, starts, *weights)
    at = starts.tolist()
    T = len(at) - 1
    counts = np.diff(starts)
    back = np.empty(emission.shape, np.int32)
    final = np.empty(counts[0], np.int32)
    score = emission[: at[1]] + weights.start
    steps = weights.transition.astype(emission.dtype).T[None]  # (1, to, from)
    for t in range(T):
        alive = counts[t + 1] if t + 1 < T else 0
        final[alive : counts[t]] = (score[alive:] + weights.end).argmax(axis=1)
        if alive:
            ways = score[:alive, None, :] + steps
            best = back[at[t + 1] : at[t + 2]]
            best[:] = ways.argmax(axis=2)
            score = (
                np.take_along_axis(ways, best[:, :, None], axis=2)[:, :, 0] + emission[at[t + 1] : at[t + 2]]
            )
    tags = np.empty(len(emission), np.int32)
    tag = final.copy()
    for t in reversed(range(T)):
        if t + 1 < T:
            following = counts[t + 1]
            tag[:following] = back[np.arange(at[t + 1], at[t + 2]), tag[:following]]
        tags[at[t] : at[t + 1]] = tag[: counts[t]]
    return tags


def forward_backward(emission: Floats, starts: Int64, weights: Weights) -> Posterior:
    """Exact marginals of a packed batch.

    Args:
        emission: (N, G)
        starts: (T + 1,)
        weights: of the CRF; some legal path must exist.

    Returns:
        the posterior, float64, packed as the emissions.
    """
    if use_kernels(emission.dtype):
        from elman.rnn.layers import crf_kernels

        return Posterior(*crf_kernels.forward_backward(emission, starts, *weights, FLOOR))
    at = starts.tolist()
    T, counts = len(at) - 1, np.diff(starts)
    best = emission.max(axis=1, keepdims=True).astype(np.float64)
    step = np.exp(np.maximum(emission - best, FLOOR))
    first, A, last = np.exp(weights.start), np.exp(weights.transition), np.exp(weights.end)
    alpha, beta = np.empty_like(step), np.empty_like(step)
    log_scale = best[:, 0]
    log_z = np.zeros(counts[0])
    for t in range(T):
        now = slice(at[t], at[t + 1])
        before = alpha[at[t - 1] : at[t - 1] + counts[t]] @ A if t else first
        np.multiply(before, step[now], out=alpha[now])
        scale = alpha[now].sum(axis=1, keepdims=True)
        alpha[now] /= scale
        step[now] /= scale
        log_z[: counts[t]] += log_scale[now] + np.log(scale[:, 0])
    for t in reversed(range(T)):
        alive = counts[t + 1] if t + 1 < T else 0
        now = slice(at[t], at[t + 1])
        if alive:
            following = slice(at[t + 1], at[t + 2])
            beta[at[t] : at[t] + alive] = (step[following] * beta[following]) @ A.T
        ended = slice(at[t] + alive, at[t + 1])
        beta[ended] = last
        log_z[alive : counts[t]] += np.log(alpha[ended] @ last)
    marginals = alpha * beta
    marginals /= marginals.sum(axis=1, keepdims=True)
    return Posterior(marginals, alpha, beta, step, log_z)


def negative_log_likelihood(
    emission: Floats,
    starts: Int64,
    targets: Int32,
    weights: Weights,
    class_weights: Floats | None = None,
) -> tuple[float, Floats, Weights]:
    """Negative log likelihood of the right tags: log of the sum over all paths, less that over right ones.

    A target of -1 is unknown: all paths through it are right. With class weights w, wrong tags of a
    symbol whose right tag is y get log w[y] on top in training, so that missing a heavy class costs more:
    softmax-margin (Gimpel and Smith, 2010, equation 7) with cost log w[y] for each wrong tag.

    Args:
        emission: (N, G) packed.
        starts: (T + 1,)
        targets: (N,) packed; a legal sequence.
        weights: of the CRF.
        class_weights: (G,) positive.

    Returns:
        the loss summed over sequences, its gradient by the emissions (N, G), and by the weights.
    """
    known = targets >= 0
    if use_kernels(emission.dtype) and class_weights is None and known.all():
        from elman.rnn.layers import crf_kernels

        total, gradient, *of_weights = crf_kernels.negative_log_likelihood(
            emission, starts, targets, *weights, FLOOR
        )
        return total, gradient, Weights(*of_weights)
    y = np.where(known, targets, 0)
    every = np.arange(len(y))
    right = np.zeros(emission.shape, bool)
    right[every, y] = True
    right[~known] = True
    costly = emission
    if class_weights is not None:
        costly = emission + np.where(right, 0.0, np.log(class_weights.astype(np.float64))[y][:, None])
    total, expected, sums = _expectations(costly, starts, weights)
    if known.all():
        before, last = previous_rows(starts), last_rows(starts)
        first = slice(0, int(starts[1]))
        score = emission[every, y].sum(dtype=np.float64) + weights.start[y[first]].sum()
        score += weights.end[y[last]].sum() + weights.transition[y[before], y[starts[1] :]].sum()
        G = emission.shape[1]
        pairs = np.bincount(y[before].astype(np.int64) * G + y[starts[1] :], minlength=G * G).reshape(G, G)
        observed: Floats = right.astype(np.float64)
        ends = [np.bincount(y[rows], minlength=G).astype(np.float64) for rows in (first, last)]
        counts = Weights(ends[0], pairs.astype(np.float64), ends[1])
    else:
        score, observed, counts = _expectations(np.where(right, emission, FORBIDDEN), starts, weights)
    gradient = (expected - observed).astype(emission.dtype)
    return float(total - score), gradient, Weights(*(a - b for a, b in zip(sums, counts, strict=True)))


def _expectations(emission: Floats, starts: Int64, weights: Weights) -> tuple[float, Floats, Weights]:
    """Log of the sum over all paths; marginals (N, G); expected counts of each start, transition and end."""
    p = forward_backward(emission, starts, weights)
    into = p.step * p.beta / (p.alpha * p.beta).sum(axis=1, keepdims=True)
    pairs = np.exp(weights.transition) * (p.alpha[previous_rows(starts)].T @ into[starts[1] :])
    first, last = p.marginals[: starts[1]].sum(axis=0), p.marginals[last_rows(starts)].sum(axis=0)
    return float(p.log_z.sum()), p.marginals, Weights(first, pairs, last)


def span_probability(
    posterior: Posterior,
    weights: Weights,
    tags: Int32,
    *,
    offsets: Int64,
    spans: tuple[Int64, Int64],
    follow: Bools,
    loose: bool = False,
) -> Floats:
    """Exact probability of each span: its tags, with none before them that they continue, and none after.

    All arrays are in the order of the sequences, not packed. A span is the tags `tags[start:end]`; a next tag
    that `follow` allows after its last tag would continue it, as its first tag would continue one before it.

    Args:
        posterior: of the N rows, in the order of the sequences.
        weights: of the CRF.
        tags: (N,)
        offsets: (n + 1,) of the sequences.
        spans: first row of each span, (K,), counted among the N, and the row after its last, (K,).
        follow: (G, G) true if tag j after tag i continues an entity.
        loose: True to count the sequences in which the span continues an entity, too.

    Returns:
        (K,) probabilities.
    """
    start, end = spans
    ends = np.zeros(len(tags), bool)
    ends[offsets[1:] - 1] = True
    every = np.arange(len(tags))
    norm = (posterior.alpha * posterior.beta).sum(axis=1)
    inside = np.log(np.maximum(posterior.step[every, tags], np.finfo(np.float64).tiny))
    inside[1:] += np.where(ends[:-1], 0.0, np.maximum(weights.transition[tags[:-1], tags[1:]], FORBIDDEN))
    path = np.concatenate([[0.0], np.cumsum(inside)])
    through = np.exp(path[end] - path[start + 1])
    last = end - 1
    A = np.exp(weights.transition)
    stops = np.where(follow, 0.0, A)[tags[last]]
    following = np.minimum(end, len(tags) - 1)
    after = (stops * posterior.step[following] * posterior.beta[following]).sum(axis=1)
    after = np.where(ends[last], np.exp(weights.end)[tags[last]], after)
    into = posterior.alpha[start, tags[start]] if loose else _into(posterior, A, tags, offsets, start, follow)
    probability: Floats = into * through * after / norm[last]
    return probability


def _into(
    posterior: Posterior, A: Floats, tags: Int32, offsets: Int64, start: Int64, follow: Bools
) -> Floats:
    """Scaled forward probability of the first tag of each span, (K,), without paths in which it goes on."""
    into: Floats = posterior.alpha[start, tags[start]]
    may_go_on: Bools = np.logical_or.reduce(follow)  # (G,)
    inner = np.flatnonzero(may_go_on[tags[start]] & ~np.isin(start, offsets[:-1]))
    rows = start[inner]
    begins = np.where(follow, 0.0, A)[:, tags[rows]].T
    into[inner] = (posterior.alpha[rows - 1] * begins).sum(axis=1) * posterior.step[rows, tags[rows]]
    return into
