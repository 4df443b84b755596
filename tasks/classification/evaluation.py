"""Scores of a classifier on a split of a corpus."""

from pathlib import Path

from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.batches import Bags, Sequences
from elman.rnn.inference.classify import classify, cut, joined
from elman.tasks.classification.classifier import Classifier
from elman.tasks.classification.labelled import read_labelled
from elman.tasks.classification.scores import ClassScores, score_classes
from elman.tasks.runtime.orchestration import task


def document_logits(classifier: Classifier, bags: Bags, documents: Sequences) -> Floats:
    """Logits (n, G) of documents, each cut into pieces as `elman tag` cuts them."""
    offsets, document = cut(documents.lengths, classifier.piece)
    pieces = Sequences(documents.tokens, offsets)
    logits = classify(classifier.config, classifier.params, bags, pieces)
    return joined(logits, offsets, document, len(documents))


@task(task_run_name="score {folder} on {split} of {corpus}", tags=("evaluation",))
def evaluate_classifier(folder: str, corpus: str, split: str) -> ClassScores:
    """Score a classifier on the labelled documents of a split; of DNA on pieces of 5,000 bases.

    Raises:
        BadInput: no labelled document in the split, or a corpus of another kind than the model's.
    """
    classifier, dataset = Classifier.read(Path(folder)), Dataset.open(Path(corpus))
    read = read_labelled(dataset, (split,), symbols=classifier.symbols)
    labelled = read.splits.get(split)
    if labelled is None:
        raise BadInput(
            f"labelled documents in the {split} split",
            got="none",
            todo="Give another split, or ingest more `--as` it.",
            source=corpus,
        )
    p = classifier.probabilities(document_logits(classifier, read.bags, labelled.sequences))
    return score_classes(classifier.labels, labelled.labels, p)
