"""Training of models of speech from corpora of clips."""

import os
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from elman.data.audio.features import Features, FeatureSettings, log_mel
from elman.data.errors import BadInput, UsageError
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.rnn.compute.arrays import Int32
from elman.rnn.layers.ctc import frames_needed
from elman.rnn.networks.acoustic import input_norm, stacked
from elman.rnn.training.acoustic import AcousticTrainer, Utterances
from elman.rnn.training.state import FitResult
from elman.tasks.learning.fitting import fit_model, run_trainer
from elman.tasks.learning.registry import FittedModel, OnEpoch, TaskTraining
from elman.tasks.models.passport import CorpusOrigin, TranscriberPassport
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import Checkpoint
from elman.tasks.transcription.alphabet import Alphabet
from elman.tasks.transcription.augmentation import JoinedClips, LabelledClips, Sound
from elman.tasks.transcription.clips import LabelledClip, read_clips
from elman.tasks.transcription.presets import PAD_S, PRESETS

SHOWN = 3  # clips that are left out, by name


class _Training:
    """Data, network and settings of a requested training."""

    def __init__(self, request: TaskTraining) -> None:
        self.request, self.dataset = request, Dataset.open(request.corpus)
        self.preset = PRESETS[request.preset]
        try:
            self.how = self.preset.fit_config(request.overrides)
        except ValueError as error:
            raise UsageError(str(error)) from None
        clips = list(read_clips(self.dataset, "train"))
        self.alphabet = Alphabet.fit(clip.text for clip in clips)
        self.network = self.preset.network_config(self.alphabet.classes)
        self.notes = dict[str, int]()
        self.train = self._labelled(self._possible(clips, "train"))
        try:
            self.dev: Utterances | None = self._utterances(
                self._possible(read_clips(self.dataset, "dev"), "dev")
            )
        except BadInput:
            print_status("No dev split: the last epoch is kept.")
            self.dev = None
        settings, rate = self.features, self.features.rate
        sounds = (clip.astype(np.float32) / np.float32(1 << 15) for clip in self.train.samples)
        self.norm = input_norm(log_mel(padded(sound, settings), rate, settings) for sound in sounds)

    @property
    def features(self) -> FeatureSettings:
        return self.preset.features

    def _possible(self, clips: Iterable[LabelledClip], split: str) -> list[LabelledClip]:
        """The clips that can be learned: those long enough for their text, whose characters are known."""
        kept, short, unknown = list[LabelledClip](), list[str](), list[str]()
        for clip in clips:
            if self.alphabet.unknown(clip.text):
                unknown.append(clip.id)
            elif frames_needed(self.alphabet.encode(clip.text)) > self._frames(clip.seconds):
                short.append(clip.id)
            else:
                kept.append(clip)
        for left_out, why in ((short, "too short for their texts"), (unknown, "with unknown characters")):
            if left_out:
                self.notes[f"{split} clips {why}"] = len(left_out)
                names = ", ".join(left_out[:SHOWN]) + (", ..." if len(left_out) > SHOWN else "")
                print_status(f"{len(left_out):,} {split} clips {why} are left out: {names}")
        if not kept:
            raise BadInput(
                f"clips of the {split} split that are long enough for their texts",
                got="none",
                todo="Look whether texts and clips belong together.",
                source=self.dataset.folder,
            )
        return kept

    def _frames(self, seconds: float) -> int:
        rows = self.features.frames(round((seconds + 2 * PAD_S) * self.features.rate))
        return -(-rows // self.network.stack)

    def _labelled(self, clips: list[LabelledClip]) -> LabelledClips:
        speakers = sorted({clip.speaker for clip in clips})
        return LabelledClips(
            [clip.at_rate(self.features.rate) for clip in clips],
            [self.alphabet.encode(clip.text) for clip in clips],
            np.array([speakers.index(clip.speaker) for clip in clips], np.int64),
        )

    def _utterances(self, clips: list[LabelledClip]) -> Utterances:
        """Clips as they are, without changes."""
        sounds, texts = list[Features](), list[Int32]()
        for clip in clips:
            sound = clip.at_rate(self.features.rate).astype(np.float32) / np.float32(1 << 15)
            rows = log_mel(padded(sound, self.features), self.features.rate, self.features)
            sounds.append(stacked(rows, self.network.stack))
            texts.append(self.alphabet.encode(clip.text))
        return Utterances.of(sounds, texts)

    @property
    def key(self) -> str:
        """Hash of everything the weights depend on."""
        return key_of(
            corpus=self.dataset.digest,
            alphabet=self.alphabet.sha256,
            features=self.features.to_json(),
            pad_s=PAD_S,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            augmentation=asdict(self.preset.augmentation),
            seed=self.request.seed,
            code=code_hash(training=True),
        )

    def run(self, checkpoint: Checkpoint, on_epoch: OnEpoch) -> FitResult:
        """Train from the checkpoint on."""
        examples = JoinedClips(
            self.train,
            self.features,
            self.preset.augmentation,
            stack=self.network.stack,
            pad_s=PAD_S,
            space=self.alphabet.space,
            mean=self.norm[0],
            seed=self.request.seed,
        )
        trainer = AcousticTrainer(
            self.network,
            self.how,
            examples,
            self.norm,
            dev=self.dev,
            seed=self.request.seed,
            workers=min(self.request.workers or os.cpu_count() or 1, self.how.parts),
        )
        return run_trainer(
            trainer,
            checkpoint,
            on_epoch,
            epochs=self.how.epochs,
            per_epoch=len(examples.lengths(0)),
            unit="sounds",
            best=lambda score: f"dev {-score:.4f} nats a character",
        )

    def passport(self, result: FitResult) -> TranscriberPassport:
        """The passport of the trained model."""
        request = self.request
        return TranscriberPassport(
            corpus=CorpusOrigin(
                name=request.corpus.name, digest=self.dataset.digest, sources=self.dataset.sources
            ),
            preset=request.preset,
            seed=request.seed,
            alphabet=self.alphabet.sha256,
            features=self.features.to_json(),
            pad_s=PAD_S,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            augmentation=asdict(self.preset.augmentation),
            best_epoch=result.best_epoch,
            dev=None if self.dev is None else {"nats_per_character": -result.best_score},
            notes=self.notes,
        )


def padded(sound: Sound, settings: FeatureSettings) -> Sound:
    """A sound at the rate of the features with silence before and after it."""
    return np.pad(sound, round(PAD_S * settings.rate))


@task(task_run_name="fit a model of speech to {request.corpus}, seed {request.seed}", tags=("training",))
def train_transcriber(request: TaskTraining, on_epoch: OnEpoch = lambda line: None) -> FittedModel:
    """Fit a model of speech and write its model folder; a killed training continues from its checkpoint.

    The clips are held in memory at the rate of the features, 2 bytes a sample: an hour at 8 kHz is 58 MB.

    Raises:
        BadInput: nothing to train on, or a loss or gradient is not finite; no model is written.
        Locked: the same training is running.
    """
    training = _Training(request)
    seconds = sum(map(len, training.train.samples)) / training.features.rate
    print_status(
        f"train: {len(training.train):,} clips, {seconds:,.0f} s; {training.alphabet.classes} classes"
    )
    return fit_model(training, training.alphabet.to_bytes(), request.checkpoint_s, on_epoch)
