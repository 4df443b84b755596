"""Pooling: what the network says of a word elsewhere in the same unit of a document is evidence for it here.

The log weight of a tag of kind k gets, for a word that occurs n times in its unit,

    equal * (n - 1) / n * (odds(others)[k] - odds(own)[k]) + definition * (odds(defined)[k] - odds(own)[k])

with odds(p)[k] = log((p[k] + floor) / (p[O] + floor)), where `own` is the posterior of the word here,
`others` the mean of its posteriors elsewhere, and `defined` the mean posterior of the words that explain it,
as "disease" does in "Huntington disease (HD)". Then the exact chain is decoded again. After Krishnan and
Manning (2006), who give such evidence to a second CRF as features.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64, use_kernels
from elman.rnn.compute.batches import Bags, Sequences, by_length, pack
from elman.rnn.compute.ragged import rows_of, take
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.decode import Decoder, Emissions, Prediction, no_entities
from elman.rnn.inference.input_cache import KeyedCache
from elman.rnn.inference.spans import join
from elman.rnn.layers import crf

LEAST = 0.05  # probability of an entity at one occurrence, without which a word is left as it is


class PoolingWeights(NamedTuple):
    """Weights of the evidence.

    Attributes:
        equal, definition: weights of the evidence of equal words, and of definitions.
        equal_floor, definition_floor: added to probabilities before logarithms. Evidence that is wrong with
            probability d is worth log odds of (1 - d) / d at most, as it is with a floor of d / (1 - 2 d).
        temperature: of the posteriors that are pooled.
    """

    equal: float
    definition: float
    equal_floor: float = 0.01
    definition_floor: float = 0.01
    temperature: float = 1.0


class Occurrences(NamedTuple):
    """Occurrences of words in the units of documents.

    Attributes:
        words: (N,) number of the word of each symbol, -1 for one that is not pooled.
        defined: (N,) true if the symbol is an abbreviation that the symbol two before it explains.
        units: (U + 1,) unit u is symbols units[u] to units[u + 1]; it has whole sequences.
    """

    words: Int32
    defined: Bools
    units: Int64


def evidence(posterior: Floats, occurrences: Occurrences, weights: PoolingWeights) -> Floats:
    """Evidence added to the log weights of the tags of each kind, (N, K) float32; 0 for symbols not pooled.

    Args:
        posterior: (N, K + 1) probability of each kind of tag, that of O first.
        occurrences: of the N symbols.
        weights: of the evidence.
    """
    from elman.rnn.inference import pooling_kernels

    words, defined, units = occurrences
    known = int(words.max(initial=-1)) + 1
    equal, definition, near, far, _ = map(float, weights)  # whole numbers would compile the kernel again
    p = np.ascontiguousarray(posterior, np.float32)
    added: Floats = pooling_kernels.evidence(
        p, words, defined, units, known, equal, definition, (near, far), LEAST
    )
    return added


@dataclass(frozen=True)
class FirstPass:
    """Emissions and posteriors of n sequences, each by itself.

    Attributes:
        emissions: (N, G) log weights of the tags, in the order of the sequences.
        posterior: (N, K + 1) probability of each kind of tag, that of O first.
        offsets: (n + 1,)
    """

    emissions: Floats
    posterior: Floats
    offsets: Int64


class PooledDecoder:
    """Decodes sequences twice: each by itself, and with the evidence of the unit it stands in.

    Args:
        decoder: of a network with one output a symbol; its temperature is that of the probabilities given.
        weights: of the evidence.
    """

    def __init__(self, decoder: Decoder, weights: PoolingWeights) -> None:
        if decoder.architecture.outputs_per_step != 1:
            raise ValueError(
                f"pooling needs one output a symbol. Got {decoder.architecture.outputs_per_step}"
            )
        self.decoder, self.weights = decoder, weights
        self.kind = (decoder.scheme or no_entities(decoder.weights.start.shape[0])).kind

    def first_pass(self, bags: Bags, sequences: Sequences, cache: KeyedCache | None = None) -> FirstPass:
        """Emissions and posteriors of each sequence by itself; arguments as of `Decoder`."""
        N, G = len(sequences.tokens), len(self.kind)
        emissions = np.empty((N, G), self.decoder.dtype)
        posterior = np.empty((N, int(self.kind.max()) + 2), emissions.dtype)
        with single_threaded():
            for batch in self.decoder.emissions(bags, sequences, cache):
                emissions[batch.places] = batch.weights
                posterior[batch.places] = self._posterior(batch)
        return FirstPass(emissions, posterior, sequences.offsets)

    def _posterior(self, batch: Emissions) -> Floats:
        T = self.weights.temperature
        if use_kernels(batch.weights.dtype):
            from elman.rnn.layers import crf_decoding_kernels

            weights = self.decoder.weights
            return crf_decoding_kernels.kind_posterior(batch.weights, batch.starts, weights, T, self.kind)
        cooled = crf.Weights(*(w / T for w in self.decoder.weights))
        marginals = crf.forward_backward(batch.weights / T, batch.starts, cooled).marginals
        kinds = np.arange(-1, int(self.kind.max()) + 1)
        return np.stack([marginals[:, self.kind == kind].sum(axis=1) for kind in kinds], axis=1)

    def tag(self, first: FirstPass, which: Int64, occurrences: Occurrences) -> Prediction:
        """Tags, with probabilities and entities, of sequences in units.

        Args:
            first: of distinct sequences.
            which: (n,) number of the sequence that each of n sequences equals.
            occurrences: of the symbols of these n.
        """
        offsets, steps = take(first.offsets, which)
        added = evidence(first.posterior[steps], occurrences, self.weights)
        changed = np.bincount(rows_of(offsets), added.any(axis=1), len(which)) > 0
        plain, back = np.unique(which[~changed], return_inverse=True)
        own, own_steps = take(first.offsets, plain)
        new, new_steps = take(offsets, np.flatnonzero(changed))
        emissions = np.concatenate(
            [first.emissions[own_steps], self.add(first.emissions[steps[new_steps]], added[new_steps])]
        )
        prediction = self.decode(emissions, np.concatenate([own, own[-1] + new[1:]]))
        order = np.empty(len(which), np.int64)
        order[~changed] = back
        order[changed] = len(plain) + np.arange(int(changed.sum()))
        return prediction.take(order)

    def add(self, emissions: Floats, added: Floats) -> Floats:
        """Emissions (N, G) with what is added by kind (N, K); those of O stay as they are."""
        whole = np.hstack([np.zeros((len(added), 1), added.dtype), added])
        summed: Floats = emissions + whole[:, self.kind + 1].astype(emissions.dtype)
        return summed

    def decode(self, emissions: Floats, offsets: Int64) -> Prediction:
        """Tags of n sequences by their emissions (N, G), with probabilities and entities."""
        tags = np.empty(len(emissions), np.int32)
        probability, parts = np.empty(len(emissions), emissions.dtype), []
        sequences = Sequences(np.zeros(len(emissions), np.int32), offsets)
        with single_threaded():
            for chosen in by_length(sequences.lengths, self.decoder.batch_tokens):
                batch = pack(sequences, chosen)
                part = Emissions(emissions[batch.places], batch.starts, batch.places, batch.sequences)
                tags[part.places], probability[part.places], spans = self.decoder.decode(part)
                parts.append(spans)
        return Prediction(tags, offsets, probability, join(parts))


def units_of(unit: Int64, offsets: Int64) -> Int64:
    """Offsets (U + 1,) of units in symbols.

    Args:
        unit: (n,) number of the unit of each sequence; those of a unit stand together.
        offsets: (n + 1,) of the sequences.
    """
    begins = np.flatnonzero(np.diff(unit, prepend=unit[:1] - 1))
    units: Int64 = np.append(offsets[begins], offsets[-1])
    return units
