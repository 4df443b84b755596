"""Products with packed matrices are those of NumPy, and a row's bits are its own."""

import os
import subprocess
import sys

import llvmlite.binding
import numpy as np
import pytest

from elman.rnn.compute.matmul import packed, times
from elman.rnn.compute.tiles import DEPTH, FEW, LANES, PANEL, ROWS

SIZES = [
    *(
        (rows, 19, columns)
        for rows in (1, FEW, 2 * ROWS, 4 * ROWS + 3)
        for columns in (3, 2 * PANEL, 4 * PANEL + 7)
    ),
    (1, 1, 1),
    (ROWS + 1, DEPTH + 1, PANEL + 1),
    (13, 2 * DEPTH, 3 * PANEL),
    (5, 7, PANEL - 1),
    (0, 3, 9),
    (4 * ROWS + 2, DEPTH + 1, 9),
    (2 * ROWS + 1, 5, 9 + PANEL // 2),
]


def operands(M, K, N):
    rng = np.random.default_rng(M)
    return rng.standard_normal((M, K), np.float32), rng.standard_normal((K, N), np.float32)


@pytest.mark.parametrize(("M", "K", "N"), SIZES)
@pytest.mark.parametrize("turned", [False, True])
def test_times(M, K, N, turned):
    a, W = operands(M, K, N)
    a, exact = np.asfortranarray(a) if turned else a, a.astype(np.float64) @ W
    wide = np.full((M, N + 2), 5, np.float32)
    times(a, packed(W), wide[:, 1:-1], False)
    np.testing.assert_allclose(wide[:, 1:-1], exact, atol=2e-4)
    assert (wide[:, [0, -1]] == 5).all()
    times(a, packed(W), wide[:, 1:-1], True)
    np.testing.assert_allclose(wide[:, 1:-1], 2 * exact, atol=4e-4)


@pytest.mark.parametrize(("K", "N"), [(LANES, LANES), (3 * LANES + 1, 2 * PANEL + LANES + 3), (1, 5), (9, 1)])
def test_a_transposed_matrix_is_packed_as_its_copy(K, N):
    W = np.arange(K * N, dtype=np.float32).reshape(N, K).T
    panels = packed(W)
    np.testing.assert_array_equal(panels, packed(np.ascontiguousarray(W)))
    np.testing.assert_array_equal(np.hstack(panels)[:, :N], W)
    np.testing.assert_array_equal(packed(np.repeat(W, 2, axis=1)[:, ::2]), panels)


def test_a_row_does_not_depend_on_the_rows_beside_it():
    a, W = operands(4 * ROWS + 1, 2 * DEPTH + 3, PANEL + 5)
    together, alone = np.empty((len(a), W.shape[1]), np.float32), np.empty((len(a), W.shape[1]), np.float32)
    times(a, packed(W), together, False)
    for i in range(len(a)):
        times(a[i : i + 1], packed(W), alone[i : i + 1], False)
    np.testing.assert_array_equal(alone, together)


_BITS = """
import hashlib, numpy as np
from elman.rnn.compute.matmul import packed, times
from elman.rnn.compute.tiles import LANES
rng, digest = np.random.default_rng(0), hashlib.sha256()
for M in (1, 2, 3, 5, 8, 13, 27):
    for N in (8, 48, 99, 112, 128):
        a, W = rng.standard_normal((M, 300), np.float32), rng.standard_normal((N, 300), np.float32).T
        c = np.empty((M, N), np.float32)
        times(a, packed(W), c, False)
        np.testing.assert_allclose(c, a.astype(np.float64) @ W, atol=1e-4)
        digest.update(c.tobytes())
print(LANES, digest.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not llvmlite.binding.get_host_cpu_features().get("avx512f"), reason="needs a processor with AVX-512"
)
def test_vectors_of_8_and_of_16_numbers_give_the_same_bits(tmp_path):
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _BITS],
            env=os.environ | more | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for more in ({}, {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"})
    ]
    assert [lanes for lanes, _ in outputs] == ["16", "8"]
    assert outputs[0][1] == outputs[1][1]
