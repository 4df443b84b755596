"""Training of acoustic networks: it learns, is reproducible with any number of workers, and resumes."""

import numpy as np
import pytest

from elman.rnn.compute.batches import pack
from elman.rnn.errors import TrainingError
from elman.rnn.inference import ctc_decoding
from elman.rnn.networks.acoustic import AcousticConfig
from elman.rnn.training import checkpoints
from elman.rnn.training.acoustic import AcousticTrainer, Utterances, score
from elman.rnn.training.state import FitConfig
from elman.rnn.training.trainer import Callbacks

CONFIG = AcousticConfig(features=3, stack=1, classes=4, hidden=16, layers=1)
SETTINGS = FitConfig(
    epochs=12, batch=4, learning_rate=0.02, dropout=0.1, blocks=0, unknown=0, patience=0, parts=2
)
NORM = (np.zeros(3, np.float32), np.ones(3, np.float32))


class Tones:
    """Sounds of two to four tones of three frames or so; the text names the tones."""

    def lengths(self, epoch):
        return np.arange(40) % 3 + 2

    def draw(self, epoch, numbers):
        sounds, texts = [], []
        for number in numbers:
            rng = np.random.default_rng([epoch, number])
            text = rng.integers(1, 4, self.lengths(epoch)[number]).astype(np.int32)
            parts = [
                part
                for label in text
                for part in (np.eye(3)[[label - 1] * rng.integers(2, 5)], np.zeros((1, 3)))
            ]
            sound = np.concatenate(parts)
            sounds.append((sound + 0.1 * rng.standard_normal(sound.shape)).astype(np.float32))
            texts.append(text)
        return Utterances.of(sounds, texts)


DEV = Tones().draw(1000, np.arange(12))


def trainer(**fields):
    return AcousticTrainer(CONFIG, SETTINGS, Tones(), NORM, **{"dev": DEV, "seed": 3, **fields})


def same(a, b):
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_it_learns_to_name_the_tones():
    result = trainer().run()
    assert result.best_score == pytest.approx(-score(CONFIG, result.params, DEV).sum() / len(DEV.labels))
    assert result.best_score > -0.1
    right = 0
    for number in range(len(DEV)):
        batch = pack(DEV.sequences, np.array([number]))
        logits, _ = CONFIG.build().forward(result.params, DEV.frames, batch)
        text = DEV.labels[DEV.text_offsets[number] : DEV.text_offsets[number + 1]]
        right += ctc_decoding.transcript(logits).labels.tolist() == text.tolist()
    assert right >= 11


def test_the_same_seed_gives_the_same_bits_with_any_workers_and_when_resumed():
    saved = []

    def keep(state):
        if len(saved) < 23:
            saved.append(checkpoints.to_bytes(state))

    whole = trainer().run(Callbacks(on_state=keep))
    assert same(whole.params, trainer(workers=2).run().params)
    assert same(whole.params, trainer().run(state=checkpoints.from_bytes(saved[-1])[0]).params)
    assert not same(whole.params, trainer(seed=4).run().params)


def test_without_dev_the_last_epoch_is_kept():
    result = trainer(dev=None).run()
    assert result.best_epoch == 12
    assert np.isnan(result.best_score)


def test_what_makes_no_training_is_refused():
    with pytest.raises(ValueError, match="no dropped features"):
        AcousticTrainer(CONFIG, FitConfig(), Tones(), NORM)
    norm = (NORM[0], NORM[1] * np.float32(np.nan))
    with pytest.raises(TrainingError, match="loss"):
        AcousticTrainer(CONFIG, SETTINGS, Tones(), norm).run()
