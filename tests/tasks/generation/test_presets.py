"""Presets of next-symbol models: few pieces are trained in small batches and more often."""

import pytest

from elman.tasks.generation.presets import fit_config, preset

TUNES = preset("default", "abc")


@pytest.mark.parametrize(
    ("pieces", "steps", "batch", "epochs"),
    [(1, 100, 4, 60), (31, 100, 4, 52), (100, 100, 4, 16), (826, 150, 16, 8), (5000, 150, 16, 8)],
)
def test_tunes_have_as_many_epochs_as_their_updates_want(pieces, steps, batch, epochs):
    how = fit_config(TUNES, {}, [steps] * pieces)
    assert (how.batch, how.epochs) == (batch, epochs)


def test_a_long_piece_is_several_sections_and_each_of_them_many_updates():
    how = fit_config(preset("default", "character"), {}, [400_000] * 90)
    assert (how.batch, how.epochs) == (16, 20)


def test_what_the_user_sets_stays():
    how = fit_config(TUNES, {"epochs": 3, "batch": 7, "dropout": None}, [100] * 31)
    assert (how.batch, how.epochs, how.dropout) == (7, 3, 0.3)
