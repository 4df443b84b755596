"""Change of the sample rate by a polyphase filter, a block at a time.

The filter is that of `scipy.signal.resample_poly`: a low-pass of 20 zero crossings under a Kaiser window
(beta 5), zero phase, so that nothing is shifted in time. A sample depends on those within the filter alone
and has the same bits wherever the signal is cut into blocks.
"""

import functools
import math
from collections.abc import Iterable, Iterator

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
    up, down = to // math.gcd(rate, to), rate // math.gcd(rate, to)
    reach = math.ceil(_ZERO_CROSSINGS * max(up, down) / up) + 1  # samples on each side that one depends on
    context = down * math.ceil(reach / down)  # a multiple, so that blocks begin at a sample of both rates
    step = down * math.ceil(_STEP / down)
    held = [np.zeros(context, np.float32)]
    size = context
    for block in blocks:
        held.append(block)
        size += len(block)
        while size >= step + 2 * context:
            signal_ = np.concatenate(held)
            yield _converted(signal_[: step + 2 * context], up, down, context, step)
            held, size = [signal_[step:]], size - step
    rest = size - context
    signal_ = np.concatenate([*held, np.zeros(context, np.float32)])
    for first in range(0, rest, step):
        part = signal_[first : first + step + 2 * context]
        yield _converted(part, up, down, context, min(step, rest - first))


def _converted(part: Samples, up: int, down: int, context: int, count: int) -> Samples:
    """New samples for `count` ones of a signal that has `context` more before and after them."""
    from scipy import signal

    out: Samples = signal.resample_poly(part, up, down, window=_filter(up, down))
    begin = context // down * up
    limited: Samples = np.clip(out[begin : begin + math.ceil(count * up / down)], -1.0, 1.0)
    return limited


@functools.lru_cache(8)
def _filter(up: int, down: int) -> Samples:
    from scipy import signal

    widest = max(up, down)
    taps = signal.firwin(2 * _ZERO_CROSSINGS * widest + 1, 1 / widest, window=("kaiser", 5.0))
    single: Samples = taps.astype(np.float32)
    return single
