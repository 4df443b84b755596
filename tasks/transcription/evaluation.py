"""Scores of models of speech: word and character error rate, by speaker, and what was taken for what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.metrics.speech.errors import (
    Edit,
    ErrorCounts,
    character_edits,
    confusions,
    kind_of,
)
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.reports import REPORT
from elman.tasks.evaluation.run_metrics import metric_names
from elman.tasks.evaluation.shown_tables import add_shown_table
from elman.tasks.learning.registry import TaskScores
from elman.tasks.runtime.orchestration import task
from elman.tasks.transcription.clips import LabelledClip, ScoredClip, read_clips
from elman.tasks.transcription.transcriber import Sound, Transcriber
from elman.tasks.transcription.worst_clips import WorstClips, write_worst_clips


def score_clips(transcriber: Transcriber, clips: Iterator[LabelledClip]) -> Iterator[ScoredClip]:
    """Transcribe clips."""
    waiting = list[LabelledClip]()

    def sounds() -> Iterator[Sound]:
        for clip in clips:
            waiting.append(clip)
            yield Sound(clip.blocks(), clip.rate, clip.seconds)

    for utterances in transcriber.transcribe(sounds(), with_symbols=True):
        yield ScoredClip(waiting.pop(0), utterances)


@dataclass(frozen=True, kw_only=True)
class SpeechScores(TaskScores):
    """Scores of a model on some clips.

    Attributes:
        confused_words, confused_characters: most frequent errors and how often they were made.
        worst: clips with most errors.
        subject: what was scored on what.
    """

    confused_words: Sequence[tuple[Edit, int]]
    confused_characters: Sequence[tuple[Edit, int]]
    worst: WorstClips
    subject: str

    @classmethod
    def of(cls, transcriber: Transcriber, scored: Iterable[ScoredClip], corpus: str = "") -> "SpeechScores":
        """Scores of clips of a corpus, which are taken one after another."""
        worst = WorstClips(transcriber.features)
        words, characters, speakers = ErrorCounts(), ErrorCounts(), dict[str, ErrorCounts]()
        wrong_words, wrong_characters = list[Edit](), list[Edit]()
        exact = clips = unknown = 0
        for one in scored:
            own, of_characters = one.edits, character_edits(one.clip.text, one.heard)
            counts, own_characters = ErrorCounts.of(own), ErrorCounts.of(of_characters)
            words += counts
            characters += own_characters
            worst.add(one, own, counts, own_characters)
            wrong_words += [edit for edit in own if edit[0] != edit[1]]
            wrong_characters += [edit for edit in of_characters if edit[0] != edit[1]]
            exact += one.clip.text == one.heard
            clips += 1
            unknown += bool(transcriber.alphabet.unknown(one.clip.text))
            if one.clip.speaker:
                speakers[one.clip.speaker] = speakers.get(one.clip.speaker, ErrorCounts()) + counts
        return cls(
            values={
                "word_error_rate": words.rate,
                "character_error_rate": characters.rate,
                "exact_share": exact / max(clips, 1),
                **{f"{_OF_SPEAKER}{name}": of.rate for name, of in sorted(speakers.items())},
            },
            counts={
                "clips": clips,
                "words": words.said,
                **({"unknown_clips": unknown} if unknown else {}),
            },
            confused_words=confusions(wrong_words),
            confused_characters=confusions(wrong_characters),
            worst=worst,
            subject=f"{transcriber.version} on {corpus}" if corpus else transcriber.version,
        )

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures by names that MLflow takes, whatever a speaker is called."""
        speakers = [name for name in self.values if name.startswith(_OF_SPEAKER)]
        names = metric_names([name.removeprefix(_OF_SPEAKER) for name in speakers])
        of_speakers = {
            f"{_OF_SPEAKER}{name}": self.values[of] for name, of in zip(names, speakers, strict=True)
        }
        return {name: rate for name, rate in self.values.items() if name not in speakers} | of_speakers

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        of_words, of_characters = (
            [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(confused)]
            for confused in (self.confused_words, self.confused_characters)
        )
        return {
            **super().to_json(),
            "confused_words": of_words,
            "confused_characters": of_characters,
        }

    def write_report(self, split: str, out: Path) -> None:
        """Write the tables confused_words.json and confused_characters.json and the page worst_clips.html."""
        folder = REPORT.format(split)
        for of, confused in (("words", self.confused_words), ("characters", self.confused_characters)):
            add_shown_table(out, f"{folder}/confused_{of}.json", _COLUMNS, _rows(confused))
        write_worst_clips(self.worst, f"{self.subject}, {split}", out / folder)


_OF_SPEAKER = "word_error_rate/"  # and the name of a speaker: a figure of the summary
_COLUMNS = ("error", "said", "heard", "count")


def _rows(confused: Sequence[tuple[Edit, int]]) -> list[tuple[str, str, str, int]]:
    """Errors by their kind; nothing said or heard is an empty text."""
    return [(kind_of(edit), edit[0] or "", edit[1] or "", count) for edit, count in confused]


@task(task_run_name="score {folder} on {split} of {corpus}", tags=("evaluation",))
def evaluate_transcriber(folder: str, corpus: str, split: str) -> SpeechScores:
    """Word and character error rate of a split of a corpus, both texts normalised as in training.

    Raises:
        BadInput: no clip with a text in the split.
    """
    transcriber = Transcriber.read(Path(folder))
    clips = read_clips(Dataset.open(Path(corpus)), split)
    return SpeechScores.of(transcriber, score_clips(transcriber, clips), Path(corpus).name)
