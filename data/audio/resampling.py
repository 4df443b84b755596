"""Change of the sample rate by a polyphase filter, a block at a time.

The filter is that of `scipy.signal.resample_poly`: a low-pass of 20 zero crossings under a Kaiser window
(beta 5), zero phase, so that nothing is shifted in time. With up / down the ratio of the rates in lowest
terms, x[i] the samples and h[0 ... 2 reach] the filter, whose gain is up:

    y[m] = sum over i of x[i] h[m down - i up + reach]

The sums of several outputs are one sparse product, the same for every stretch of down samples, and are added
in the order of i: a sample has the same bits wherever the signal is cut into blocks.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.audio.clips import Samples

_ZERO_CROSSINGS = 10  # of each half of the filter
_STEP = 1 << 16  # samples at a time, about


def resample(samples: Samples, rate: int, to: int) -> Samples:
    """Samples (N,) at another rate, (ceil(N * to / rate),); limited to -1 to 1."""
    if rate == to:
        return samples
    blocks = list(resample_blocks([samples], rate, to))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def resample_blocks(blocks: Iterable[Samples], rate: int, to: int) -> Iterator[Samples]:
    """Blocks of a signal at another rate; those that come out are of other lengths.

    Args:
        blocks: float32 samples, of any lengths.
        rate, to: samples a second, before and after.
    """
    if rate == to:
        yield from blocks
        return
    filter_ = _filter(to // math.gcd(rate, to), rate // math.gcd(rate, to))
    around = 2 * filter_.context
    step = filter_.period * math.ceil(_STEP / filter_.period)
    held = np.zeros(filter_.context, np.float32)
    pieces = (block[at : at + _STEP] for block in blocks for at in range(0, len(block), _STEP))
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= step + around:
            yield filter_.apply(held[: step + around])
            held = held[step:]
    rest = len(held) - filter_.context
    if rest:
        whole = filter_.period * math.ceil(rest / filter_.period)
        out = filter_.apply(np.pad(held, (0, whole + around - len(held))))
        yield out[: math.ceil(rest * to / rate)]


@dataclass(frozen=True)
class _Filter:
    """A filter for one ratio of rates.

    weights: sparse, (outputs of a period, period + 2 context); period: samples that give these outputs;
    context: samples before and after a period that its outputs depend on.
    """

    weights: Any
    period: int
    context: int

    def apply(self, part: Samples) -> Samples:
        """Outputs of periods one after the other, with the context before the first and after the last."""
        count = (len(part) - 2 * self.context) // self.period
        shape, strides = (self.weights.shape[1], count), (part.itemsize, self.period * part.itemsize)
        columns = np.lib.stride_tricks.as_strided(part, shape, strides, writeable=False)
        out: Samples = (self.weights @ np.ascontiguousarray(columns)).T.ravel()
        return np.clip(out, -1.0, 1.0)


@functools.lru_cache(4)
def _filter(up: int, down: int) -> _Filter:
    from scipy import signal, sparse

    reach = _ZERO_CROSSINGS * max(up, down)
    taps = up * signal.firwin(2 * reach + 1, 1 / max(up, down), window=("kaiser", 5.0))
    context = reach // up + 1
    periods = math.ceil(4 * context / down)  # so many that the context is the smaller part of what is copied
    output = np.arange(periods * up)
    first = -(-(output * down - reach) // up)  # sample that the filter of each output begins with
    sizes = (output * down + reach) // up - first + 1
    sample = np.repeat(first, sizes) + np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    row = np.repeat(output, sizes)
    values = taps[row * down - sample * up + reach].astype(np.float32)
    shape = (len(output), periods * down + 2 * context)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    weights = sparse.csr_array((values, sample + context, starts), shape=shape)
    return _Filter(weights, periods * down, context)
