"""Gate of classifiers: macro F1 over documents; what batches of documents are held apart for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.encoding import features
from elman.data.errors import BadInput
from elman.data.metrics.rates import rates
from elman.data.store.dataset import Dataset
from elman.tasks.classification.classifier import Classifier
from elman.tasks.classification.evaluation import document_logits
from elman.tasks.classification.labelled import Labelled, LabelledCorpus, labels_of, read_labelled
from elman.tasks.retraining.gate import FEWEST_OF_TYPE
from elman.tasks.retraining.score_gate import (
    AGREEMENT,
    OTHER_LABELS,
    UNKNOWN_RISE,
    Compared,
    Measure,
    Outcomes,
    ScoreGate,
    draws_of,
)

SEED_NOISE = 0.01  # of macro F1
_Answered = tuple[
    Sequence[str], npt.NDArray[np.str_], npt.NDArray[np.float64]
]  # gold, predicted, probability


def _f1(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """F1 of counts (..., 3): correct, predicted, gold."""
    f1: npt.NDArray[np.float64] = rates(counts)[..., 2]
    return f1


def _macro_f1(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean F1 of the classes in gold or prediction, of counts (..., 3G): correct, predicted, gold of each."""
    of_classes = counts.reshape(*counts.shape[:-1], -1, 3)
    used = of_classes[..., 1:].sum(axis=-1) > 0
    mean: npt.NDArray[np.float64] = (_f1(of_classes) * used).sum(axis=-1) / np.maximum(used.sum(axis=-1), 1)
    return mean


def compare(champion: Path, challenger: Path, parts: Sequence[Dataset]) -> list[Compared | None]:
    """Outcomes on the labelled test documents of each part; of DNA on pieces of 5,000 bases."""
    classifiers = Classifier.read(champion), Classifier.read(challenger)
    answered = [[_answers(classifier, part) for classifier in classifiers] for part in parts]
    gold = [label for pair in answered if pair[0] for label in pair[0][0]]
    labels = sorted({*classifiers[0].labels, *classifiers[1].labels, *gold})
    judged = [label for label in labels if gold.count(label) >= FEWEST_OF_TYPE]
    return [
        None
        if one is None or other is None
        else Compared(
            units="documents",
            champion=_outcomes(one, labels, judged),
            challenger=_outcomes(other, labels, judged),
        )
        for one, other in answered
    ]


def _answers(classifier: Classifier, part: Dataset) -> _Answered | None:
    read = _read(classifier, part, "test")
    return None if read is None else _answered(classifier, *read)


def _read(classifier: Classifier, part: Dataset, split: str) -> tuple[LabelledCorpus, Labelled] | None:
    """Labelled documents of a split; None if there are none."""
    if not any("labels" in shard.files for shard in part.shards):
        return None
    try:
        read = read_labelled(part, (split,), symbols=classifier.symbols)
    except BadInput:
        return None
    return (read, read.splits[split]) if split in read.splits else None


def _answered(classifier: Classifier, read: LabelledCorpus, labelled: Labelled) -> _Answered:
    p = classifier.probabilities(document_logits(classifier, read.bags, labelled.sequences))
    return labelled.labels, np.array(classifier.labels)[p.argmax(axis=1)], p.max(axis=1)


def why_hold(champion: Path, batch: Dataset, usual: Dataset) -> str:
    """The reason to hold a batch apart: other classes, another language, labels that contradict the champion.

    Arguments as of `ScoreGate.why_hold`. Labels are judged by how often the champion gives them, half-way
    from what it would by chance to what its test documents show at least.
    """
    classifier = Classifier.read(champion)
    read = _read(classifier, batch, "all")
    if read is None or len(read[1].ids) < FEWEST_OF_TYPE:
        return ""
    known = {*classifier.labels, *labels_of(Dataset.open(usual.folder))["label"].to_list()}
    gold = read[1].labels
    other = [label for label in gold if label not in known]
    if len(other) > OTHER_LABELS * len(gold):
        listed = ", ".join(sorted(set(other))[:10])
        return (
            f"another set of classes: {len(other):,} of {len(gold):,} documents have classes that the corpus "
            f"lacks ({listed}); it has {', '.join(sorted(known)[:20])}"
        )
    normal = _read(classifier, usual, "test")
    if normal is None:
        return ""
    units = _words(classifier, *normal)
    new = _words(classifier, *read).sum(axis=0)
    draws = draws_of(units, new[0])
    share, most = new[1] / max(new[0], 1), float((draws[:, 1] / np.maximum(draws[:, 0], 1)).max())
    if share > most + UNKNOWN_RISE:
        return (
            f"another language or subject: {100 * share:.0f} % of its words are unknown to the champion, of "
            f"its test documents {100 * most:.0f} % at most"
        )
    return _other_labels(_answered(classifier, *read), _answered(classifier, *normal))


def _words(classifier: Classifier, read: LabelledCorpus, labelled: Labelled) -> npt.NDArray[np.float64]:
    """Tokens of each document and how many of them the vocabulary of words lacks, (U, 2); of DNA none."""
    sequences = labelled.sequences
    unknown = np.zeros(len(sequences.tokens), bool)
    if isinstance(classifier.symbols, features.Features):
        bags = features.Bags(read.bags.rows, read.bags.offsets, read.bags.unknown, len(read.bags))
        unknown = classifier.symbols.unknown(bags)[sequences.tokens]
    sums = np.concatenate([[0], np.cumsum(unknown)])
    of_documents = sums[sequences.offsets[1:]] - sums[sequences.offsets[:-1]]
    return np.stack([sequences.lengths, of_documents], axis=1).astype(np.float64)


def _other_labels(new: _Answered, normal: _Answered) -> str:
    gold, said, _ = new
    agreed = float((np.array(gold) == said).mean())
    right = np.array(normal[0]) == normal[1]
    usual = draws_of(np.stack([np.ones(len(right)), right], axis=1), len(gold))
    lowest = float((usual[:, 1] / usual[:, 0]).min())
    chance = sum(gold.count(label) * float((normal[1] == label).mean()) for label in set(gold)) / len(gold)
    if lowest <= chance or agreed >= chance + AGREEMENT * (lowest - chance):
        return ""
    return (
        f"labels that contradict the champion: it gives {100 * agreed:.0f} % of its documents their label, "
        f"of its test documents {100 * lowest:.0f} % at least"
    )


def _outcomes(answered: _Answered, labels: Sequence[str], judged: Sequence[str]) -> Outcomes:
    known, predicted, surety = answered
    gold = np.array(known)
    said, true = (side[:, None] == np.array(labels) for side in (predicted, gold))
    counts = np.stack([said & true, said, true], axis=-1).astype(np.float64)  # (U, G, 3)
    return Outcomes(
        counts=counts.reshape(len(gold), -1),
        parts={f"F1 of class {label}": counts[:, labels.index(label)] for label in judged},
        surety=surety,
        right=predicted == gold,
    )


GATE = ScoreGate(
    measure=Measure(name="macro F1", metric="macro_f1", rate=_macro_f1, part=_f1, seed_noise=SEED_NOISE),
    compare=compare,
    why_hold=why_hold,
)
