"""Training sounds: clips joined, at other speeds and levels, with noise and with parts masked.

Clips of one speaker are joined with pauses, so that a model of short clips hears several words in a row.
Everything is drawn anew in each epoch, from generators seeded by (seed, epoch, number of the example).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from elman.data.audio.features import Features, FeatureSettings, log_mel
from elman.rnn.compute.arrays import Int32, Int64
from elman.rnn.networks.acoustic import stacked
from elman.rnn.training.acoustic import Utterances

Sound = npt.NDArray[np.float32]  # samples in [-1, 1]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Settings of the changes of training sounds.

    Attributes:
        join: clips in an example at most; 1 joins none.
        longest_s: seconds of an example to which no further clip is added.
        alone: share of the examples that are one clip.
        pause_s: longest pause between joined clips, in seconds.
        speed: a clip is played faster or slower by up to this share, pitch and all.
        gain_db: level, up or down by up to so many decibels.
        noise: share of the examples with noise, white or with less of the high frequencies.
        snr_db: least and most of the level of the sound over that of the noise.
        band_masks, band_width: bands of features set to their mean, how often and how wide at most.
        time_masks_per_s, time_width: the same of rows, on average a second: Park et al. (2019), SpecAugment.
    """

    join: int = 7
    longest_s: float = 6.0
    alone: float = 0.3
    pause_s: float = 0.4
    speed: float = 0.12
    gain_db: float = 10.0
    noise: float = 0.3
    snr_db: tuple[float, float] = (8.0, 40.0)
    band_masks: int = 1
    band_width: int = 4
    time_masks_per_s: float = 0.4
    time_width: int = 4


@dataclass(frozen=True)
class LabelledClips:
    """Clips to train on, in memory.

    Attributes:
        samples: of each, int16 at the rate of the features.
        texts: labels of each.
        speakers: number of the speaker of each.
    """

    samples: list[npt.NDArray[np.int16]]
    texts: list[Int32]
    speakers: Int64

    def __len__(self) -> int:
        return len(self.samples)


class JoinedClips:
    """Examples of training, see `rnn.training.acoustic.Examples`.

    Args:
        clips: to make them of.
        features: settings.
        how: they are changed.
        stack: feature rows of a frame.
        pad_s: silence put before and after a sound, in seconds.
        space: label between the texts of joined clips.
        mean: of each feature, which masks are filled with.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        clips: LabelledClips,
        features: FeatureSettings,
        how: Augmentation,
        *,
        stack: int,
        pad_s: float,
        space: int,
        mean: Features,
        seed: int,
    ) -> None:
        self.clips, self.features, self.how, self.stack, self.seed = clips, features, how, stack, seed
        self.pad, self.space, self.mean = round(pad_s * features.rate), space, mean
        self._plan = lru_cache(2)(self._planned)

    def lengths(self, epoch: int) -> Int64:
        """Samples of each example of an epoch, about."""
        sizes = [len(clip) for clip in self.clips.samples]
        return np.array([sum(sizes[number] for number in group) for group in self._plan(epoch)], np.int64)

    def draw(self, epoch: int, numbers: Int64) -> Utterances:
        """Some examples of an epoch."""
        sounds, texts = list[Features](), list[Int32]()
        for number in numbers:
            rng = np.random.default_rng([self.seed, 4, epoch, int(number)])
            group = self._plan(epoch)[number]
            rows = log_mel(self._sound(group, rng), self.features.rate, self.features)
            sounds.append(stacked(self._masked(rows, rng), self.stack))
            texts.append(self._text(group))
        return Utterances.of(sounds, texts)

    def _planned(self, epoch: int) -> list[list[int]]:
        """Groups of clips that are joined in an epoch; each clip is in one."""
        how, rng = self.how, np.random.default_rng([self.seed, 3, epoch])
        groups, most = list[list[int]](), how.longest_s * self.features.rate
        for speaker in np.unique(self.clips.speakers):
            group, wanted, length = list[int](), 0, 0
            for number in rng.permutation(np.flatnonzero(self.clips.speakers == speaker)):
                if len(group) == wanted or length > most:
                    group, length = [], 0
                    groups.append(group)
                    wanted = 1 if rng.random() < how.alone else int(rng.integers(1, how.join + 1))
                group.append(int(number))
                length += len(self.clips.samples[number])
        return groups

    def _text(self, group: list[int]) -> Int32:
        """The texts of a group with spaces between them."""
        space = np.array([self.space], np.int32)
        parts = [part for number in group for part in (space, self.clips.texts[number])]
        return np.concatenate(parts[1:])

    def _sound(self, group: list[int], rng: np.random.Generator) -> Sound:
        """The sound of a group, changed."""
        how, rate = self.how, self.features.rate
        parts = [np.zeros(self.pad, np.float32)]
        for place, number in enumerate(group):
            if place:
                parts.append(np.zeros(round(rng.random() * how.pause_s * rate), np.float32))
            parts.append(_at_speed(self.clips.samples[number], 1 + how.speed * rng.uniform(-1, 1)))
        sound = np.concatenate([*parts, np.zeros(self.pad, np.float32)])
        sound *= np.float32(10 ** (how.gain_db * rng.uniform(-1, 1) / 20))
        if rng.random() < how.noise:
            sound += _noise(sound, rng.uniform(*how.snr_db), rng)
        limited: Sound = np.clip(sound, -1, 1)
        return limited

    def _masked(self, rows: Features, rng: np.random.Generator) -> Features:
        """Feature rows (T, M), some bands and some rows set to the mean."""
        how, (T, M) = self.how, rows.shape
        for _ in range(how.band_masks):
            width = int(rng.integers(0, min(how.band_width, M) + 1))
            first = int(rng.integers(0, M - width + 1))
            rows[:, first : first + width] = self.mean[first : first + width]
        for _ in range(rng.poisson(how.time_masks_per_s * T * self.features.step_ms / 1000)):
            width = int(rng.integers(0, min(how.time_width, T) + 1))
            first = int(rng.integers(0, T - width + 1))
            rows[first : first + width] = self.mean
        return rows


def _at_speed(samples: npt.NDArray[np.int16], speed: float) -> Sound:
    """Samples played `speed` times as fast, by linear interpolation, as float32."""
    places = np.arange(0, len(samples), speed)
    sound: Sound = np.interp(places, np.arange(len(samples)), samples).astype(np.float32) / np.float32(
        1 << 15
    )
    return sound


def _noise(sound: Sound, snr_db: float, rng: np.random.Generator) -> Sound:
    """Noise so many decibels below a sound: white, or falling by 6 dB an octave above a tenth of the rate."""
    noise = rng.standard_normal(len(sound), np.float32)
    if rng.random() < 0.5:
        noise[1:] += noise[:-1]
    level = np.sqrt(np.mean(sound**2) + 1e-12) * 10 ** (-snr_db / 20)
    scaled: Sound = noise * np.float32(level / max(float(np.sqrt(np.mean(noise**2))), 1e-6))
    return scaled
