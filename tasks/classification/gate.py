"""Gate of classifiers: macro F1 over documents."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.metrics.rates import rates
from elman.data.store.dataset import Dataset
from elman.tasks.classification.classifier import Classifier
from elman.tasks.classification.evaluation import document_logits
from elman.tasks.classification.labelled import read_labelled
from elman.tasks.retraining.gate import FEWEST_OF_TYPE
from elman.tasks.retraining.score_gate import Compared, Measure, Outcomes, ScoreGate

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
    if not any("labels" in shard.files for shard in part.shards):
        return None
    try:
        read = read_labelled(part, ("test",), symbols=classifier.symbols)
    except BadInput:
        return None
    if "test" not in read.splits:
        return None
    labelled = read.splits["test"]
    p = classifier.probabilities(document_logits(classifier, read.bags, labelled.sequences))
    return labelled.labels, np.array(classifier.labels)[p.argmax(axis=1)], p.max(axis=1)


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
)
