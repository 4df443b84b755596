"""Training of classifiers from labelled documents, or from labelled DNA."""

import numpy as np

from elman.data.corpus.shards import DNA
from elman.data.encoding.features import Features
from elman.data.errors import BadInput
from elman.data.store.code_hash import code_hash
from elman.data.store.dataset import Dataset
from elman.data.store.disk import key_of
from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.batches import Sequences
from elman.rnn.inference.classify import calibrate_classes, classify, cut, joined, probabilities
from elman.rnn.training.classifier import ClassifierTrainer, with_classes
from elman.rnn.training.state import FitResult
from elman.rnn.training.trainer import Data
from elman.tasks.classification.classifier import steps_of_bases
from elman.tasks.classification.labelled import read_labelled, with_dev
from elman.tasks.classification.presets import PIECES, PRESETS, fit_config, network_config
from elman.tasks.classification.scores import macro_f1, score_classes
from elman.tasks.learning.fitting import fit_model, run_trainer
from elman.tasks.learning.registry import FittedModel, OnEpoch, TaskTraining
from elman.tasks.models.passport import ClassifierPassport, CorpusOrigin
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.checkpoint import Checkpoint

EQUAL = 1e-6  # weight of the log-likelihood beside macro F1 on dev


class _Training:
    """Data, network and settings of a requested training."""

    def __init__(self, request: TaskTraining) -> None:
        self.request, self.dataset = request, Dataset.open(request.corpus)
        self.of_dna = self.dataset.kind == DNA
        self.unit = "base" if self.of_dna else str(self.dataset.meta.get("unit", "word"))
        chosen = PRESETS[request.preset]
        templates = () if self.of_dna else chosen.blocks[self.unit]
        read = read_labelled(self.dataset, ("train", "dev"), templates)
        self.corpus, self.held_out = with_dev(read)
        train = self.corpus.splits.get("train")
        self.labels = tuple(sorted(set(train.labels))) if train is not None else ()
        if train is None or len(self.labels) < 2:
            raise BadInput(
                "training documents of two labels or more",
                got=f"those of {self.labels[0]} alone" if self.labels else "none",
                todo="Ingest more labelled documents, `--as train` if the split is to be named.",
                source=request.corpus,
            )
        self.train = train
        self.dev = self.corpus.splits.get("dev")
        self.piece = steps_of_bases(PIECES["base"]) if self.of_dna else PIECES[self.unit]
        offsets, document = cut(train.sequences.lengths, self.piece)
        classes = train.classes(self.labels)[document]
        self.pieces = with_classes(Sequences(train.sequences.tokens, offsets), classes)
        self.how = fit_config(chosen, request.overrides, len(self.pieces))
        self.network = network_config(chosen, self.corpus.symbols.rows, len(self.labels))

    @property
    def key(self) -> str:
        """Hash of everything the weights depend on."""
        return key_of(
            corpus=self.dataset.digest,
            vocabulary=self.corpus.symbols.sha256,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            piece=self.piece,
            seed=self.request.seed,
            code=code_hash(training=True),
        )

    def dev_pieces(self) -> tuple[Sequences, np.ndarray] | None:
        """Pieces of the documents of dev, and the document of each; None without dev."""
        if self.dev is None:
            return None
        offsets, document = cut(self.dev.sequences.lengths, self.piece)
        return Sequences(self.dev.sequences.tokens, offsets), document

    def run(self, checkpoint: Checkpoint, on_epoch: OnEpoch) -> FitResult:
        """Train from the checkpoint on."""
        dev = self.dev_pieces()
        gold = self.dev.classes(self.labels) if self.dev is not None else np.empty(0, np.int32)

        def score(logits: Floats) -> float:
            assert dev is not None
            sequences, document = dev
            z = joined(logits, sequences.offsets, document, len(gold))
            likely = np.log(probabilities(z)[np.arange(len(gold)), gold].clip(1e-9))[gold >= 0]
            tie = EQUAL * float(likely.mean()) if len(likely) else 0.0  # of equal epochs the surer one
            return macro_f1(gold, z.argmax(axis=1), len(self.labels)) + tie

        trainer = ClassifierTrainer(
            self.network,
            self.how,
            Data(self.corpus.bags, self.pieces, None if dev is None else dev[0]),
            score,
            seed=self.request.seed,
        )
        return run_trainer(
            trainer,
            checkpoint,
            on_epoch,
            epochs=self.how.epochs,
            per_epoch=len(self.pieces),
            unit="pieces",
            best=lambda score: f"dev macro F1 {score:.4f}",
        )

    def passport(self, result: FitResult) -> ClassifierPassport:
        """The passport of the trained model, calibrated and scored on dev."""
        request, symbols, dev = self.request, self.corpus.symbols, self.dev_pieces()
        temperature, scores = 1.0, None
        if dev is not None and self.dev is not None:
            sequences, document = dev
            logits = classify(self.network, result.params, self.corpus.bags, sequences)
            logits = joined(logits, sequences.offsets, document, len(self.dev.ids))
            known = self.dev.classes(self.labels)
            if (known >= 0).any():
                temperature = calibrate_classes(logits[known >= 0], known[known >= 0])
            p = probabilities(logits, temperature)
            scores = dict(score_classes(self.labels, self.dev.labels, p).values)
        return ClassifierPassport(
            corpus=CorpusOrigin(
                name=request.corpus.name, digest=self.dataset.digest, sources=self.dataset.sources
            ),
            preset=request.preset,
            seed=request.seed,
            family="dna" if self.of_dna else "text",
            unit=self.unit,
            tokenizer={} if self.of_dna else self.dataset.meta["tokenizer"],
            labels=self.labels,
            templates=[t.name for t in symbols.templates] if isinstance(symbols, Features) else [],
            vocabulary=symbols.sha256,
            network=self.network.to_dict(),
            fit=self.how.to_dict(),
            piece=self.piece,
            bases=PIECES["base"] if self.of_dna else 0,
            best_epoch=result.best_epoch,
            temperature=temperature,
            dev=scores,
            held_out=self.held_out,
        )


@task(task_run_name="fit a classifier to {request.corpus}, seed {request.seed}", tags=("training",))
def train_classifier(request: TaskTraining, on_epoch: OnEpoch = lambda line: None) -> FittedModel:
    """Fit a classifier and write its model folder; a killed training continues from its checkpoint.

    Raises:
        BadInput: fewer than two labels, or a loss or gradient is not finite; no model is written.
        Locked: the same training is running.
    """
    training = _Training(request)
    what = "pieces" if training.of_dna else "documents"
    sizes = (f"{split}: {len(of.ids):,} {what}" for split, of in training.corpus.splits.items())
    print_status(f"{len(training.labels)} classes; {'; '.join(sizes)}")
    if training.held_out:
        print_status(f"No dev split: {training.held_out:,} training {what} are held out to judge by.")
    return fit_model(training, training.corpus.symbols.to_bytes(), request.checkpoint_s, on_epoch)
