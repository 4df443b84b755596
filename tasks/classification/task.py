"""The task `classify`: classifiers of documents and of DNA."""

from pathlib import Path

from elman.data.corpus.shards import DNA, TEXT
from elman.data.text.markdown import escaped
from elman.tasks.classification.evaluation import evaluate_classifier
from elman.tasks.classification.gate import GATE
from elman.tasks.classification.presets import PRESETS
from elman.tasks.classification.training import train_classifier
from elman.tasks.learning.registry import LearningTask
from elman.tasks.models import model_folder
from elman.tasks.models.passport import CLASSIFIER

_SHOWN = 20  # labels


def _purpose(folder: str) -> str:
    model = model_folder.read(Path(folder))
    passport = model.of_classification
    labels = ", ".join(escaped(label) for label in passport.labels[:_SHOWN])
    more = f" and {len(passport.labels) - _SHOWN} more" if len(passport.labels) > _SHOWN else ""
    what = "contigs of DNA" if passport.family == "dna" else "documents"
    return (
        f"**{model.version}** classifies {what} as {labels}{more}; preset {passport.preset}, "
        f"seed {passport.seed}, trained on corpus {escaped(passport.corpus.name)}.\n\n"
        f"    elman tag {model.version} FILES --out classified\n"
    )


TASK = LearningTask(
    name="classify",
    kind=CLASSIFIER,
    corpora=(TEXT, DNA),
    presets=tuple(PRESETS),
    purpose=_purpose,
    train=train_classifier,
    evaluate=evaluate_classifier,
    gate=GATE,
    dev_score="f1",
)
