"""Settings of a training follow from the data and are checked."""

import pytest

from elman.rnn.training.state import FitConfig


def test_batch_and_rate_follow_from_the_size_of_the_data():
    small, middle, large = (FitConfig.suited(n) for n in (1_300, 16_000, 1_000_000))
    assert (small.batch, small.learning_rate) == (8, 0.001)
    assert (middle.batch, large.batch) == (16, 32)
    assert large.learning_rate == pytest.approx(0.002)
    assert FitConfig.suited(5, batch=3).batch == 3


def test_settings_of_earlier_versions_are_written_as_they_were():
    assert FitConfig().to_dict()["states"] == 0.0


@pytest.mark.parametrize(
    "fields", [{"epochs": 0}, {"learning_rate": 0.0}, {"decay": 2.0}, {"dropout": 1.0}, {"unknown": -0.1}]
)
def test_settings_out_of_bounds_are_refused(fields):
    with pytest.raises(ValueError, match="Got"):
        FitConfig(**fields)
