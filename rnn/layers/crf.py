"""Linear chains over packed emissions: best path, exact marginals, exact probability of an entity.

Weights are logarithms: `emission` (N, G) for each row, `start` (G,) for the first tag of a sequence,
`transition` (G, G) from the row's tag to the next one, `end` (G,) for the last; -inf closes a tag or a step.
With transitions of 0 the chain is the independent softmax with illegal sequences closed.
Lafferty, McCallum and Pereira (2001), section 3;
probabilities are scaled as in Rabiner (1989), section V.A.
"""

from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64, Params, compiled
from elman.rnn.compute.batches import before_of, last_of

FLOOR = -80.0  # no class is taken as less likely than e^-80 of the best of its row: nothing underflows
CLOSED = -1e4  # stands for -inf where sums are taken: exp of it is 0


class Weights(NamedTuple):
    """Logarithmic weights of a chain of G tags: start (G,), transition (G, G), end (G,)."""

    start: Floats
    transition: Floats
    end: Floats

    @classmethod
    def legal(cls, classes: int, start: Bools | None, transition: Bools | None) -> "Weights":
        """0 where legal, -inf where not."""
        first = np.ones(classes, bool) if start is None else np.asarray(start, bool)
        steps = np.ones((classes, classes), bool) if transition is None else np.asarray(transition, bool)
        if first.shape != (classes,) or steps.shape != (classes, classes):
            raise ValueError(
                f"start_legal and transition_legal must have shapes ({classes},), ({classes}, {classes}). "
                f"Got {first.shape}, {steps.shape}"
            )
        closed = np.array([-np.inf, 0.0])
        return cls(closed[first.astype(int)], closed[steps.astype(int)], np.zeros(classes))

    @classmethod
    def of(cls, params: Params, legal: "Weights") -> "Weights":
        """The trained weights of a conditional random field, where legal; `legal` itself without any.

        Of several chains, those of a committee, the mean.
        """
        chains = [name.removesuffix("start") for name in params if name.endswith("chain.start")]
        if not chains:
            return legal
        trained = [
            np.mean([params[f"{chain}{name}"] for chain in chains], axis=0, dtype=np.float64)
            for name in cls._fields
        ]
        return cls(*(own + closed for own, closed in zip(trained, legal, strict=True)))

    @property
    def free(self) -> bool:
        """Whether the chain says nothing, so that each row stands alone."""
        return not (self.start.any() or self.transition.any() or self.end.any())


class Posterior(NamedTuple):
    """What forward-backward knows of each row.

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


def viterbi(emission: Floats, starts: Int64, weights: Weights) -> Int32:
    """The best tag sequence of every sequence of a packed batch.

    Args:
        emission: (N, G)
        starts: (T + 1,) rows of each step, see rnn/compute/batches.py.
        weights: of the chain.

    Returns:
        tags (N,), packed as the emissions.
    """
    if compiled(emission.dtype):
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
            here = back[at[t + 1] : at[t + 2]]
            here[:] = ways.argmax(axis=2)
            score = (
                np.take_along_axis(ways, here[:, :, None], axis=2)[:, :, 0] + emission[at[t + 1] : at[t + 2]]
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
        weights: of the chain; some legal path must exist.

    Returns:
        the posterior, float64, packed as the emissions.
    """
    if compiled(emission.dtype):
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
        here = slice(at[t], at[t + 1])
        before = alpha[at[t - 1] : at[t - 1] + counts[t]] @ A if t else first
        np.multiply(before, step[here], out=alpha[here])
        scale = alpha[here].sum(axis=1, keepdims=True)
        alpha[here] /= scale
        step[here] /= scale
        log_z[: counts[t]] += log_scale[here] + np.log(scale[:, 0])
    for t in reversed(range(T)):
        alive = counts[t + 1] if t + 1 < T else 0
        here = slice(at[t], at[t + 1])
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
    """Loss of a conditional random field: log of the sum over all paths, less that over the right ones.

    A target of -1 leaves the tag open: all paths through it are right. With class weights w, wrong tags of a
    symbol whose right tag is y get log w[y] on top in training, so that missing a heavy class costs more:
    softmax-margin (Gimpel and Smith, 2010, equation 7) with cost log w[y] for each wrong tag.

    Args:
        emission: (N, G) packed.
        starts: (T + 1,)
        targets: (N,) packed; a legal sequence.
        weights: of the chain.
        class_weights: (G,) positive.

    Returns:
        the loss summed over sequences, its gradient by the emissions (N, G), and by the weights.
    """
    known = targets >= 0
    y = np.where(known, targets, 0)
    every = np.arange(len(y))
    right = np.zeros(emission.shape, bool)
    right[every, y] = True
    right[~known] = True
    costly = emission
    if class_weights is not None:
        costly = emission + np.where(right, 0.0, np.log(class_weights.astype(np.float64))[y][:, None])
    total, expected, sums = _expect(costly, starts, weights)
    if known.all():
        before, last = before_of(starts), last_of(starts)
        first = slice(0, int(starts[1]))
        score = emission[every, y].sum(dtype=np.float64) + weights.start[y[first]].sum()
        score += weights.end[y[last]].sum() + weights.transition[y[before], y[starts[1] :]].sum()
        G = emission.shape[1]
        pairs = np.bincount(y[before].astype(np.int64) * G + y[starts[1] :], minlength=G * G).reshape(G, G)
        observed: Floats = right.astype(np.float64)
        ends = [np.bincount(y[rows], minlength=G).astype(np.float64) for rows in (first, last)]
        seen = Weights(ends[0], pairs.astype(np.float64), ends[1])
    else:
        score, observed, seen = _expect(np.where(right, emission, CLOSED), starts, weights)
    gradient = (expected - observed).astype(emission.dtype)
    return float(total - score), gradient, Weights(*(a - b for a, b in zip(sums, seen, strict=True)))


def _expect(emission: Floats, starts: Int64, weights: Weights) -> tuple[float, Floats, Weights]:
    """Log of the sum over all paths; marginals (N, G); how often each start, step and end is expected."""
    p = forward_backward(emission, starts, weights)
    into = p.step * p.beta / (p.alpha * p.beta).sum(axis=1, keepdims=True)
    pairs = np.exp(weights.transition) * (p.alpha[before_of(starts)].T @ into[starts[1] :])
    first, last = p.marginals[: starts[1]].sum(axis=0), p.marginals[last_of(starts)].sum(axis=0)
    return float(p.log_z.sum()), p.marginals, Weights(first, pairs, last)


def span_probability(
    posterior: Posterior,
    weights: Weights,
    tags: Int32,
    *,
    ends: Bools,
    start: Int64,
    end: Int64,
    follow: Bools,
) -> Floats:
    """Exact probability that these spans stand exactly there, with these tags and not carried on.

    All arrays are in the order of the sequences here, not packed. A span is the tags `tags[start:end]`; it is
    carried on when the next tag is one that `follow` allows after its last tag.

    Args:
        posterior: of the N rows, in the order of the sequences.
        weights: of the chain.
        tags: (N,)
        ends: (N,) whether a row is the last of its sequence.
        start: (K,) first row of each span, counted among the N.
        end: (K,) row after the last.
        follow: (G, G) whether tag j after tag i carries an entity on.

    Returns:
        (K,) probabilities.
    """
    every = np.arange(len(tags))
    norm = (posterior.alpha * posterior.beta).sum(axis=1)
    inside = np.log(np.maximum(posterior.step[every, tags], np.finfo(np.float64).tiny))
    inside[1:] += np.where(ends[:-1], 0.0, np.maximum(weights.transition[tags[:-1], tags[1:]], CLOSED))
    path = np.concatenate([[0.0], np.cumsum(inside)])
    through = np.exp(path[end] - path[start + 1])
    last = end - 1
    A = np.exp(weights.transition)
    stops = np.where(follow, 0.0, A)[tags[last]]
    following = np.minimum(end, len(tags) - 1)
    after = (stops * posterior.step[following] * posterior.beta[following]).sum(axis=1)
    after = np.where(ends[last], np.exp(weights.end)[tags[last]], after)
    probability: Floats = posterior.alpha[start, tags[start]] * through * after / norm[last]
    return probability
