"""Gate of models of speech: word error rate over clips; what batches of clips are held apart for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.metrics.speech.errors import ErrorCounts
from elman.data.store.dataset import Dataset
from elman.tasks.retraining.score_gate import (
    AGREEMENT,
    UNKNOWN_RISE,
    Compared,
    Measure,
    Outcomes,
    ScoreGate,
    draws_of,
)
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


def why_hold(champion: Path, batch: Dataset, usual: Dataset) -> str:
    """The reason to hold a batch apart: another alphabet, or transcripts that contradict the champion.

    Arguments as of `ScoreGate.why_hold`. Of fewer than FEWEST_WORDS words, transcripts are not judged.
    """
    transcriber = Transcriber.read(champion)
    new, known = _counted(transcriber, batch, "all"), _counted(transcriber, usual, "test")
    if new is None or known is None:
        return ""
    found, draws = new.sum(axis=0), draws_of(known, new[:, 0].sum())
    share, most = found[1] / max(found[0], 1), float((draws[:, 1] / np.maximum(draws[:, 0], 1)).max())
    if share > most + UNKNOWN_RISE:
        return (
            f"another alphabet: {100 * share:.0f} % of the characters of its texts are unknown to the "
            f"champion, of its test clips {100 * most:.0f} % at most"
        )
    heard, lowest = 1 - float(_rate(found[2:])), 1 - float(_rate(draws[:, 2:]).max())
    if found[3] < FEWEST_WORDS or lowest <= 0 or heard >= AGREEMENT * lowest:
        return ""
    return (
        f"texts that contradict the champion: its word error rate is {100 * (1 - heard):.0f} %, on its test "
        f"clips {100 * (1 - lowest):.0f} % at most"
    )


def _counted(transcriber: Transcriber, part: Dataset, split: str) -> npt.NDArray[np.float64] | None:
    """Of each clip: characters, unknown ones, errors and words said, (U, 4); None without clips."""
    if not part.shards:
        return None
    rows = list[tuple[int, int, int, int]]()
    try:
        for scored in score_clips(transcriber, read_clips(part, split)):
            text, errors = scored.clip.text, ErrorCounts.of(scored.edits)
            unknown = transcriber.alphabet.unknown(text)
            other = sum(character in unknown for character in text)
            rows.append((len(text), other, errors.errors, errors.said))
    except BadInput:  # no clip with a text
        return None
    return np.array(rows, np.float64)


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
    why_hold=why_hold,
)
