"""Training of next-symbol models from corpora of music, text or DNA."""

import numpy as np

from elman.data.errors import BadInput, UsageError
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.rnn.training.next_symbol import NextSymbolTrainer
from elman.rnn.training.state import FitResult
from elman.tasks.generation.pieces import CorpusPieces, EncodedPieces, encode, read_pieces
from elman.tasks.generation.presets import fit_config, network_config, preset
from elman.tasks.generation.vocabulary import Vocabulary
from elman.tasks.learning.fitting import fit_model, run_trainer
from elman.tasks.learning.registry import FittedModel, OnEpoch, TaskTraining
from elman.tasks.models.passport import CorpusOrigin, GeneratorPassport
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import Checkpoint


class _Training:
    """Data, network and settings of a requested training."""

    def __init__(self, request: TaskTraining) -> None:
        self.request, self.dataset = request, Dataset.open(request.corpus)
        self.pieces = {"train": read_pieces(self.dataset, "train")}
        try:
            self.pieces["dev"] = read_pieces(self.dataset, "dev")
        except BadInput:
            print_status("No dev split: the last epoch is kept.")
        train = self.pieces["train"]
        chosen = preset(request.preset, train.unit)
        self.vocabulary = Vocabulary.fit(
            train.unit, train.symbols, places=chosen.places, states=chosen.states
        )
        try:
            self.how = fit_config(chosen, request.overrides, train.lengths)
        except ValueError as error:
            raise UsageError(str(error)) from None
        context = len(self.vocabulary.places)
        self.network = network_config(chosen, train.unit, self.vocabulary.rows, context)
        self.truncation = chosen.truncation
        self.data: EncodedPieces = encode(self.vocabulary, self.pieces, transpose=chosen.transpose)

    @property
    def train(self) -> CorpusPieces:
        return self.pieces["train"]

    @property
    def key(self) -> str:
        """Hash of everything the weights depend on."""
        return key_of(
            corpus=self.dataset.digest,
            vocabulary=self.vocabulary.sha256,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            truncation=self.truncation,
            shifts=list(self.data.shifts),
            seed=self.request.seed,
            code=code_hash(training=True),
        )

    def run(self, checkpoint: Checkpoint, on_epoch: OnEpoch) -> FitResult:
        """Train from the checkpoint on."""
        trainer = NextSymbolTrainer(
            self.network,
            self.how,
            self.data.symbols,
            self.data.splits["train"],
            dev=self.data.splits.get("dev"),
            truncation=self.truncation,
            seed=self.request.seed,
        )
        return run_trainer(
            trainer,
            checkpoint,
            on_epoch,
            epochs=self.how.epochs,
            per_epoch=len(self.data.splits["train"].sections[0]),
            unit="pieces",
            best=lambda score: f"dev {-score:.4f} nats a step",
        )

    def passport(self, result: FitResult) -> GeneratorPassport:
        """The passport of the trained model."""
        request, dev = self.request, None
        if "dev" in self.data.splits:
            dev = {"nats_per_step": -result.best_score}
        return GeneratorPassport(
            corpus=CorpusOrigin(
                name=request.corpus.name, digest=self.dataset.digest, sources=self.dataset.sources
            ),
            preset=request.preset,
            seed=request.seed,
            unit=self.vocabulary.unit,
            vocabulary=self.vocabulary.sha256,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            truncation=self.truncation,
            shifts=self.data.shifts,
            best_epoch=result.best_epoch,
            length=int(np.median(self.train.lengths)),
            steps_per_quarter=self.train.steps_per_quarter,
            dev=dev,
        )


@task(task_run_name="fit a generator to {request.corpus}, seed {request.seed}", tags=("training",))
def train_generator(request: TaskTraining, on_epoch: OnEpoch = lambda line: None) -> FittedModel:
    """Fit a next-symbol model and write its model folder; a killed training continues from its checkpoint.

    Raises:
        BadInput: nothing to train on, or a loss or gradient is not finite; no model is written.
        Locked: the same training is running.
    """
    training = _Training(request)
    sizes = (
        f"{split}: {len(of):,} pieces, {sum(of.lengths):,} steps" for split, of in training.pieces.items()
    )
    print_status("; ".join(sizes))
    return fit_model(training, training.vocabulary.to_bytes(), request.checkpoint_s, on_epoch)
