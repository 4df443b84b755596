"""Page of the clips with most errors: both texts, the sound, its spectrogram with the times of symbols."""

import base64
import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.audio.features import FeatureSettings, log_mel
from elman.data.audio.wav import to_wav
from elman.data.metrics.speech.errors import Edit, ErrorCounts
from elman.data.store.disk import atomic_write
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.reports import LEARNING_CURVE
from elman.tasks.runtime.html_page import html_table, page, picture, text
from elman.tasks.transcription.alphabet import SPACE
from elman.tasks.transcription.clips import ScoredClip
from elman.tasks.transcription.transcriber import Symbol

PAGE = "worst_clips.html"
MOST_CLIPS, MOST_S = 20, 30.0  # on a page; of the sound of a clip
MOST_BYTES = 4 << 20  # of sound on a page, before it is written as text
BEFORE_S = 1.0  # of sound shown before the first error of a longer clip
_PIXELS = 640  # width of a short clip
_PER_S, _PER_S_SHORT = 160.0, 800.0  # pixels a second at least and at most
_HEIGHT, _ROW = 140, 15  # of the spectrogram, and of a row of text below it


@dataclass(frozen=True, order=True)
class WorstClip:
    """A clip with errors, ordered by them, the most first.

    Attributes:
        order: negative errors of words and of characters.
        id: of the clip.
        speaker: "" where it is not known.
        edits: of its words.
        words, characters: counts of edits.
        seconds: of the whole clip.
        begin_s: where the part of at most MOST_S begins that can be heard.
        samples: of this part, at the rate of the model's features.
        symbols: heard in it, times from the beginning of the clip.
    """

    order: tuple[int, int]
    id: str
    speaker: str = field(compare=False)
    edits: Sequence[Edit] = field(compare=False)
    words: ErrorCounts = field(compare=False)
    characters: ErrorCounts = field(compare=False)
    seconds: float = field(compare=False)
    begin_s: float = field(compare=False)
    samples: npt.NDArray[np.int16] = field(compare=False)
    symbols: Sequence[Symbol] = field(compare=False)


class WorstClips:
    """The clips with most errors of those that are added, whatever their order.

    Args:
        features: of the model.
    """

    def __init__(self, features: FeatureSettings) -> None:
        self.features, self.clips = features, list[WorstClip]()

    def add(
        self, one: ScoredClip, edits: Sequence[Edit], words: ErrorCounts, characters: ErrorCounts
    ) -> None:
        """Keep a clip if it is among the worst.

        Args:
            one: the clip.
            edits: of its words.
            words, characters: counts of edits.
        """
        order = -words.errors, -characters.errors
        full = len(self.clips) == MOST_CLIPS
        if not characters.errors or (
            full and (order, one.clip.id) > (self.clips[-1].order, self.clips[-1].id)
        ):
            return
        clip = one.clip
        begin = _begin_s(one, edits) if clip.seconds > MOST_S else 0.0
        first, end = (2 * round(at * clip.rate) for at in (begin, begin + MOST_S))
        part = replace(clip, audio=clip.audio[first:end])
        symbols = [symbol for utterance in one.utterances for symbol in utterance.symbols]
        kept = WorstClip(
            order,
            clip.id,
            clip.speaker,
            edits,
            words,
            characters,
            clip.seconds,
            begin,
            part.at_rate(self.features.rate),
            [symbol for symbol in symbols if begin <= symbol.start_s and symbol.end_s <= begin + MOST_S],
        )
        insort(self.clips, kept)
        del self.clips[MOST_CLIPS:]


def _begin_s(one: ScoredClip, edits: Sequence[Edit]) -> float:
    """Second of a long clip to begin at so that its first error is heard."""
    hits = next((place for place, (said, heard) in enumerate(edits) if said != heard), 0)
    right = [word for utterance in one.utterances for word in utterance.words][:hits]
    at = right[-1].end_s if right else 0.0
    return max(0.0, min(at - BEFORE_S, one.clip.seconds - MOST_S))


def write_worst_clips(worst: WorstClips, subject: str, out: Path) -> None:
    """Write the page, one file that needs nothing else.

    Args:
        worst: the clips.
        subject: model, corpus and split, for the title.
        out: folder of the page, in that of a run's files, whose learning curve is shown if it is there.
    """
    parts = [f"<h1>{text(f'Clips with most errors: {subject}')}</h1>"]
    if worst.clips:
        parts.append(
            f"<p>At most {MOST_CLIPS} clips, those with most wrong words first, then those with most wrong "
            "characters. Texts are normalised as in training. Marked words are wrong, a marked gap stands "
            "for a word that only the other side has. Below the spectrogram (log-mel energies, low tones at "
            "the bottom) stand the symbols where the model heard them.</p>"
        )
    else:
        parts.append("<p>No clip has an error.</p>")
    left = MOST_BYTES
    for rank, clip in enumerate(worst.clips, 1):
        heard = clip.samples.nbytes <= left
        left -= clip.samples.nbytes if heard else 0
        parts += _parts(clip, rank, worst.features, heard)
    curve = out.parent / LEARNING_CURVE
    if curve.is_file():
        parts += ["<h2>Training</h2>", picture(curve.read_bytes(), "Loss in training and on dev by epoch")]
    out.mkdir(parents=True, exist_ok=True)
    html = page(f"Clips with most errors: {subject}", parts)
    atomic_write(out / PAGE, html.encode("utf-8", "backslashreplace"))


def _parts(clip: WorstClip, rank: int, features: FeatureSettings, heard: bool) -> Iterator[str]:
    yield f"<h2>{rank}. {text(clip.id)}</h2>"
    speaker = f"speaker {text(clip.speaker)}, " if clip.speaker else ""
    yield (
        f'<p class="place">{speaker}{clip.seconds:.2f} s; word error rate {100 * clip.words.rate:.1f} % '
        f"({clip.words.errors:,} of {clip.words.said:,}), character error rate "
        f"{100 * clip.characters.rate:.1f} % ({clip.characters.errors:,} of {clip.characters.said:,})</p>"
    )
    yield html_table(("Said", "Heard"), [[_marked(clip.edits, side) for side in (0, 1)]], "words")
    end = clip.begin_s + len(clip.samples) / features.rate
    if end - clip.begin_s < clip.seconds - 0.01:
        part = f"{clip.begin_s:.1f} to {end:.1f} s"
        yield f'<p class="place">Sound and symbols are those of {part}, where the first error is.</p>'
    if not heard:
        yield '<p class="note">The sound is left out, as this page has its share of sound already.</p>'
    elif len(clip.samples):
        sound = base64.b64encode(to_wav(clip.samples, features.rate)).decode("ascii")
        yield f'<p><audio controls preload="metadata" src="data:audio/wav;base64,{sound}"></audio></p>'
        yield _spectrogram(clip, features)


def _marked(edits: Sequence[Edit], side: int) -> str:
    """One side of an alignment as HTML, errors marked."""
    words = []
    for edit in edits:
        own = edit[side]
        shown = "&nbsp;&nbsp;" if own is None else text(own)
        words.append(shown if edit[0] == edit[1] else f"<mark>{shown}</mark>")
    return " ".join(words)


def _spectrogram(clip: WorstClip, features: FeatureSettings) -> str:
    """The spectrogram as SVG, with symbols below it and a scale of seconds."""
    seconds = len(clip.samples) / features.rate
    sound = clip.samples.astype(np.float32) / np.float32(1 << 15)
    energies = log_mel(sound, features.rate, features)[:, : features.bands]
    image = base64.b64encode(plots.spectrogram(energies)).decode("ascii")
    scale = min(max(_PIXELS / seconds, _PER_S), _PER_S_SHORT)
    width, height = math.ceil(seconds * scale), _HEIGHT + 3 * _ROW + 5
    # a row begins at its window's beginning, so the picture of all rows is as long as their steps
    drawn = len(energies) * features.step / features.rate * scale
    lines = [
        f'<image href="data:image/png;base64,{image}" width="{drawn:.1f}" height="{_HEIGHT}" '
        'preserveAspectRatio="none"/>'
    ]
    for number, symbol in enumerate(clip.symbols):
        first, last = ((at - clip.begin_s) * scale for at in (symbol.start_s, symbol.end_s))
        shown = "\u2423" if symbol.text == SPACE else text(symbol.text)
        told = f"{shown}, {symbol.start_s:.2f} to {symbol.end_s:.2f} s, probability {symbol.probability:.2f}"
        lines.append(
            f"<g><title>{told}</title>"
            f'<rect x="{first:.1f}" width="{last - first:.1f}" height="{_HEIGHT}" fill="#fff" '
            'fill-opacity=".2" stroke="#fff" stroke-opacity=".6" stroke-width=".5"/>'
            f'<text x="{(first + last) / 2:.1f}" y="{_HEIGHT + (1 + number % 2) * _ROW - 2}" '
            f'text-anchor="middle" font-size="13">{shown}</text></g>'
        )
    every = 0.1 if seconds <= 1 else 0.5
    for tick in range(math.ceil(seconds / every)):
        at = f"{clip.begin_s + tick * every:.1f}"
        lines.append(
            f'<text x="{tick * every * scale:.1f}" y="{height - 4}" font-size="10" opacity=".7">{at}</text>'
        )
    return (
        f'<div style="overflow-x: auto"><svg role="img" aria-label="Spectrogram with symbol times" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" fill="currentColor">'
        f"{''.join(lines)}</svg></div>"
    )
