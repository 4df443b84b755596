"""Temperature: one number that logits are divided by, so that probabilities are calibrated."""

from collections.abc import Callable

import numpy as np


def likeliest_temperature(loss: Callable[[float], float]) -> float:
    """The temperature of the least loss (Guo et al., 2017, section 4.2).

    Golden-section search of its logarithm between -2 and 2, to 0.01.

    Args:
        loss: negative log-likelihood of the right answers where logits are multiplied by a number.
    """

    def at_log(log_temperature: float) -> float:
        return loss(float(np.exp(-log_temperature)))

    low, high, share = -2.0, 2.0, (5**0.5 - 1) / 2
    a, b = high - share * (high - low), low + share * (high - low)
    at_a, at_b = at_log(a), at_log(b)
    while high - low > 0.01:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - share * (high - low)
            at_a = at_log(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + share * (high - low)
            at_b = at_log(b)
    return float(np.exp((low + high) / 2))
