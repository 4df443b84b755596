"""tanh and exp of float32 for kernels: without branches and calls, so that loops over them vectorise."""

from typing import Any

import numpy as np

from elman.rnn.compute.jit import jit, strict
from elman.rnn.compute.tiles import LANES


@jit
def _tanh_quotient(x: Any) -> Any:
    """n and d: n / d is tanh(x), off by at most 3e-7 (the rational form of Eigen's MathFunctions)."""
    x = min(max(x, np.float32(-8.0)), np.float32(8.0))
    s = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * s + np.float32(2.00018790482477e-13)
    p = p * s + np.float32(-8.60467152213735e-11)
    p = p * s + np.float32(5.12229709037114e-08)
    p = p * s + np.float32(1.48572235717979e-05)
    p = p * s + np.float32(6.37261928875436e-04)
    p = p * s + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = q * s + np.float32(1.18534705686654e-04)
    q = q * s + np.float32(2.26843463243900e-03)
    q = q * s + np.float32(4.89352518554385e-03)
    return x * p, q


@jit
def tanh(x: Any) -> Any:
    """Rational approximation of tanh, off by at most 3e-7."""
    n, d = _tanh_quotient(x)
    return n / d


@jit
def _tanh_by_rows(x: Any) -> None:
    for i in range(len(x)):
        row = x[i]
        for j in range(len(row)):
            row[j] = tanh(row[j])


@strict
def _tanh_flat(x: Any) -> None:
    every = x.reshape(x.size)
    for k in range(len(every)):
        n, d = _tanh_quotient(every[k])
        every[k] = n / d


# x = tanh(x), x (N, H) contiguous. In one loop, few numbers are left over for which no vector is full; its
# division is exact, so that no bit depends on the rows beside, and takes longer in vectors of 16.
tanh_rows: Any = _tanh_by_rows if LANES == 16 else _tanh_flat


@jit
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), by tanh."""
    return tanh(x * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)


@jit
def exp2(y: Any) -> Any:
    """2^y between -40 and 40, at these where y is beyond them, off by 2e-7 of itself.

    Gates are quotients of it, sigmoid(x) = 1 / (1 + 2^(SIGMOID x)) and tanh(x) = (1 - y) / (1 + y) with
    y = 2^(TANH x): in fewer instructions than above, and a product of three denominators is still a float32.
    """
    y = min(max(y, np.float32(-40.0)), np.float32(40.0))
    n = np.rint(y)
    r = y - n
    p = np.float32(1.326470000e-3)  # least largest error between -1/2 and 1/2, and 1 at 0
    p = p * r + np.float32(9.671533974e-3)
    p = p * r + np.float32(5.550734001e-2)
    p = p * r + np.float32(2.402224176e-1)
    p = p * r + np.float32(6.931469774e-1)
    p = p * r + np.float32(1)
    return np.int32(np.float32(p).view(np.int32) + np.int32(np.int32(n) << np.int32(23))).view(np.float32)


SIGMOID = np.float32(-1.44269504)  # -log2(e)
TANH = np.float32(-2.88539008)  # twice that


@jit
def exp(x: Any) -> Any:
    """exp between -80 and 80, where x is taken to lie, off by 2e-7 of itself: 2^n times a polynomial.

    The polynomial is that of Cephes' expf (Moshier); 2^n is written as the bits of a float.
    """
    x = min(max(x, np.float32(-80.0)), np.float32(80.0))
    bits = np.int32(x * np.float32(1.44269504) + np.float32(127.5))
    n = np.float32(np.int32(bits - np.int32(127)))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    return p * np.int32(bits << np.int32(23)).view(np.float32)
