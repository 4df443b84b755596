"""The task `generate`: next-symbol models."""

from pathlib import Path

from elman.data.corpus.shards import DNA, MUSIC, TEXT
from elman.data.text.markdown import escaped
from elman.tasks.generation.evaluation import evaluate_generator
from elman.tasks.generation.gate import GATE
from elman.tasks.generation.presets import PRESETS
from elman.tasks.generation.training import train_generator
from elman.tasks.learning.registry import LearningTask
from elman.tasks.models import model_folder

_SYMBOLS = {
    "abc": "tunes in ABC notation",
    "keys": "piano rolls",
    "character": "text, character by character",
    "base": "DNA, base by base",
}


def _purpose(folder: str) -> str:
    model = model_folder.read(Path(folder))
    passport = model.of_generation
    return (
        f"**{model.version}** generates {_SYMBOLS[passport.unit]}; preset {passport.preset}, "
        f"seed {passport.seed}, trained on corpus {escaped(passport.corpus.name)}.\n\n"
        f"    elman generate {model.version} --count 10 --out pieces\n"
    )


TASK = LearningTask(
    name="generate",
    kind="generator",
    corpora=(MUSIC, TEXT, DNA),
    presets=tuple(PRESETS),
    purpose=_purpose,
    train=train_generator,
    evaluate=evaluate_generator,
    gate=GATE,
)
