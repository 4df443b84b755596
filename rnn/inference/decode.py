"""From weights to tags: only legal sequences come out, with exact probabilities."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64, Params, compiled
from elman.rnn.compute.batches import Bags, Batch, Sequences, by_length, pack
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.input_cache import KeyedCache, logits_function
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture

WINDOW = 1 << 16  # steps for which the blocks of each distinct symbol are summed once


class Scheme(NamedTuple):
    """What IOB2 tags mean, as arrays.

    Attributes:
        begin: (G,) whether the tag begins an entity even right after one of its type.
        kind: (G,) number of the type, -1 for O.
    """

    begin: Bools
    kind: Int32


class Spans(NamedTuple):
    """Entities, one row each, in order of sequence and start.

    Attributes:
        sequence: number of the sequence.
        start: first symbol, counted from the start of the sequence.
        end: symbol after the last.
        kind: number of the type.
        probability: exact, that just this span with this type is an entity; or None.
    """

    sequence: Int64
    start: Int64
    end: Int64
    kind: Int32
    probability: Floats | None = None


@dataclass(frozen=True)
class Prediction:
    """What a network says of n sequences, in their order.

    Attributes:
        tags: (N * S,) best legal tag of each symbol.
        offsets: (n + 1,) symbols of sequence i are `tags[offsets[i]:offsets[i + 1]]`.
        tag_probability: (N * S,) marginal probability of that tag; or None.
        marginals: (N * S, G) of every tag; or None.
        spans: entities with their probability; or None.
    """

    tags: Int32
    offsets: Int64
    tag_probability: Floats | None = None
    marginals: Floats | None = None
    spans: Spans | None = None


def predict(
    params: Params,
    config: Architecture,
    bags: Bags,
    sequences: Sequences,
    *,
    start_legal: Bools | None = None,
    transition_legal: Bools | None = None,
    probabilities: bool = True,
    marginals: bool = False,
    scheme: Scheme | None = None,
    batch_tokens: int = 4096,
    workers: int = 1,
    temperature: float = 1.0,
    cache: KeyedCache | None = None,
) -> Prediction:
    """Tag sequences.

    Args:
        params: weights.
        config: the network they belong to.
        bags: which table rows each symbol has.
        sequences: n sequences, N steps, S symbols a step; their targets are not looked at.
        start_legal: (G,) tags a sequence may begin with.
        transition_legal: (G, G) whether tag j may follow tag i.
        probabilities: fill `tag_probability`.
        marginals: fill `marginals`.
        scheme: fill `spans`, each with its probability if `probabilities`.
        batch_tokens: steps computed at a time, which bounds memory; a longer sequence goes alone.
        workers: threads; the result does not depend on how many.
        temperature: all log weights are divided by it before probabilities are taken, see `calibrate`.
        cache: rows of the symbols that are kept from call to call; with one worker only.

    Returns:
        the prediction, in the order of `sequences`.
    """
    rows = len(sequences.tokens) * config.outputs_per_step
    offsets = sequences.offsets * config.outputs_per_step
    width = 2 if config.output == "sigmoid" else config.classes
    legal = crf.Weights.legal(width, start_legal, transition_legal)
    weights = crf.Weights.of(params, legal)
    cooled = crf.Weights(*(w / temperature for w in weights))
    tags = np.empty(rows, np.int32)
    chance = np.empty(rows, np.float32) if probabilities else None
    every = np.empty((rows, width), np.float32) if marginals else None

    def tag(window: Int64) -> list[Spans]:
        """Fill in what belongs to the sequences of a window; the bags of its symbols are summed once."""
        some, found = sequences.take(window), []
        logits = logits_function(config, params, bags, cache)
        for chosen in by_length(some.lengths, batch_tokens):
            batch = pack(sequences, window[chosen])
            emission, starts, where = emissions(logits(batch), config, batch)
            if chance is None and every is None:
                tags[where] = crf.viterbi(emission, starts, weights) if not weights.free else _first(emission)
                continue
            if chance is not None and every is None and compiled(emission.dtype):
                spans = _decoded(emission, starts, where, weights, temperature, scheme, batch, tags, chance)
                if spans is not None:
                    found.append(spans)
                continue
            best = crf.viterbi(emission, starts, weights)
            tags[where] = best
            cool = emission if temperature == 1 else emission / emission.dtype.type(temperature)
            posterior = crf.forward_backward(cool, starts, cooled)
            if chance is not None:
                chance[where] = posterior.marginals[np.arange(len(best)), best]
            if every is not None:
                every[where] = posterior.marginals
            if scheme is not None and chance is not None:
                spans = _spans_of_batch(
                    best, where, posterior, cooled, scheme=scheme, offsets=offsets, batch=batch
                )
                found.append(spans)
        return found

    share = -(-len(sequences.tokens) // workers)
    windows = by_length(sequences.lengths, max(min(WINDOW, share), batch_tokens))
    with single_threaded():
        if workers == 1:
            parts = [tag(window) for window in windows]
        else:
            with ThreadPoolExecutor(workers) as pool:
                parts = list(pool.map(tag, windows))
    found = [spans for part in parts for spans in part]
    spans = None
    if scheme is not None:
        spans = _in_order(found) if found else spans_of(tags, offsets, scheme)
    return Prediction(tags, offsets, chance, every, spans)


def calibrate(
    params: Params,
    config: Architecture,
    bags: Bags,
    dev: Sequences,
    *,
    start_legal: Bools | None = None,
    transition_legal: Bools | None = None,
) -> float:
    """The temperature that makes the right tags of `dev` likeliest (Guo et al., 2017, section 4.2).

    Found by golden-section search of its logarithm between -2 and 2, to 0.01. It changes no tag.

    Args:
        params: weights.
        config: the network they belong to.
        bags: which table rows each symbol has.
        dev: sequences with targets, legal ones.
        start_legal: as for `predict`.
        transition_legal: as for `predict`.
    """
    if dev.targets is None or not len(dev):
        raise ValueError("calibration needs sequences with targets. Got none")
    width = 2 if config.output == "sigmoid" else config.classes
    weights = crf.Weights.of(params, crf.Weights.legal(width, start_legal, transition_legal))
    logits, ready = logits_function(config, params, bags), []
    with single_threaded():
        for chosen in by_length(dev.lengths, 4096):
            batch = pack(dev, chosen)
            emission, starts, where = emissions(logits(batch), config, batch)
            ready.append((emission.astype(np.float64), starts, dev.targets[where]))

    def loss(log_temperature: float) -> float:
        cold = float(np.exp(-log_temperature))
        scaled = crf.Weights(*(w * cold for w in weights))
        return sum(crf.negative_log_likelihood(e * cold, s, y, scaled)[0] for e, s, y in ready)

    low, high, share = -2.0, 2.0, (5**0.5 - 1) / 2
    a, b = high - share * (high - low), low + share * (high - low)
    at_a, at_b = loss(a), loss(b)
    while high - low > 0.01:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - share * (high - low)
            at_a = loss(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + share * (high - low)
            at_b = loss(b)
    return float(np.exp((low + high) / 2))


def emissions(logits: Floats, config: Architecture, batch: Batch) -> tuple[Floats, Int64, Int64]:
    """Log weights of each symbol's tags, packed by symbol.

    Args:
        logits: (N, S*G)
        config: says S and G, and whether a sigmoid stands for two classes.
        batch: N rows.

    Returns:
        emission (N*S, G), starts of the finer steps, and where each row stands in the order of the sequences.
    """
    S = config.outputs_per_step
    table = logits.reshape(len(logits) * S, -1)
    if config.output == "sigmoid":
        table = np.hstack([np.zeros_like(table), table])
    if S == 1:
        return table, batch.starts, batch.places
    places = (batch.places[:, None] * S + np.arange(S)).reshape(-1)
    starts, fine = batch.split(S)
    order = np.empty(fine.size, np.int64)
    order[fine.reshape(-1)] = np.arange(fine.size)
    return table[order], starts, places[order]


def _first(emission: Floats) -> Int32:
    """Best class of each row alone; of equals the first, so that a sigmoid says yes above 0.5."""
    if compiled(emission.dtype):
        from elman.rnn.layers import embedding_kernels

        fast: Int32 = embedding_kernels.first_best(emission)
        return fast
    best: Int32 = emission.argmax(axis=1).astype(np.int32)
    return best


def spans_of(tags: Int32, offsets: Int64, scheme: Scheme) -> Spans:
    """Entities in tag sequences, by the rule of conlleval.

    One begins at B-X, or at I-X after O, another type or the start of the sequence; it ends before what is no
    I-X of its type. Without any `begin` tag, entities are the runs of one kind.

    Args:
        tags: (N,)
        offsets: (n + 1,)
        scheme: what the tags mean.

    Returns:
        the spans, without probabilities.
    """
    begins, ends = _borders(tags, offsets, scheme)
    sequence = np.searchsorted(offsets, begins, side="right") - 1
    return Spans(sequence, begins - offsets[sequence], ends - offsets[sequence], scheme.kind[tags[begins]])


def _borders(tags: Int32, offsets: Int64, scheme: Scheme) -> tuple[Int64, Int64]:
    """First symbol of each entity and the symbol after its last, counted over all sequences."""
    kind = scheme.kind[tags]
    fresh = np.zeros(len(tags) + 1, bool)
    fresh[offsets] = True
    fresh[1:-1] |= scheme.begin[tags[1:]] | (kind[1:] != kind[:-1])
    edges = np.flatnonzero(fresh)
    inside = kind[edges[:-1]] >= 0
    return edges[:-1][inside], edges[1:][inside]


def _decoded(
    emission: Floats,
    starts: Int64,
    where: Int64,
    weights: crf.Weights,
    temperature: float,
    scheme: Scheme | None,
    batch: Batch,
    tags: Int32,
    chance: Floats,
) -> Spans | None:
    """By kernels, fill in the tags of one batch and their probability; its spans, where there is a scheme."""
    from elman.rnn.layers import crf_kernels

    G = emission.shape[1]
    known = scheme or Scheme(np.zeros(G, bool), np.full(G, -1, np.int32))
    tags[where], chance[where], spans = crf_kernels.decode(emission, starts, weights, temperature, *known)
    if scheme is None:
        return None
    member, begin, end, kind, probability = spans
    return Spans(batch.sequences[member], begin.astype(np.int64), end.astype(np.int64), kind, probability)


def _spans_of_batch(
    best: Int32,
    where: Int64,
    posterior: crf.Posterior,
    weights: crf.Weights,
    *,
    scheme: Scheme,
    offsets: Int64,
    batch: Batch,
) -> Spans:
    """The spans of one batch, with probabilities, numbered as in all sequences."""
    order = np.argsort(where)
    numbers = np.sort(batch.sequences)
    lengths = offsets[numbers + 1] - offsets[numbers]
    local = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    tags = best[order]
    marginals, alpha, beta, step = (part[order] for part in posterior[:4])
    flat = crf.Posterior(marginals, alpha, beta, step, posterior.log_z)
    last = np.zeros(len(tags), bool)
    last[local[1:] - 1] = True
    begins, ends = _borders(tags, local, scheme)
    follow = (scheme.kind[None, :] == scheme.kind[:, None]) & ~scheme.begin[None, :]
    chance = crf.span_probability(flat, weights, tags, ends=last, start=begins, end=ends, follow=follow)
    member = np.searchsorted(local, begins, side="right") - 1
    kind = scheme.kind[tags[begins]]
    return Spans(
        numbers[member], begins - local[member], ends - local[member], kind, chance.astype(np.float32)
    )


def _in_order(found: list[Spans]) -> Spans:
    """The spans of all batches, by sequence and start."""
    joined = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    return Spans(*(part[order] for part in joined))


def repeat(prediction: Prediction, which: Int64) -> Prediction:
    """The prediction of sequences each of which equals one that was predicted.

    Args:
        prediction: of u sequences, without marginals.
        which: (n,) which of them each sequence equals.
    """
    offsets, steps = _spread(prediction.offsets, which)
    spans, chance = prediction.spans, prediction.tag_probability
    if spans is not None:
        bounds = np.searchsorted(spans.sequence, np.arange(len(prediction.offsets)))
        ends, rows = _spread(bounds, which)
        sequence = np.repeat(np.arange(len(which)), np.diff(ends))
        sure = None if spans.probability is None else spans.probability[rows]
        spans = Spans(sequence, spans.start[rows], spans.end[rows], spans.kind[rows], sure)
    return Prediction(prediction.tags[steps], offsets, None if chance is None else chance[steps], None, spans)


def _spread(offsets: Int64, which: Int64) -> tuple[Int64, Int64]:
    """Offsets of the parts `which` of some rows put one after the other, and which rows these are."""
    lengths = np.diff(offsets)[which]
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return ends, np.repeat(offsets[which] - ends[:-1], lengths) + np.arange(ends[-1])


def span_f1(gold: Int32, offsets: Int64, scheme: Scheme) -> Callable[[Prediction], float]:
    """A score for `fit`: F1 of exact spans with type, over all sequences.

    Args:
        gold: (N,) right tags.
        offsets: (n + 1,)
        scheme: what the tags mean.

    Returns:
        a function of a prediction; 1 when neither has an entity.
    """
    right = _keys(gold, offsets, scheme)

    def score(prediction: Prediction) -> float:
        said = _keys(prediction.tags, prediction.offsets, scheme)
        if not len(right) and not len(said):
            return 1.0
        both = len(np.intersect1d(right, said, assume_unique=True))
        return 2 * both / (len(right) + len(said))

    return score


def _keys(tags: Int32, offsets: Int64, scheme: Scheme) -> Int64:
    """A number for each entity, equal only for equal spans of equal type."""
    begins, ends = _borders(tags, offsets, scheme)
    kinds = int(scheme.kind.max()) + 1
    return (begins * (len(tags) + 1) + ends) * kinds + scheme.kind[tags[begins]]
