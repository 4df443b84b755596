"""Gate of models of speech: word error rate over clips."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.metrics.speech.errors import ErrorCounts
from elman.data.store.dataset import Dataset
from elman.tasks.retraining.score_gate import Compared, Measure, Outcomes, ScoreGate
from elman.tasks.transcription.clips import read_clips
from elman.tasks.transcription.evaluation import score_clips
from elman.tasks.transcription.transcriber import Transcriber

SEED_NOISE = 0.01  # of the word error rate
FEWEST_WORDS = 100  # of a speaker who is judged


def _rate(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Word error rate of counts (..., 2): errors, words said."""
    found: npt.NDArray[np.float64] = counts[..., 0] / np.maximum(counts[..., 1], 1)
    return found


def compare(champion: Path, challenger: Path, parts: Sequence[Dataset]) -> list[Compared | None]:
    """Outcomes on the test clips of each part whose text is known."""
    transcribers = Transcriber.read(champion), Transcriber.read(challenger)
    out = list[Compared | None]()
    for part in parts:
        one, other = (_outcomes(transcriber, part) for transcriber in transcribers)
        if one is None or other is None:
            out.append(None)
        else:
            out.append(Compared(units="clips", champion=one, challenger=other))
    return out


def _outcomes(transcriber: Transcriber, part: Dataset) -> Outcomes | None:
    if not part.shards:
        return None
    counts, speakers = list[tuple[int, int]](), list[str]()
    try:
        for scored in score_clips(transcriber, read_clips(part, "test")):
            errors = ErrorCounts.of(scored.edits)
            counts.append((errors.errors, errors.said))
            speakers.append(scored.clip.speaker)
    except BadInput:  # no clip with a text is for testing
        return None
    of_clips, who = np.array(counts, np.float64), np.array(speakers)
    parts = {}
    for speaker in sorted(set(speakers) - {""}):
        own = of_clips * (who == speaker)[:, None]
        if own[:, 1].sum() >= FEWEST_WORDS:
            parts[f"word error rate of {speaker}"] = own
    return Outcomes(counts=of_clips, parts=parts)


GATE = ScoreGate(
    measure=Measure(
        name="word error rate",
        metric="word_error_rate",
        rate=_rate,
        part=_rate,
        less=True,
        seed_noise=SEED_NOISE,
    ),
    compare=compare,
)
