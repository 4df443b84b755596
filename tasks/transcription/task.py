"""The task `transcribe`: speech to text."""

from pathlib import Path

from elman.data.corpus.shards import SPEECH
from elman.data.text.markdown import escaped
from elman.tasks.learning.registry import LearningTask
from elman.tasks.models import model_folder
from elman.tasks.transcription.evaluation import evaluate_transcriber
from elman.tasks.transcription.gate import GATE
from elman.tasks.transcription.presets import PRESETS
from elman.tasks.transcription.training import train_transcriber


def _purpose(folder: str) -> str:
    model = model_folder.read(Path(folder))
    passport = model.of_speech
    return (
        f"**{model.version}** writes down speech; preset {passport.preset}, seed {passport.seed}, "
        f"trained on corpus {escaped(passport.corpus.name)}.\n\n"
        f"    elman transcribe {model.version} recordings/ --out transcripts\n"
    )


TASK = LearningTask(
    name="transcribe",
    kind="transcriber",
    corpora=(SPEECH,),
    presets=tuple(PRESETS),
    purpose=_purpose,
    train=train_transcriber,
    evaluate=evaluate_transcriber,
    gate=GATE,
)
