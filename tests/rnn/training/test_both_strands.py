"""Training of the two-strand network: its loss, and weights that do not depend on the number of threads."""

from itertools import count, islice

import numpy as np
import pytest

from elman.rnn.errors import TrainingError
from elman.rnn.networks.both_strands import LOGITS
from elman.rnn.training.both_strands import PARTS, StrandFit, TrainingBatch, fit, loss
from tests.rnn.strand_batches import CONFIG, batch_of


def learnable(B=8):
    """Batches whose classes follow from their rows."""
    for number in count():
        rng = np.random.default_rng(number)
        rows = (rng.integers(0, 13, (5, B, 3)) + 13 * np.arange(3)).astype(np.int32)
        starts = np.full((*rows.shape, 2), -1, np.int8)
        yield TrainingBatch(rows, rows[::-1, :, ::-1].copy(), (rows % 7).astype(np.int8), starts)


def trained(seed, steps=300, workers=1, batches=None):
    costs = []
    how = StrandFit(steps=steps, learning_rate=0.02, warmup=5)
    made = fit(
        CONFIG,
        how,
        batches or learnable(),
        seed=seed,
        workers=workers,
        on_step=lambda _, cost: costs.append(cost),
    )
    return made, costs


def reference_loss(logits, batch, start_weight):
    """The loss in NumPy."""
    flat, y = logits.reshape(-1, LOGITS), batch.classes.reshape(-1)
    z = flat[:, [0, 1, 2, 3, 5, 6, 7]]
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    total = -log_p[np.flatnonzero(y >= 0), y[y >= 0]].sum()
    for side, column in enumerate((4, 8)):
        truth = batch.starts.reshape(-1, 2)[:, side]
        x = flat[truth >= 0, column]
        total += start_weight * (np.logaddexp(0, x) - truth[truth >= 0] * x).sum()
    return total


def test_the_loss_is_that_of_its_definition_and_its_gradient_the_slope():
    rng, some = np.random.default_rng(0), batch_of(1)
    logits, direction = rng.normal(0, 3, (2, *some.classes.shape, LOGITS))
    total, gradient = loss(logits, some, 0.7)
    np.testing.assert_allclose(total, reference_loss(logits, some, 0.7), rtol=1e-12)
    ahead, behind = (reference_loss(logits + sign * 1e-6 * direction, some, 0.7) for sign in (1, -1))
    np.testing.assert_allclose(np.vdot(gradient, direction), (ahead - behind) / 2e-6, rtol=1e-6)
    single = loss(logits.astype(np.float32), some, 0.7)
    np.testing.assert_allclose(single[0], total, rtol=1e-5)
    np.testing.assert_allclose(single[1], gradient, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("column", range(LOGITS))
def test_the_loss_of_a_logit_that_is_not_finite_is_not_finite(bad, column):
    some = batch_of(1)
    some = some._replace(classes=np.maximum(some.classes, 0), starts=np.zeros_like(some.starts))
    logits = np.zeros((*some.classes.shape, LOGITS), np.float32)
    logits[2, 1, 1, column] = bad
    assert not np.isfinite(loss(logits, some)[0])


def test_training_reduces_the_loss_and_the_same_seed_gives_the_same_weights():
    made, costs = trained(0)
    assert costs[-1] < 0.7 * costs[0]
    again, _ = trained(0)
    assert all((made[name] == again[name]).all() for name in made)
    assert (trained(1)[0]["Wh"] != made["Wh"]).any()


@pytest.mark.parametrize("B", [8, 7, 1])
def test_weights_and_losses_are_the_same_bytes_for_one_two_and_three_threads(B):
    alone, costs = trained(0, 40, 1, learnable(B))
    for workers in (2, 3):
        made, same = trained(0, 40, workers, learnable(B))
        assert {name: value.tobytes() for name, value in made.items()} == {
            name: value.tobytes() for name, value in alone.items()
        }
        assert same == costs


def test_parts_of_a_batch_hold_every_sequence_once():
    some = batch_of(3, B=5)
    parts = [some.part(k, PARTS) for k in range(PARTS)]
    for whole, pieces in zip(some, zip(*parts, strict=True), strict=True):
        assert (np.concatenate(pieces, axis=1) == whole).all()


def test_the_mean_loss_of_unequal_parts_is_that_of_the_whole_batch():
    some = batch_of(4, B=3)
    unknown = some.classes.copy()
    unknown[:, 0] = -1
    some = some._replace(classes=unknown)
    _, costs = trained(0, 1, 1, iter([some]))
    from elman.rnn.networks.both_strands import forward, init

    whole = loss(forward(init(CONFIG, 0), some.rows, some.mirrored)[0], some)[0] / (some.classes >= 0).sum()
    np.testing.assert_allclose(costs[0], whole, rtol=1e-5)


def test_no_more_batches_are_made_than_updates():
    taken = []

    def counted():
        for batch in learnable():
            taken.append(batch)
            yield batch

    trained(0, 3, 2, counted())
    assert len(taken) == 3
    trained(0, 3, 2, islice(learnable(), 3))


def test_a_training_that_diverges_stops_with_its_step():
    how = StrandFit(steps=3, learning_rate=float("inf"))
    with pytest.raises(TrainingError, match="learning rate"):
        fit(CONFIG, how, iter([batch_of(i) for i in range(3)]), workers=2)


def test_an_error_while_a_batch_is_made_is_raised():
    def broken():
        yield batch_of(0)
        raise OSError("the corpus is gone")

    with pytest.raises(OSError, match="gone"):
        fit(CONFIG, StrandFit(steps=3), broken(), workers=2)
