"""Training learns, stops early, is reproducible and resumes exactly; failures are reported."""

import copy

import numpy as np
import pytest

from elman.rnn.compute.batches import Bags, Sequences, pack
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.errors import TrainingError
from elman.rnn.inference.decode import Decoder
from elman.rnn.inference.spans import TagScheme
from elman.rnn.networks.architecture import init
from elman.rnn.networks.baselines import PaddedConfig, WindowConfig, most_frequent
from elman.rnn.networks.ensemble import members_of
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.losses import Criterion, combined
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import NO_CALLBACKS, SILVER_EPOCHS, Callbacks, Data, Trainer

BAGS = Bags.single(12, unknown=1)
CONFIG = NetworkConfig(rows=12, classes=3, hidden=16, bidirectional=False)
HOW = FitConfig(epochs=6, batch=8, learning_rate=0.01, dropout=0.1)


def echo(n=120, seed=0):
    """The class of a step is that of the symbol before it: 2 after symbols 8 and up, else 1; 0 at first."""
    rng = np.random.default_rng(seed)
    offsets = offsets_of(rng.integers(1, 9, n))
    tokens = rng.integers(2, 12, offsets[-1]).astype(np.int32)
    targets = np.concatenate([[0], np.where(tokens[:-1] >= 8, 2, 1)]).astype(np.int32)
    targets[offsets[:-1]] = 0
    return Sequences(tokens, offsets, targets)


TRAIN, DEV = echo(), echo(seed=1)


def fit(config, settings, train=TRAIN, dev=None, score=None, callbacks=NO_CALLBACKS, state=None, **more):
    return Trainer(config, settings, Data(BAGS, train, dev, score), **more).run(callbacks, state)


def tag(params, config, sequences, scheme=None):
    return Decoder(config, params, scheme).tag(BAGS, sequences)


def allowing(transition):
    """A scheme of three classes without entities."""
    return TagScheme(np.zeros(3, bool), np.full(3, -1, np.int32), transition=transition)


def accuracy(prediction):
    return float((prediction.tags == DEV.targets).mean())


@pytest.mark.parametrize("network", ["elman", "window", "padded"])
def test_each_network_learns_from_its_context_what_a_rule_cannot(network):
    config = {
        "elman": CONFIG,
        "window": WindowConfig(rows=12, classes=3, width=3, hidden=16),
        "padded": PaddedConfig.of(BAGS, TRAIN, rows=12, classes=3, hidden=32),
    }[network]
    how = FitConfig(
        epochs=60 if network == "padded" else 15, batch=8, learning_rate=0.01, dropout=0.0, unknown=0
    )
    result = fit(config, how, TRAIN, DEV, accuracy)
    rule = most_frequent(TRAIN, symbols=12, classes=3)[DEV.tokens]
    assert (rule == DEV.targets).mean() < 0.6
    assert result.best_score > (0.75 if network == "padded" else 0.99)
    assert accuracy(tag(result.params, config, DEV)) == result.best_score


def test_same_seed_same_bytes_and_another_seed_others():
    files = [to_bytes(fit(CONFIG, HOW, TRAIN, DEV, accuracy, seed=s).params, CONFIG) for s in (3, 3, 4)]
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize("average", [1, 3])
@pytest.mark.parametrize("stop", [1, 7, 20, 37])
def test_a_training_stopped_and_resumed_ends_with_the_same_bytes(stop, average):
    how = FitConfig(epochs=4, batch=10, average=average)
    states = []

    def keep(state):
        if len(states) < stop:
            states.append(None)
            if len(states) == stop:
                states[-1] = copy.deepcopy(state)

    whole = fit(CONFIG, how, TRAIN, DEV, accuracy, Callbacks(on_state=keep))
    resumed = fit(CONFIG, how, TRAIN, DEV, accuracy, state=states[-1])
    assert to_bytes(whole.params, CONFIG) == to_bytes(resumed.params, CONFIG)
    strip = [{k: v for k, v in line.items() if k != "seconds"} for line in whole.history]
    assert strip == [{k: v for k, v in line.items() if k != "seconds"} for line in resumed.history]


def test_training_stops_when_the_score_no_longer_rises_and_returns_the_best():
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.2])
    seen = []
    result = fit(
        CONFIG,
        FitConfig(epochs=50, patience=3),
        TRAIN,
        DEV,
        lambda prediction: next(scores),
        Callbacks(lambda record: seen.append(record["epoch"])),
    )
    assert (result.best_epoch, result.best_score, seen) == (2, 0.5, [1, 2, 3, 4, 5])
    shorter = fit(CONFIG, FitConfig(epochs=50, patience=0), TRAIN.take(np.arange(3)))
    assert shorter.best_epoch == 50
    assert np.isnan(shorter.best_score)


def test_a_loss_that_is_no_number_ends_with_step_layer_and_norm():
    with pytest.raises(TrainingError) as caught:
        fit(CONFIG, FitConfig(epochs=3, learning_rate=1e38, clip=1e9))
    assert caught.value.step > 1


def test_a_last_step_that_explodes_is_an_error_too():
    one = TRAIN.take(np.arange(1))
    with pytest.raises(TrainingError, match="step 1, loss: the loss is") as caught:
        fit(CONFIG, FitConfig(epochs=1, learning_rate=1e38), one)
    assert not np.isfinite(caught.value.norm)


def test_nothing_to_learn_from_is_refused_and_one_sentence_is_enough():
    for empty in (Sequences(TRAIN.tokens, TRAIN.offsets), TRAIN.take(np.arange(0))):
        with pytest.raises(ValueError, match="at least one sequence"):
            Data(BAGS, empty)
    result = fit(CONFIG, HOW, TRAIN.take(np.arange(1)), DEV.take(np.arange(0)), accuracy)
    assert result.best_epoch == HOW.epochs


def test_lazy_adam_leaves_untouched_rows_and_their_moments_alone():
    params = init(CONFIG, 0)
    before = params["table"].copy()
    fit_result = fit(CONFIG, FitConfig(epochs=1, unknown=0.0))
    moved = (fit_result.params["table"] != before).any(axis=1)
    assert moved[2:].all()
    assert (fit_result.params["table"][:2] == 0).all()  # never seen: they add nothing
    assert (before[:2] != 0).all()


@pytest.mark.parametrize("output", ["softmax", "crf", "sigmoid"])
def test_class_weights_move_the_balance(output):
    classes = 1 if output == "sigmoid" else 3
    config = NetworkConfig(rows=12, classes=classes, hidden=16, bidirectional=False, output=output)
    drawn = np.random.default_rng(0).permutation(TRAIN.targets)
    rare = Sequences(TRAIN.tokens, TRAIN.offsets, np.minimum(drawn, 1) if output == "sigmoid" else drawn)
    heavy = np.array([20.0, 1.0, 1.0][: 2 if output == "sigmoid" else 3], np.float32)
    plain, tilted = (fit(config, HOW, rare, class_weights=w).params for w in (None, heavy))
    share = [(tag(p, config, DEV).tags == 0).mean() for p in (plain, tilted)]
    assert share[1] > share[0] + 0.15


def test_a_crf_learns_transitions_that_no_symbol_determines():
    """Tags alternate 1, 2, 1, 2, ... whatever the symbols: only the CRF can know."""
    tokens = np.random.default_rng(0).integers(2, 12, 600).astype(np.int32)
    offsets = np.arange(0, 601, 6, dtype=np.int64)
    train = Sequences(tokens, offsets, np.tile([1, 2], 300).astype(np.int32))
    config = NetworkConfig(rows=12, classes=3, hidden=4, bidirectional=False, output="crf")
    how = FitConfig(epochs=10, batch=8, learning_rate=0.02, dropout=0.9)
    result = fit(config, how, train)
    prediction = Decoder(config, result.params).tag_with_probabilities(BAGS, train)
    assert (prediction.tags == train.targets).all()
    assert prediction.tag_probability.min() > 0.5
    assert result.params["chain.transition"][1, 2] > result.params["chain.transition"][1, 1] + 1


def test_a_crf_forbids_illegal_tags_and_refuses_illegal_targets():
    legal = np.ones((3, 3), bool)
    legal[0, 2] = False
    config = NetworkConfig(rows=12, classes=3, hidden=4, output="crf")
    targets = np.where(DEV.targets == 2, 1, DEV.targets)
    train = Sequences(DEV.tokens, DEV.offsets, targets)
    params = fit(config, HOW, train, scheme=allowing(legal)).params
    tags = tag(params, config, TRAIN, allowing(legal)).tags
    assert not ((tags[:-1] == 0) & (tags[1:] == 2))[
        np.setdiff1d(np.arange(len(tags)), TRAIN.offsets)[1:] - 1
    ].any()
    with pytest.raises(ValueError, match="sequence 0 "):
        fit(
            config,
            HOW,
            Sequences(
                tokens=np.zeros(2, np.int32), offsets=np.array([0, 2]), targets=np.array([0, 2], np.int32)
            ),
            scheme=allowing(legal),
        )


@pytest.mark.parametrize("fields", [{}, {"output": "crf", "embedding": 5, "cell": "gru"}])
def test_two_workers_end_with_the_bytes_of_one(fields):
    config = NetworkConfig(**{"rows": 12, "classes": 3, "hidden": 8, **fields})
    how = FitConfig(epochs=2, batch=7, parts=3, blocks=0.2)
    files = [to_bytes(fit(config, how, workers=n).params, config) for n in (1, 2, 3)]
    assert files[0] == files[1] == files[2]


def test_the_gradient_of_a_batch_is_that_of_its_parts_together():
    params = {k: v.astype(np.float64) for k, v in init(CONFIG, 0).items()}

    def gradients(chosen):
        (member,) = members_of(CONFIG, params)
        return Criterion.of(CONFIG).gradients(member, BAGS, pack(TRAIN, chosen), TRAIN)

    whole = gradients(np.arange(9))
    parts = combined([gradients(np.arange(9)[k::4]) for k in range(4)])
    np.testing.assert_allclose(parts[:2], whole[:2])
    for name, theirs in parts[2].items():
        ours = whole[2][name]
        if name == "table":
            order, others = np.argsort(ours.rows), np.argsort(theirs.rows)
            np.testing.assert_array_equal(ours.rows[order], theirs.rows[others])
            np.testing.assert_allclose(theirs.values[others], ours.values[order], rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-12)


def test_silver_sequences_are_taken_as_often_as_their_weight_says_and_fade_out_before_the_sure_ones():
    count = 4000
    weights = np.full(count, 0.5, np.float32)
    weights[:10] = -1
    data = Data(BAGS, echo(count), silver=weights)
    taken = [data.taken(epoch, seed=3) for epoch in range(SILVER_EPOCHS + 1)]
    assert all((numbers[:10] == np.arange(10)).all() for numbers in taken)
    for epoch, numbers in enumerate(taken):
        share = (len(numbers) - 10) / (count - 10)
        assert share == pytest.approx(0.5 * (1 - epoch / SILVER_EPOCHS), abs=0.03)
    assert (data.taken(2, seed=3) == taken[2]).all()
    assert len(np.setxor1d(data.taken(2, seed=4), taken[2]))


def test_without_silver_sequences_every_epoch_takes_all():
    assert (Data(BAGS, TRAIN).taken(9, seed=0) == np.arange(len(TRAIN))).all()
