"""Decoding of connectionist temporal classification: the likeliest text, its times and probabilities."""

import itertools

import numpy as np
import pytest

from elman.rnn.inference import ctc_decoding
from elman.rnn.layers import ctc

FLOATS = (np.float32, np.float64)  # kernels, reference


def text_of(path):
    return tuple(label for label, _ in itertools.groupby(path) if label != ctc.BLANK)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_likeliest_text_of_all(kind, seed):
    logits = np.random.default_rng(seed).standard_normal((6, 3)).astype(kind)
    texts = {text_of(path) for path in itertools.product(range(3), repeat=6)}
    likelihood = {text: ctc.log_likelihood(logits, np.array(text, np.int32)) for text in texts}
    found = ctc_decoding.transcript(logits, width=200)
    assert tuple(found.labels) == max(likelihood, key=likelihood.__getitem__)
    assert found.log_probability == pytest.approx(max(likelihood.values()))


@pytest.mark.parametrize("width", [1, 2, 8])
@pytest.mark.parametrize("size", [1.0, 4.0])
def test_the_kernel_finds_what_the_reference_finds(width, size):
    rng = np.random.default_rng(width)
    for T in (1, 2, 9, 60):
        logits = (rng.standard_normal((T, 9)) * size).astype(np.float32)
        ours = ctc_decoding.prefix_beam(logits, width)
        np.testing.assert_array_equal(ours, ctc_decoding.prefix_beam(logits.astype(np.float64), width))
        assert ours.dtype == np.int32


def spoken(classes, V=4):
    """Logits in which a frame is almost surely of its class."""
    return np.log(np.full((len(classes), V), 0.02) + 0.92 * np.eye(V)[classes]).astype(np.float32)


@pytest.mark.parametrize("width", [1, 8])
def test_labels_have_their_frames_and_probability(width):
    found = ctc_decoding.transcript(spoken([0, 1, 1, 0, 1, 2, 3, 3, 3, 0]), width)
    assert found.labels.tolist() == [1, 1, 2, 3]
    assert found.begin.tolist() == [1, 4, 5, 6]
    assert found.end.tolist() == [3, 5, 6, 9]
    np.testing.assert_allclose(found.probability, 0.94, rtol=1e-5)
    assert -1 < found.log_probability < 0


@pytest.mark.parametrize("width", [1, 8])
def test_silence_is_an_empty_text(width):
    found = ctc_decoding.transcript(spoken([0, 0, 0]), width)
    assert [len(part) for part in found[:4]] == [0, 0, 0, 0]
    assert found.log_probability == pytest.approx(3 * np.log(0.94), rel=1e-5)
