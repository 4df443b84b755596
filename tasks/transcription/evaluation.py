"""Scores of models of speech: word and character error rate, by speaker, and what was taken for what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from elman.data.metrics.speech.errors import (
    Edit,
    ErrorCounts,
    character_edits,
    confusions,
    word_edits,
)
from elman.data.store.dataset import Dataset
from elman.tasks.learning.registry import TaskScores
from elman.tasks.runtime.orchestration import task
from elman.tasks.transcription.alphabet import SPACE
from elman.tasks.transcription.clips import LabelledClip, read_clips
from elman.tasks.transcription.transcriber import Sound, Transcriber, Utterance


@dataclass(frozen=True)
class ScoredClip:
    """A clip with what was heard.

    Attributes:
        clip: with its text.
        utterances: heard.
    """

    clip: LabelledClip
    utterances: Sequence[Utterance]

    @property
    def heard(self) -> str:
        """The text of all utterances."""
        return SPACE.join(utterance.text for utterance in self.utterances if utterance.text)

    @property
    def edits(self) -> list[Edit]:
        """Alignment of the words."""
        return word_edits(self.clip.text, self.heard)


def score_clips(transcriber: Transcriber, clips: Iterator[LabelledClip]) -> Iterator[ScoredClip]:
    """Transcribe clips."""
    waiting = list[LabelledClip]()

    def sounds() -> Iterator[Sound]:
        for clip in clips:
            waiting.append(clip)
            yield Sound([clip.samples], clip.rate, clip.seconds)

    for utterances in transcriber.transcribe(sounds()):
        yield ScoredClip(waiting.pop(0), utterances)


@dataclass(frozen=True)
class SpeechScores:
    """Scores of a model on some clips.

    Attributes:
        words, characters: edits of all clips.
        exact: clips whose text is right.
        speakers: edits of words by speaker, if they are known.
        confused: most frequent errors.
        unknown: clips whose text has characters the model does not know.
    """

    words: ErrorCounts
    characters: ErrorCounts
    exact: int
    clips: int
    speakers: Mapping[str, ErrorCounts]
    confused: Sequence[tuple[Edit, int]]
    unknown: int

    @classmethod
    def of(cls, transcriber: Transcriber, scored: Sequence[ScoredClip]) -> "SpeechScores":
        """Scores of clips."""
        words, characters, speakers = ErrorCounts(), ErrorCounts(), dict[str, ErrorCounts]()
        edits = list[Edit]()
        for one in scored:
            own = one.edits
            counts = ErrorCounts.of(own)
            words += counts
            characters += ErrorCounts.of(character_edits(one.clip.text, one.heard))
            edits += own
            if one.clip.speaker:
                speakers[one.clip.speaker] = speakers.get(one.clip.speaker, ErrorCounts()) + counts
        return cls(
            words,
            characters,
            sum(one.clip.text == one.heard for one in scored),
            len(scored),
            dict(sorted(speakers.items())),
            confusions(edits),
            sum(bool(transcriber.alphabet.unknown(one.clip.text)) for one in scored),
        )

    def to_task_scores(self) -> TaskScores:
        """As the commands show and log them."""
        values = {
            "word_error_rate": self.words.rate,
            "character_error_rate": self.characters.rate,
            "exact_share": self.exact / max(self.clips, 1),
            **{f"word_error_rate/{speaker}": counts.rate for speaker, counts in self.speakers.items()},
        }
        counts = {"clips": self.clips, "words": self.words.said}
        return TaskScores(
            values=values, counts={**counts, **({"unknown_clips": self.unknown} if self.unknown else {})}
        )


@task(task_run_name="score {folder} on {split} of {corpus}", tags=("evaluation",))
def evaluate_transcriber(folder: str, corpus: str, split: str) -> TaskScores:
    """Word and character error rate of a split of a corpus, both texts normalised as in training.

    Raises:
        BadInput: no clip with a text in the split.
    """
    transcriber = Transcriber.read(Path(folder))
    scored = list(score_clips(transcriber, read_clips(Dataset.open(Path(corpus)), split)))
    return SpeechScores.of(transcriber, scored).to_task_scores()
