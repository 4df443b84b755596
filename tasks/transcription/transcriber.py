"""Model of speech loaded from its folder: sounds to utterances with times and probabilities."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from elman.data.audio.clips import Samples
from elman.data.audio.features import FeatureSettings, log_mel_blocks
from elman.data.errors import IntegrityError
from elman.rnn.compute.arrays import Floats
from elman.rnn.compute.threads import single_threaded
from elman.rnn.inference import ctc_decoding
from elman.rnn.inference.acoustic import PreparedAcoustic
from elman.rnn.inference.ctc_decoding import Transcript
from elman.rnn.networks.acoustic import AcousticConfig, stacked
from elman.rnn.networks.weights import from_bytes
from elman.tasks.models import model_folder
from elman.tasks.models.passport import TranscriberPassport
from elman.tasks.transcription.alphabet import SPACE, Alphabet
from elman.tasks.transcription.segments import Cutter, Window, windows

BATCH_FRAMES = 1 << 13  # of the windows that are computed side by side


@dataclass(frozen=True)
class Sound:
    """A sound to transcribe.

    Attributes:
        blocks: samples in order, cut anywhere, (n,) float32 in [-1, 1].
        rate: samples a second.
        seconds: its duration.
    """

    blocks: Iterable[Samples]
    rate: int
    seconds: float


@dataclass(frozen=True)
class Word:
    """A word with its times in seconds, and the product of the probabilities of its letters."""

    start_s: float
    end_s: float
    text: str
    probability: float


class Symbol(NamedTuple):
    """A symbol with its times in seconds and its mean probability between them."""

    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True)
class Utterance:
    """Text between two pauses.

    Attributes:
        start_s, end_s: from its first word to its last, in seconds.
        text: of it.
        probability: of the whole text.
        words: of it.
        symbols: of it, where they were asked for.
    """

    start_s: float
    end_s: float
    text: str
    probability: float
    words: tuple[Word, ...]
    symbols: tuple[Symbol, ...] = ()


@dataclass
class _Heard:
    """A sound while it is transcribed."""

    seconds: float
    cutter: Cutter
    with_symbols: bool = False
    open_windows: int = 0
    complete: bool = False
    utterances: list[Utterance] = field(default_factory=list)
    silence: float = 0.0  # log probability of what has no words


class Transcriber:
    """A model of speech.

    Args:
        version: of the model.
        passport: of it.
        prepared: its network.
        alphabet: of its texts.
    """

    def __init__(
        self, version: str, passport: TranscriberPassport, prepared: PreparedAcoustic, alphabet: Alphabet
    ) -> None:
        self.version, self.passport, self.network, self.alphabet = version, passport, prepared, alphabet
        self.features = FeatureSettings.from_json(passport.features)

    @classmethod
    def read(cls, folder: Path) -> "Transcriber":
        """Read a model folder.

        Raises:
            BadInput: a model of another kind.
            IntegrityError: its files do not belong together.
        """
        loaded = model_folder.read(folder)
        passport = loaded.of_speech
        try:
            params, config, _ = from_bytes(loaded.files[model_folder.WEIGHTS])
            alphabet = Alphabet.from_bytes(bytes(loaded.files[model_folder.VOCABULARY]))
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"{loaded.folder}: {error}") from None
        fits = isinstance(config, AcousticConfig) and config.to_dict() == dict(passport.network)
        if not fits or alphabet.sha256 != passport.alphabet:
            raise IntegrityError(
                f"{loaded.folder}: expected the alphabet and network of its passport. Got others."
            )
        return cls(loaded.version, passport, PreparedAcoustic(config, params), alphabet)

    def transcribe(
        self, sounds: Iterable[Sound], width: int = ctc_decoding.WIDTH, *, with_symbols: bool = False
    ) -> Iterator[tuple[Utterance, ...]]:
        """Utterances of each sound, in order; of one without words, a single one without text.

        Windows of several sounds are computed side by side; no bit depends on which.

        Args:
            sounds: to transcribe, taken as they are needed.
            width: prefixes kept by the beam search; 1 for greedy decoding.
            with_symbols: give the symbols of utterances, too.
        """
        waiting, pending, size = list[_Heard](), list[tuple[_Heard, Window]](), 0
        for sound in sounds:
            heard = _Heard(sound.seconds, Cutter(self.alphabet.space), with_symbols)
            waiting.append(heard)
            for window in windows(self._frames(sound)):
                pending.append((heard, window))
                heard.open_windows += 1
                size += len(window.frames)
                if size >= BATCH_FRAMES:
                    self._compute(pending, width)
                    pending, size = [], 0
            heard.complete = True
            while waiting and waiting[0].complete and not waiting[0].open_windows:
                yield self._finished(waiting.pop(0), width)
        self._compute(pending, width)
        for heard in waiting:
            yield self._finished(heard, width)

    def _frames(self, sound: Sound) -> Iterator[Floats]:
        """Frames of a sound with silence before and after it, in blocks."""
        stack, silence = (
            self.network.config.stack,
            np.zeros(round(self.passport.pad_s * sound.rate), np.float32),
        )

        def samples() -> Iterator[Samples]:
            yield silence
            yield from sound.blocks
            yield silence

        held: Floats | None = None
        for rows in log_mel_blocks(samples(), sound.rate, self.features):
            held = rows if held is None else np.concatenate([held, rows])
            whole = len(held) // stack * stack
            if whole:
                yield stacked(held[:whole], stack)
                held = held[whole:]
        if held is not None and len(held):
            yield stacked(held, stack)

    def _compute(self, pending: list[tuple[_Heard, Window]], width: int) -> None:
        """Logits of windows, and the utterances that end in them."""
        if not pending:
            return
        with single_threaded():
            logits = self.network.logits([window.frames for _, window in pending])
        for (heard, window), own in zip(pending, logits, strict=True):
            for first, part in heard.cutter.push(own[window.keep]):
                self._add(heard, first, part, width)
            heard.open_windows -= 1

    def _finished(self, heard: _Heard, width: int) -> tuple[Utterance, ...]:
        for first, part in heard.cutter.finish():
            self._add(heard, first, part, width)
        if not heard.utterances:
            return (Utterance(0.0, heard.seconds, "", math.exp(heard.silence), ()),)
        return tuple(heard.utterances)

    def _add(self, heard: _Heard, first: int, logits: Floats, width: int) -> None:
        """Decode the utterance whose logits begin at a frame."""
        found = ctc_decoding.transcript(logits, width)
        words = tuple(self._words(found, first, heard.seconds))
        if words:
            text = SPACE.join(word.text for word in words)
            probability = math.exp(found.log_probability)
            symbols = tuple(self._symbols(found, first, heard.seconds)) if heard.with_symbols else ()
            start, end = words[0].start_s, words[-1].end_s
            heard.utterances.append(Utterance(start, end, text, probability, words, symbols))
        else:
            heard.silence += found.log_probability

    def _words(self, found: Transcript, first: int, seconds: float) -> Iterator[Word]:
        """Words of a transcript whose frame 0 is frame `first` of the sound."""
        letters = self.alphabet.decode(found.labels)
        begin = 0
        for end in [*(at for at, letter in enumerate(letters) if letter == SPACE), len(letters)]:
            if end > begin:
                start = self._time(first + int(found.begin[begin]), seconds)
                stop = self._time(first + int(found.end[end - 1]), seconds)
                probability = float(np.prod(found.probability[begin:end]))
                yield Word(start, stop, letters[begin:end], min(probability, 1.0))
            begin = end + 1

    def _symbols(self, found: Transcript, first: int, seconds: float) -> Iterator[Symbol]:
        """Symbols of a transcript whose frame 0 is frame `first` of the sound."""
        letters = self.alphabet.decode(found.labels)
        for letter, begin, end, probability in zip(
            letters, found.begin, found.end, found.probability, strict=True
        ):
            start, stop = (self._time(first + int(frame), seconds) for frame in (begin, end))
            yield Symbol(start, stop, letter, min(float(probability), 1.0))

    def _time(self, frame: int, seconds: float) -> float:
        """Time at which a frame begins, in the sound without the silence put before it."""
        at = self.features.begin_s(frame * self.network.config.stack) - self.passport.pad_s
        return round(min(max(at, 0.0), seconds), 6)
