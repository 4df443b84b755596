"""Texts from the logits of connectionist temporal classification, with times and probabilities.

T frames, V classes, of which 0 is the blank; see rnn/layers/ctc.py.
"""

import math
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Int32, use_kernels
from elman.rnn.layers import ctc

WIDTH = 8  # prefixes kept by default
RARE = math.log(1e-6)  # a prefix is not continued by a label less likely than this at a frame


class Transcript(NamedTuple):
    """Text of a sequence: L labels with their times and probabilities.

    Attributes:
        labels: (L,)
        begin: (L,) first frame of each label on the likeliest path of the text, from 0.
        end: (L,) frame after its last.
        probability: (L,) mean softmax probability of the label over these frames.
        log_probability: of the whole text, over all its paths.
    """

    labels: Int32
    begin: Int32
    end: Int32
    probability: Floats
    log_probability: float


def transcript(logits: Floats, width: int = WIDTH) -> Transcript:
    """Decode one sequence.

    Args:
        logits: (T, V)
        width: prefixes kept by the beam search; 1 for the labels of the likeliest path (greedy decoding).
    """
    labels = greedy(logits) if width == 1 else prefix_beam(logits, width)
    return transcript_of(logits, labels)


def transcript_of(logits: Floats, labels: Int32) -> Transcript:
    """The times and probabilities of a text that is known.

    Raises:
        ValueError: the frames do not allow it.
    """
    path = ctc.align(logits, labels)
    inside = np.flatnonzero(path % 2)
    which = path[inside] // 2
    begins = np.searchsorted(which, np.arange(len(labels)))
    ends = np.searchsorted(which, np.arange(len(labels)), side="right")
    own = np.exp(ctc.log_softmax(logits)[inside, labels[which]])
    counts = ends - begins
    mean = np.bincount(which, own, minlength=len(labels)) / np.maximum(counts, 1)
    begin = inside[begins] if len(labels) else inside[:0]
    return Transcript(
        labels,
        begin.astype(np.int32),
        (begin + counts).astype(np.int32),
        mean,
        ctc.log_likelihood(logits, labels),
    )


def greedy(logits: Floats) -> Int32:
    """The text of the likeliest path: the best class of each frame, runs merged, blanks taken out."""
    best = logits.argmax(axis=1)
    first = np.append(True, best[1:] != best[:-1])[: len(best)]
    labels: Int32 = best[first & (best != ctc.BLANK)].astype(np.int32)
    return labels


def prefix_beam(logits: Floats, width: int = WIDTH) -> Int32:
    """The text found by prefix beam search: Hannun et al. (2014), algorithm 1, no language model.

    The paths of a prefix are summed: those that end in a blank and those that end in its last label. It is
    the likeliest text of all if no prefix of it ever falls out of the beam.

    Args:
        logits: (T, V)
        width: prefixes kept at each frame.

    Returns:
        labels of the likeliest prefix at the end; of equal ones the one found first.
    """
    if use_kernels(logits.dtype):
        from elman.rnn.inference import ctc_decoding_kernels

        return ctc_decoding_kernels.prefix_beam(logits, width, RARE)
    # prefix -> log probability of its paths that end in a blank, and of those that end in its last label
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for frame in ctc.log_softmax(logits):
        grown = dict[tuple[int, ...], tuple[float, float]]()

        def add(prefix: tuple[int, ...], blank: float, label: float, grown: dict = grown) -> None:  # type: ignore[type-arg]  # as above
            old = grown.get(prefix, (-np.inf, -np.inf))
            grown[prefix] = (float(np.logaddexp(old[0], blank)), float(np.logaddexp(old[1], label)))

        for prefix, (blank, label) in beam.items():
            again = label + frame[prefix[-1]] if prefix else -np.inf
            add(prefix, np.logaddexp(blank, label) + frame[ctc.BLANK], again)
        for prefix, (blank, label) in beam.items():
            for c in np.flatnonzero(frame >= RARE):
                if c != ctc.BLANK:
                    before = blank if prefix and c == prefix[-1] else np.logaddexp(blank, label)
                    add((*prefix, int(c)), -np.inf, before + frame[c])
        ranked = sorted(grown.items(), key=lambda entry: -np.logaddexp(*entry[1]))
        beam = dict(ranked[:width])
    return np.array(next(iter(beam)), np.int32)
