"""Classification: from weights to logits of whole sequences, long ones cut into pieces; temperature."""

from collections.abc import Callable

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, Int64, Params
from elman.rnn.compute.batches import Bags, Batch, Sequences, by_length, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference.input_cache import KeyedCache
from elman.rnn.inference.prepared import prepare
from elman.rnn.inference.temperature import likeliest_temperature
from elman.rnn.networks.classifier import ClassifierConfig

BATCH_TOKENS = 8192  # time steps classified at a time, which bounds memory; a longer sequence goes alone


def classify(
    config: ClassifierConfig,
    params: Params,
    bags: Bags,
    sequences: Sequences,
    cache: KeyedCache | None = None,
) -> Floats:
    """Logits (n, G) of n sequences.

    Args:
        config: of the network.
        params: its weights.
        bags: feature bags of all symbols.
        sequences: n of them; their targets are not used.
        cache: first-layer inputs kept from call to call; without, they are computed once a batch.
    """
    out = np.empty((len(sequences), config.classes), np.result_type(*params.values()))
    logits = _logits_function(config, params, bags, cache)
    with single_threaded():
        for chosen in by_length(sequences.lengths, BATCH_TOKENS):
            batch = pack(sequences, chosen)
            out[batch.sequences] = logits(batch)
    return out


def _logits_function(
    config: ClassifierConfig, params: Params, bags: Bags, cache: KeyedCache | None
) -> Callable[[Batch], Floats]:
    """Function from a batch to its logits (B, G)."""
    if cache is not None:
        inputs, keys, generation = cache
        return lambda batch: inputs.logits(bags, keys, generation, batch)
    prepared = prepare(config, params)
    if prepared is None:
        network = config.build()
        return lambda batch: network.forward(params, bags, batch)[0]

    def logits(batch: Batch) -> Floats:
        distinct, which = np.unique(batch.tokens, return_inverse=True)
        return prepared.logits(prepared.first_inputs(bags, distinct), which.astype(np.int32), batch)

    return logits


def cut(lengths: Int64, longest: int) -> tuple[Int64, Int64]:
    """Cut sequences into pieces of at most `longest` steps, from their beginning.

    Args:
        lengths: (n,) steps of each, 1 or more.
        longest: steps of a piece.

    Returns:
        ragged offsets of the pieces (p + 1,), which follow one another as the sequences do, and the sequence
        of each piece (p,).
    """
    counts = -(-lengths // longest)
    sequence = np.repeat(np.arange(len(lengths)), counts)
    sizes = np.full(len(sequence), longest, np.int64)
    last = np.cumsum(counts) - 1
    sizes[last] = lengths - longest * (counts - 1)
    return offsets_of(sizes), sequence


def joined(logits: Floats, offsets: Int64, sequence: Int64, count: int) -> Floats:
    """Logits (n, G) of sequences from those of their pieces: the mean, each piece weighted by its steps.

    Args:
        logits: (p, G) of the pieces.
        offsets: (p + 1,) of the pieces.
        sequence: (p,) of each piece.
        count: n, sequences; each has a piece at least.
    """
    sums, steps = np.zeros((count, logits.shape[1])), np.diff(offsets)
    np.add.at(sums, sequence, logits * steps[:, None].astype(np.float64))
    mean: Floats = sums / np.bincount(sequence, steps, count)[:, None]
    return mean


def probabilities(logits: Floats, temperature: float = 1.0) -> Floats:
    """Softmax of logits (n, G) divided by a temperature, float64."""
    z = logits.astype(np.float64) / temperature
    z -= z.max(axis=1, keepdims=True)
    p: Floats = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    return p


def calibrate_classes(logits: Floats, classes: Int32) -> float:
    """The temperature that makes the right classes (n,) likeliest, given logits (n, G), G of 2 or more.

    One in n + 2 is taken to be wrong, as by Platt (1999), "Probabilistic Outputs for Support Vector
    Machines", section 2.2: else n documents without a mistake would make every later answer certain.
    """
    every, wrong = np.arange(len(classes)), 1 / (len(classes) + 2)

    def loss(scale: float) -> float:
        z = logits.astype(np.float64) * scale
        top, right = z.max(axis=1), z[every, classes]
        others = (z.sum(axis=1) - right) / (z.shape[1] - 1)
        given = (1 - wrong) * right + wrong * others
        return float((np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - given).sum())

    return likeliest_temperature(loss)
