"""Training of next-symbol models: it learns, is reproducible, resumes, and scores long sequences whole."""

from dataclasses import replace

import numpy as np
import pytest

from elman.rnn.networks.next_symbol import NextSymbolConfig, Symbols
from elman.rnn.training import checkpoints, next_symbol
from elman.rnn.training.next_symbol import NextSymbolTrainer, Pieces, score
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks

CONFIG = NextSymbolConfig(rows=4, hidden=16)
SYMBOLS = Symbols.classes(4)
SETTINGS = FitConfig(epochs=12, batch=4, learning_rate=0.02, dropout=0.1, blocks=0, unknown=0, patience=0)


def cycles(count, seed):
    """Pieces that go 0 1 2 3 0 1 ..., from any symbol on."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 20, size=count)
    parts = [(np.arange(n) + rng.integers(4)) % 4 for n in lengths]
    cues = tuple(np.array([part[0]], np.int32) for part in parts)
    return Pieces(np.concatenate(parts).astype(np.int32), np.append(0, np.cumsum(lengths)), cues)


def trainer(**fields):
    how = {"dev": cycles(8, 1), "truncation": 6, "seed": 3} | fields
    return NextSymbolTrainer(CONFIG, SETTINGS, SYMBOLS, cycles(40, 0), **how)


def same(a, b):
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_it_learns_what_follows_and_only_the_first_symbol_stays_unknown():
    result, dev = trainer().run(), cycles(8, 1)
    losses = score(CONFIG, result.params, SYMBOLS, dev)
    first = np.zeros(len(losses), bool)
    first[dev.offsets[:-1]] = True
    assert losses[~first].mean() < 0.05
    assert 1.0 < losses[first].mean() < 2.0  # four symbols: 1.39 nats
    assert result.best_score == pytest.approx(-losses.mean())


def test_weights_of_a_start_give_the_first_symbols_their_share():
    pieces = Pieces(np.array([1, 0, 1, 2, 1, 0], np.int32), np.array([0, 2, 4, 6]))
    config = NextSymbolConfig(rows=3, hidden=4, start=True)
    trainer = NextSymbolTrainer(config, FitConfig(blocks=0, unknown=0), Symbols.classes(3), pieces)
    start = trainer.first_state().params["head.start"]
    np.testing.assert_allclose(np.exp(start), [1 / 12, 10 / 12, 1 / 12], rtol=1e-6)


def test_a_cue_at_the_first_step_tells_the_first_symbol():
    result, dev = trainer().run(), cycles(8, 1)
    logits, _ = CONFIG.build().forward(
        result.params,
        SYMBOLS.bags,
        next_symbol.pack(
            next_symbol.fed_back(dev.symbols, dev.offsets, np.concatenate(dev.cues) + 1), np.arange(len(dev))
        ),
    )
    order = next_symbol.pack(next_symbol.fed_back(dev.symbols, dev.offsets), np.arange(len(dev))).sequences
    assert (
        logits[: len(dev)].argmax(axis=1) == np.concatenate(dev.cues)[order]
    ).mean() > 0.7  # by chance 0.25


def test_the_same_seed_gives_the_same_bits_and_a_resumed_training_too():
    saved = []

    def keep(state):
        if len(saved) < 23:
            saved.append(checkpoints.to_bytes(state))

    whole = trainer().run(Callbacks(on_state=keep))
    assert same(whole.params, trainer().run().params)
    resumed = trainer().run(state=checkpoints.from_bytes(saved[-1])[0])
    assert same(whole.params, resumed.params)
    assert not same(whole.params, trainer(seed=4).run().params)


def test_a_long_sequence_is_trained_in_sections_and_scored_whole(monkeypatch):
    monkeypatch.setattr(next_symbol, "SECTION", 7)
    long = Pieces((np.arange(30) % 4).astype(np.int32), np.array([0, 30]), (np.array([0], np.int32),))
    sections, cues = long.sections
    assert sections.lengths.tolist() == [7, 7, 7, 7, 2]
    assert sections.tokens[:8].tolist() == [0, 1, 2, 3, 4, 1, 2, 3]
    assert [len(own) for own in cues] == [1, 0, 0, 0, 0]
    params = trainer().first_state().params
    at_once = score(CONFIG, params, SYMBOLS, long)
    monkeypatch.setattr(next_symbol, "SCORED_STEPS", 4)
    np.testing.assert_allclose(score(CONFIG, params, SYMBOLS, long), at_once, atol=1e-5)


def test_transposed_keys_are_learned_from_their_variants():
    sets = np.eye(6, dtype=bool)[:2]
    symbols = Symbols.keys(sets, (0, 3))
    config = NextSymbolConfig(rows=6, output="sigmoid", hidden=16)
    train = Pieces(np.tile([0, 1], 40).astype(np.int32), np.arange(0, 81, 8))
    settings = replace(SETTINGS, epochs=40)
    result = NextSymbolTrainer(config, settings, symbols, train, truncation=8).run()
    moved = Pieces(train.symbols[:8] + 2, np.array([0, 8]))  # never as it stands
    assert score(config, result.params, symbols, moved)[1:].mean() < 1.0


@pytest.mark.parametrize("fields", [{"blocks": 0.1}, {"unknown": 0.1}, {"parts": 2}])
def test_settings_it_does_not_have_are_refused(fields):
    settings = FitConfig(**{"blocks": 0.0, "unknown": 0.0} | fields)
    with pytest.raises(ValueError, match="no dropped features"):
        NextSymbolTrainer(CONFIG, settings, SYMBOLS, cycles(4, 0))
