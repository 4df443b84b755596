"""Sampling: the same pieces in any batch; their likelihood is the model's; temperature, start and end."""

import numpy as np
import pytest

from elman.rnn.inference.sampling import SampleConfig, sample
from elman.rnn.networks.architecture import init
from elman.rnn.networks.next_symbol import NextSymbolConfig, Symbols
from elman.rnn.training.next_symbol import Pieces, score

SOFTMAX = NextSymbolConfig(rows=5, hidden=12, layers=2, embedding=8)
KEYS = NextSymbolConfig(rows=6, output="sigmoid", hidden=12, cell="elman")
PARAMS = {config: {name: value * 3 for name, value in init(config, 0).items()} for config in (SOFTMAX, KEYS)}
for config, params in PARAMS.items():
    params["head.by"] = np.linspace(-0.5, 0.5, config.rows, dtype=np.float32)
BOTH = pytest.mark.parametrize("config", [SOFTMAX, KEYS], ids=["softmax", "keys"])
HOW = SampleConfig(seed=7, steps=12)


@BOTH
def test_a_piece_is_the_same_in_any_batch(config):
    together = sample(config, PARAMS[config], range(20), HOW)
    alone = [sample(config, PARAMS[config], [number], HOW)[0] for number in (0, 7, 19)]
    assert alone == [together[number] for number in (0, 7, 19)]
    assert sample(config, PARAMS[config], [19, 3, 0], HOW)[::2] == [together[19], together[0]]
    assert len(set(together)) == 20


@BOTH
def test_its_likelihood_is_that_of_the_model(config):
    for piece in sample(config, PARAMS[config], range(3), HOW):
        if config is KEYS:
            sets = np.zeros((12, 6), bool)
            for step, keys in enumerate(piece.symbols):
                sets[step, list(keys)] = True
            symbols, numbers = Symbols.keys(sets), np.arange(12)
        else:
            symbols, numbers = Symbols.classes(5), np.array([row for (row,) in piece.symbols])
        pieces = Pieces(numbers.astype(np.int32), np.array([0, 12]))
        total = score(config, PARAMS[config], symbols, pieces).sum()
        assert piece.nll == pytest.approx(total, abs=1e-3)


def test_the_end_ends_a_piece_and_is_not_part_of_it():
    pieces = sample(SOFTMAX, PARAMS[SOFTMAX], range(30), SampleConfig(seed=7, steps=12, end=2))
    assert {piece.ended for piece in pieces} == {True, False}
    assert all((2,) not in piece.symbols for piece in pieces)
    assert all(piece.ended or len(piece.symbols) == 12 for piece in pieces)


def test_forbidden_symbols_never_come_and_a_low_temperature_takes_the_likeliest():
    pieces = sample(SOFTMAX, PARAMS[SOFTMAX], range(30), SampleConfig(seed=1, steps=9, forbidden=(0, 4)))
    assert {row for piece in pieces for (row,) in piece.symbols} <= {1, 2, 3}
    cold = sample(SOFTMAX, PARAMS[SOFTMAX], range(9), SampleConfig(seed=1, steps=9, temperature=1e-6))
    assert len({piece.symbols for piece in cold}) == 1


@BOTH
def test_what_begins_a_piece_changes_it(config):
    nothing = sample(config, PARAMS[config], range(4), HOW)
    started = sample(config, PARAMS[config], range(4), SampleConfig(seed=7, steps=12, start=(3,)))
    assert nothing != started


class _Parity:
    """Context: whether the number of symbols so far is even or odd, rows 3 and 4."""

    def __init__(self):
        self.count = 0

    def after(self, symbol):
        self.count += 1
        return (3 + self.count % 2,)


@pytest.mark.parametrize("direct", [False, True])
def test_a_context_is_fed_in_as_in_training(direct):
    config = NextSymbolConfig(rows=5, hidden=12, embedding=8, context=2, direct=direct)
    params = {name: value * 3 for name, value in init(config, 0).items()}
    if direct:
        params["head.direct"] = np.arange(15, dtype=np.float32).reshape(5, 3) % 4
    drawn = sample(config, params, range(3), HOW, _Parity)
    assert drawn != sample(config, params, range(3), HOW)
    for piece in drawn:
        numbers = np.array([row for (row,) in piece.symbols], np.int32)
        assert numbers.max() < 3
        bags = [(row, 3 + (step + 1) % 2) for step, row in enumerate(numbers)]
        fed = np.arange(3, 15, dtype=np.int32)
        pieces = Pieces(numbers, np.array([0, 12]), fed=fed)
        total = score(config, params, Symbols.classes(3, bags), pieces).sum()
        assert piece.nll == pytest.approx(total, abs=1e-3)


def test_weights_of_a_start_count_at_the_first_step_from_nothing_alone():
    config = NextSymbolConfig(rows=3, hidden=12, start=True)
    params = init(config, 0) | {"head.start": np.array([-50, -50, 50], np.float32)}
    drawn = sample(config, params, range(20), HOW)
    assert {piece.symbols[0] for piece in drawn} == {(2,)}
    assert {piece.symbols[1] for piece in drawn} > {(2,)}
    for piece in drawn:
        numbers = np.array([row for (row,) in piece.symbols], np.int32)
        total = score(config, params, Symbols.classes(3), Pieces(numbers, np.array([0, 12]))).sum()
        assert piece.nll == pytest.approx(total, abs=1e-3)
    cued = sample(config, params, range(20), SampleConfig(seed=7, steps=12, start=(1,)))
    assert {piece.symbols[0] for piece in cued} > {(2,)}


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="must be positive"):
        SampleConfig(temperature=0)
