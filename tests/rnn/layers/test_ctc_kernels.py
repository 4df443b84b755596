"""The kernels of connectionist temporal classification compute the reference; PyTorch agrees where it is."""

import numpy as np
import pytest

from elman.rnn.compute.batches import Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.layers import ctc


def case(lengths, V=12, seed=0, size=2.0):
    """Logits (N, V) and texts of a third of the frames, each with a label twice in a row."""
    rng, offsets = np.random.default_rng(seed), offsets_of(lengths)
    batch = pack(Sequences(np.zeros(offsets[-1], np.int32), offsets), np.arange(len(lengths)))
    logits = (rng.standard_normal((offsets[-1], V)) * size).astype(np.float32)
    parts = [rng.integers(1, V, lengths[number] // 3).astype(np.int32) for number in batch.sequences]
    for part in parts:
        part[1:2] = part[:1]
    return logits, batch.starts, ctc.Texts(np.concatenate(parts), offsets_of([len(part) for part in parts]))


@pytest.mark.parametrize("size", [1.0, 40.0])
@pytest.mark.parametrize("lengths", [[40, 2, 1, 17, 17], [3], [1]])
def test_losses_gradients_and_alignments_equal_the_reference(lengths, size):
    logits, starts, texts = case(lengths, size=size)
    slow = ctc.negative_log_likelihood(logits.astype(np.float64), starts, texts)
    fast = ctc.negative_log_likelihood(logits, starts, texts)
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fast[1], slow[1], atol=1e-6)
    for number, rows in enumerate(ctc.rows_of_sequences(starts)):
        labels = texts.text(number)
        assert ctc.log_likelihood(logits[rows], labels) == pytest.approx(-slow[0][number], rel=1e-9, abs=1e-9)
        np.testing.assert_array_equal(
            ctc.align(logits[rows], labels), ctc.align(logits[rows].astype(np.float64), labels)
        )


@pytest.mark.parametrize("seen", [0.999, 0.6, 1e-6])
def test_the_probability_of_a_long_text_equals_the_reference_however_likely_it_is(seen):
    rng, V = np.random.default_rng(4), 12
    labels = rng.integers(1, V, 150).astype(np.int32)
    classes = np.zeros(800, np.int32)
    classes[2 : 2 + 5 * len(labels) : 5] = labels
    p = np.full((800, V), (1 - seen) / (V - 1))
    p[np.arange(800), classes] = seen  # 1e-6: below 1e-300, so that logarithms are summed instead
    logits = np.log(p).astype(np.float32)
    slow = ctc.log_likelihood(logits.astype(np.float64), labels)
    assert (slow > -600) == (seen > 0.1)
    assert ctc.log_likelihood(logits, labels) == pytest.approx(slow, rel=1e-12)


def test_a_sequence_has_the_same_bits_whatever_is_beside_it():
    logits, starts, texts = case([30, 21, 9])
    losses, gradient = ctc.negative_log_likelihood(logits, starts, texts)
    for number, rows in enumerate(ctc.rows_of_sequences(starts)):
        own = texts.text(number)
        alone = ctc.negative_log_likelihood(
            logits[rows], np.arange(len(rows) + 1), ctc.Texts(own, np.array([0, len(own)]))
        )
        assert alone[0][0] == losses[number]
        np.testing.assert_array_equal(alone[1], gradient[rows])


def test_long_sequences_equal_pytorch():
    torch = pytest.importorskip("torch")
    logits, starts, texts = case([800, 500, 90], V=30)
    losses, gradient = ctc.negative_log_likelihood(logits, starts, texts)
    rows = list(ctc.rows_of_sequences(starts))
    padded = torch.zeros(len(rows[0]), len(rows), 30, dtype=torch.float64)
    for number, own in enumerate(rows):
        padded[: len(own), number] = torch.from_numpy(logits[own].astype(np.float64))
    padded.requires_grad_(True)
    theirs = torch.nn.functional.ctc_loss(
        padded.log_softmax(-1),
        torch.from_numpy(texts.labels.astype(np.int64)),
        torch.tensor([len(own) for own in rows]),
        torch.from_numpy(np.diff(texts.offsets)),
        reduction="none",
    )
    theirs.sum().backward()
    np.testing.assert_allclose(losses, theirs.detach().numpy(), rtol=1e-5)
    for number, own in enumerate(rows):
        np.testing.assert_allclose(gradient[own], padded.grad[: len(own), number].numpy(), atol=1e-5)
