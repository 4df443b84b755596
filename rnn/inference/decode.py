"""Decoding: from weights to legal tag sequences, with exact probabilities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params, use_kernels
from elman.rnn.compute.batches import Bags, Batch, Sequences, by_length, last_rows, pack, previous_rows
from elman.rnn.compute.ragged import offsets_of, positions_of, take
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.input_cache import KeyedCache, logits_function
from elman.rnn.inference.spans import Spans, TagScheme, join, span_bounds, spans_of
from elman.rnn.inference.temperature import likeliest_temperature
from elman.rnn.layers import crf
from elman.rnn.networks.architecture import Architecture

WINDOW = 1 << 16  # time steps for which the first-layer inputs of each distinct symbol are computed once


@dataclass(frozen=True)
class Prediction:
    """Tags of n sequences, in their order.

    Attributes:
        tags: (N * S,) best legal tag of each symbol.
        offsets: (n + 1,) symbols of sequence i are `tags[offsets[i]:offsets[i + 1]]`.
        tag_probability: (N * S,) marginal probability of that tag; or None.
        spans: entities with their probability; or None.
    """

    tags: Int32
    offsets: Int64
    tag_probability: Floats | None = None
    spans: Spans | None = None

    def take(self, sequences: Int64) -> "Prediction":
        """The prediction of some of the sequences, in this order, perhaps several times."""
        offsets, steps = take(self.offsets, sequences)
        probability = None if self.tag_probability is None else self.tag_probability[steps]
        spans = None if self.spans is None else self.spans.take(sequences, len(self.offsets) - 1)
        return Prediction(self.tags[steps], offsets, probability, spans)


class Emissions(NamedTuple):
    """Log weights of the tags of a packed batch, a row for each symbol.

    Attributes:
        weights: (N * S, G)
        starts: (T * S + 1,) rows of each finer step.
        places: (N * S,) index of each row in the tags of all sequences.
        sequences: (B,) numbers of the sequences of the batch.
    """

    weights: Floats
    starts: Int64
    places: Int64
    sequences: Int64


class Decoder:
    """Tags sequences with one network.

    Args:
        architecture: settings of the network.
        params: its weights.
        scheme: the tag set; None allows every sequence and finds no entities.
        temperature: divides all log weights before probabilities are taken, see `calibrate`.
        batch_tokens: time steps computed at a time, which bounds memory; a longer sequence goes alone.
    """

    def __init__(
        self,
        architecture: Architecture,
        params: Params,
        scheme: TagScheme | None = None,
        *,
        temperature: float = 1.0,
        batch_tokens: int = 4096,
    ) -> None:
        self.architecture, self.params, self.scheme = architecture, params, scheme
        self.temperature, self.batch_tokens = temperature, batch_tokens
        self.weights = crf_weights(architecture, params, scheme)
        self.dtype = np.result_type(*params.values())  # of logits, and so of probabilities

    def tag(self, bags: Bags, sequences: Sequences) -> Prediction:
        """Best legal tags of n sequences, without probabilities and spans.

        Args:
            bags: feature bags of all symbols.
            sequences: n sequences, N time steps; their targets are not used.
        """
        S = self.architecture.outputs_per_step
        tags = np.empty(len(sequences.tokens) * S, np.int32)
        with single_threaded():
            for emissions in self.emissions(bags, sequences):
                tags[emissions.places] = self.best_tags(emissions)
        return Prediction(tags, sequences.offsets * S)

    def best_tags(self, emissions: Emissions) -> Int32:
        """Best legal tags (N * S,) of one batch."""
        if self.weights.independent:
            return _argmax(emissions.weights)
        return crf.viterbi(emissions.weights, emissions.starts, self.weights)

    def tag_with_probabilities(
        self, bags: Bags, sequences: Sequences, cache: KeyedCache | None = None
    ) -> Prediction:
        """Best legal tags with their probabilities; with a scheme, entities with theirs.

        Args:
            bags: feature bags of all symbols.
            sequences: n sequences, N time steps; their targets are not used.
            cache: first-layer inputs kept from call to call; without, they are kept for this call alone.
        """
        S = self.architecture.outputs_per_step
        tags = np.empty(len(sequences.tokens) * S, np.int32)
        probability, parts = np.empty(len(tags), self.dtype), []
        with single_threaded():
            for emissions in self.emissions(bags, sequences, cache):
                tags[emissions.places], probability[emissions.places], spans = self.decode(emissions)
                parts.append(spans)
        offsets = sequences.offsets * S
        if self.scheme is None:
            return Prediction(tags, offsets, probability)
        spans = join(parts) if parts else spans_of(tags, offsets, self.scheme)
        return Prediction(tags, offsets, probability, spans)

    def emissions(
        self, bags: Bags, sequences: Sequences, cache: KeyedCache | None = None
    ) -> Iterator[Emissions]:
        """Emissions of all sequences, batch by batch, in windows of like length."""
        for window in by_length(
            sequences.lengths, max(min(WINDOW, len(sequences.tokens)), self.batch_tokens)
        ):
            logits = logits_function(self.architecture, self.params, bags, cache)
            for chosen in by_length(sequences.lengths[window], self.batch_tokens):
                batch = pack(sequences, window[chosen])
                yield emissions_of(logits(batch), self.architecture, batch)

    def decode(self, emissions: Emissions) -> tuple[Int32, Floats, Spans]:
        """Tags of one batch, their probabilities, and its spans; those of no entity without a scheme."""
        decode = self._decode_compiled if use_kernels(emissions.weights.dtype) else self._decode
        return decode(emissions)

    def _decode_compiled(self, emissions: Emissions) -> tuple[Int32, Floats, Spans]:
        """Tags of one batch, their probabilities, and its spans, by kernels."""
        from elman.rnn.layers import crf_decoding_kernels

        weights, starts, _, sequences = emissions
        scheme = self.scheme or no_entities(weights.shape[1])
        tags, probability, (column, start, end, kind, exact) = crf_decoding_kernels.decode(
            weights, starts, self.weights, self.temperature, scheme.begin, scheme.kind, scheme.loose
        )
        spans = Spans(sequences[column], start.astype(np.int64), end.astype(np.int64), kind, exact)
        return tags, probability, spans

    def _decode(self, emissions: Emissions) -> tuple[Int32, Floats, Spans]:
        """The same in NumPy."""
        weights, starts, places, sequences = emissions
        scheme = self.scheme or no_entities(weights.shape[1])
        tags = crf.viterbi(weights, starts, self.weights)
        cooled = crf.Weights(*(w / self.temperature for w in self.weights))
        scaled = weights if self.temperature == 1 else weights / weights.dtype.type(self.temperature)
        posterior = crf.forward_backward(scaled, starts, cooled)
        probability = posterior.marginals[np.arange(len(tags)), tags]
        order = np.argsort(places)  # from here on in the order of the sequences
        numbers, lengths = np.sort(sequences), np.bincount(positions_of(starts))[np.argsort(sequences)]
        offsets, flat = offsets_of(lengths), tags[order]
        bounds = span_bounds(flat, offsets, scheme)
        exact = crf.span_probability(
            posterior.reordered(order),
            cooled,
            flat,
            offsets=offsets,
            spans=bounds,
            follow=scheme.continues,
            loose=scheme.loose,
        ).astype(weights.dtype)
        spans = spans_of(flat, offsets, scheme)
        return tags, probability, spans._replace(sequence=numbers[spans.sequence], probability=exact)


def no_entities(classes: int) -> TagScheme:
    """A scheme of G tags that are all outside of entities."""
    return TagScheme(np.zeros(classes, bool), np.full(classes, -1, np.int32))


def crf_weights(architecture: Architecture, params: Params, scheme: TagScheme | None) -> crf.Weights:
    """CRF weights for decoding: the trained ones, or 0; -inf for what the scheme forbids."""
    classes = 2 if architecture.output == "sigmoid" else architecture.classes
    start, transition = (scheme.start, scheme.transition) if scheme else (None, None)
    return crf.Weights.of(params, crf.Weights.legal(classes, start, transition))


def emissions_of(logits: Floats, architecture: Architecture, batch: Batch) -> Emissions:
    """Log weights of each symbol's tags.

    Args:
        logits: (N, S*G)
        architecture: gives S; a sigmoid's logit becomes the weights of two classes, 0 and the logit.
        batch: N rows.
    """
    S = architecture.outputs_per_step
    table = logits.reshape(len(logits) * S, -1)
    if architecture.output == "sigmoid":
        table = np.hstack([np.zeros_like(table), table])
    if S == 1:
        return Emissions(table, batch.starts, batch.places, batch.sequences)
    places = (batch.places[:, None] * S + np.arange(S)).reshape(-1)
    starts, order = batch.finer_order(S)
    return Emissions(table[order], starts, places[order], batch.sequences)


def _argmax(emissions: Floats) -> Int32:
    """Best class of each row alone; of equals the first, so that a sigmoid answers yes above 0.5."""
    if use_kernels(emissions.dtype):
        from elman.rnn.layers import embedding_kernels

        fast: Int32 = embedding_kernels.argmax_rows(emissions)
        return fast
    best: Int32 = emissions.argmax(axis=1).astype(np.int32)
    return best


def calibrate(
    architecture: Architecture,
    params: Params,
    bags: Bags,
    dev: Sequences,
    scheme: TagScheme | None = None,
) -> float:
    """The temperature that makes the right tags of `dev` likeliest; it changes no tag.

    Args:
        architecture: settings of the network.
        params: its weights.
        bags: feature bags of all symbols.
        dev: sequences with targets, legal ones.
        scheme: the tag set.
    """
    if dev.targets is None or not len(dev):
        raise ValueError("calibration needs sequences with targets. Got none")
    logits, batches = logits_function(architecture, params, bags), []
    with single_threaded():
        for chosen in by_length(dev.lengths, 4096):
            batch = pack(dev, chosen)
            emissions, starts, places, _ = emissions_of(logits(batch), architecture, batch)
            batches.append((emissions, starts, dev.targets[places]))
    return _likeliest(batches, crf_weights(architecture, params, scheme))


def calibrate_emissions(emissions: Floats, dev: Sequences, weights: crf.Weights) -> float:
    """The same for emissions (N, G) in the order of `dev`, sequences with targets and one output a symbol."""
    assert dev.targets is not None
    packed = [pack(dev, chosen) for chosen in by_length(dev.lengths, 4096)]
    batches = [(emissions[batch.places], batch.starts, dev.targets[batch.places]) for batch in packed]
    return _likeliest(batches, weights)


def _likeliest(batches: Sequence[tuple[Floats, Int64, Int32]], weights: crf.Weights) -> float:
    """Temperature of the highest likelihood of targets: emissions, starts, targets of each batch."""
    if all(use_kernels(emissions.dtype) and (targets >= 0).all() for emissions, _, targets in batches):
        score = sum(_score(*batch, weights) for batch in batches)

        def loss(scale: float) -> float:
            from elman.rnn.inference.temperature_kernels import log_partition

            first, A, last = (np.exp(w * scale) for w in weights)
            parts = [log_partition(e, s, scale, first, A, last, crf.FLOOR) for e, s, _ in batches]
            return sum(parts) - score * scale

        return likeliest_temperature(loss)

    def reference(scale: float) -> float:
        scaled = crf.Weights(*(w * scale for w in weights))
        return sum(
            crf.negative_log_likelihood(e.astype(np.float64) * scale, s, y, scaled)[0] for e, s, y in batches
        )

    return likeliest_temperature(reference)


def _score(emissions: Floats, starts: Int64, targets: Int32, weights: crf.Weights) -> float:
    """Summed log weights of the known, legal tags (N,) of a batch."""
    first, last = targets[: starts[1]], targets[last_rows(starts)]
    pairs = weights.transition[targets[previous_rows(starts)], targets[starts[1] :]]
    own = emissions[np.arange(len(targets)), targets].sum(dtype=np.float64)
    return float(own + weights.start[first].sum() + pairs.sum() + weights.end[last].sum())
