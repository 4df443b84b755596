"""Bootstrap intervals hold the truth about as often as they say, and draw whole documents."""

import numpy as np
import polars as pl

from elman.data.metrics.intervals import bootstrap, unit_counts, units_of


def documents(rng: np.random.Generator, count: int) -> np.ndarray:
    """Counts of documents, (count, 3); some documents are harder than others. True F1 is about 0.8."""
    gold = rng.poisson(6, count)
    found = rng.beta(8, 2, count)
    correct = rng.binomial(gold, found)
    return np.stack([correct, correct + rng.poisson(1.2, count), gold], axis=-1)


def test_the_95_percent_interval_holds_the_truth_in_90_to_99_percent_of_200_samples():
    rng = np.random.default_rng(4)
    correct, predicted, gold = documents(rng, 2_000_000).sum(axis=0)
    truth = 2 * correct / (predicted + gold)
    samples = np.stack([documents(rng, 80) for _ in range(200)])
    held = 0
    for sample in samples:
        (of,) = bootstrap(sample[None], rounds=400)
        held += of.f1.low <= truth <= of.f1.high
    assert 180 <= held <= 198


def test_many_units_are_grouped_without_changing_the_width():
    counts = documents(np.random.default_rng(1), 8000)[None]
    (grouped,) = bootstrap(counts)
    (few,) = bootstrap(counts[:, :2000])
    ratio = (few.f1.high - few.f1.low) / (grouped.f1.high - grouped.f1.low)
    assert 1.7 < ratio < 2.3  # of the square root of four


def test_documents_are_drawn_if_there_are_enough_else_blocks_of_ten_sentences():
    frame = pl.DataFrame({"document": ["a"] * 25 + ["b"] * 5, "sentence": [*range(25), *range(5)]})
    assert (units_of(frame, 2).count, units_of(frame, 2).name) == (2, "documents")
    blocks = units_of(frame)
    assert (blocks.count, blocks.name) == (4, "blocks of 10 sentences")
    assert np.bincount(blocks.of_sentence).tolist() == [10, 10, 5, 5]


def test_counts_are_those_of_the_units_sentences():
    units = units_of(pl.DataFrame({"document": ["a", "a", "b"], "sentence": [0, 1, 0]}), 2)
    counts = unit_counts(units, np.array([0, 1, 2]), np.array([0, 0]), np.array([0]))
    assert counts.tolist() == [[1, 2, 2], [0, 0, 1]]


def test_nothing_to_draw_from_gives_zeros():
    (of,) = bootstrap(np.zeros((1, 0, 3), np.int64))
    assert (of.f1.value, of.f1.low, of.f1.high) == (0.0, 0.0, 0.0)
    assert str(of.f1) == "0.0 (0.0 to 0.0)"
