"""Clips of a corpus of speech, as training and scoring take them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.audio.clips import Samples, from_pcm, to_pcm
from elman.data.audio.pcm import pcm_blocks
from elman.data.audio.resampling import resample_blocks
from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import SPEECH
from elman.data.errors import BadInput
from elman.data.metrics.speech.errors import Edit, word_edits
from elman.data.store.dataset import Dataset
from elman.tasks.transcription.alphabet import SPACE, normalised
from elman.tasks.transcription.transcriber import Utterance


@dataclass(frozen=True)
class LabelledClip:
    """A clip whose text is known.

    Attributes:
        id: in the corpus.
        text: normalised.
        speaker: "" where it is not known.
        audio: of 16 bits a sample, see data/audio/clips.py.
        rate: samples a second.
    """

    id: str
    text: str
    speaker: str
    audio: bytes
    rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.audio) / 2 / self.rate

    @property
    def samples(self) -> Samples:
        """(N,) float32 in [-1, 1]."""
        return from_pcm(self.audio)

    def blocks(self) -> Iterator[Samples]:
        """The samples in order, in blocks."""
        return map(from_pcm, pcm_blocks(self.audio))

    def at_rate(self, rate: int) -> npt.NDArray[np.int16]:
        """Samples of 16 bits at another rate."""
        blocks = resample_blocks(self.blocks(), self.rate, rate)
        audio = self.audio if rate == self.rate else b"".join(map(to_pcm, blocks))
        return np.frombuffer(audio, "<i2")


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


def read_clips(dataset: Dataset, split: str) -> Iterator[LabelledClip]:
    """Read the clips of a split of a corpus, or of `all`, whose text is known, one shard in memory at a time.

    Raises:
        BadInput: the corpus is none of speech, or has no such clip.
    """
    check_kind(dataset, SPEECH, todo="Ingest clips with their transcripts.")
    found = False
    columns = ("clip", "text", "speaker", "audio", "sample_rate")
    for path in dataset.files("data"):
        data = pl.scan_parquet(path, glob=False).filter(pl.col("text").is_not_null())
        if split != "all":
            data = data.filter(pl.col("split") == split)
        for id, text, speaker, audio, rate in data.select(columns).collect().iter_rows():
            found = True
            yield LabelledClip(id, normalised(text), speaker or "", audio, rate)
    if not found:
        raise BadInput(
            f"clips with a text in the {split} split",
            got="none",
            todo="Give another split, or ingest more `--as` it.",
            source=dataset.folder,
        )
