"""Entity spans in tag sequences, and their F1."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Bools, Floats, Int32, Int64
from elman.rnn.compute.ragged import take


class TagScheme(NamedTuple):
    """A tag set of G tags as arrays: which tags make entities, and which sequences are legal.

    Attributes:
        begin: (G,) true if the tag begins an entity even right after one of its type.
        kind: (G,) number of the type, -1 for O.
        start: (G,) true if a sequence may begin with the tag; None allows every tag.
        transition: (G, G) true if tag j may follow tag i; None allows every transition.
        loose: True if the probability of an entity counts sequences in which it begins earlier, too, where
            its first tag may continue one, as yes and no of version 0.1 did.
    """

    begin: Bools
    kind: Int32
    start: Bools | None = None
    transition: Bools | None = None
    loose: bool = False

    @property
    def continues(self) -> Bools:
        """(G, G) true if tag j after tag i continues an entity."""
        same: Bools = (self.kind[None, :] == self.kind[:, None]) & ~self.begin[None, :]
        return same


class Spans(NamedTuple):
    """Entities, one row each, in order of sequence and start.

    Attributes:
        sequence: number of the sequence.
        start: first symbol, counted from the start of the sequence.
        end: symbol after the last.
        kind: number of the type.
        probability: exact, that just this span with this type is an entity; or None.
    """

    sequence: Int64
    start: Int64
    end: Int64
    kind: Int32
    probability: Floats | None = None

    def take(self, sequences: Int64, count: int) -> "Spans":
        """The spans of some of `count` sequences, in this order, perhaps several times; renumbered from 0."""
        offsets, rows = take(np.searchsorted(self.sequence, np.arange(count + 1)), sequences)
        probability = None if self.probability is None else self.probability[rows]
        number = np.repeat(np.arange(len(sequences)), np.diff(offsets))
        return Spans(number, self.start[rows], self.end[rows], self.kind[rows], probability)


def join(parts: list[Spans]) -> Spans:
    """The spans of several batches, with probabilities, in order of sequence and start."""
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return Spans(*(column[order] for column in columns))


def spans_of(tags: Int32, offsets: Int64, scheme: TagScheme) -> Spans:
    """Entities in tag sequences, by the rule of conlleval.

    One begins at B-X, or at I-X after O, another type or the start of the sequence; it ends before what is no
    I-X of its type. Without any `begin` tag, entities are the runs of one kind.

    Args:
        tags: (N,)
        offsets: (n + 1,)
        scheme: of the tags.

    Returns:
        the spans, without probabilities.
    """
    begins, ends = span_bounds(tags, offsets, scheme)
    sequence = np.searchsorted(offsets, begins, side="right") - 1
    return Spans(sequence, begins - offsets[sequence], ends - offsets[sequence], scheme.kind[tags[begins]])


def span_bounds(tags: Int32, offsets: Int64, scheme: TagScheme) -> tuple[Int64, Int64]:
    """First symbol of each entity and the symbol after its last, counted over all sequences."""
    kind = scheme.kind[tags]
    boundary = np.zeros(len(tags) + 1, bool)
    boundary[offsets] = True
    boundary[1:-1] |= scheme.begin[tags[1:]] | (kind[1:] != kind[:-1])
    edges = np.flatnonzero(boundary)
    inside = kind[edges[:-1]] >= 0
    return edges[:-1][inside], edges[1:][inside]


def span_f1(gold: Int32, offsets: Int64, scheme: TagScheme) -> Callable[[Int32], float]:
    """F1 of exact spans with type, over all sequences.

    Args:
        gold: (N,) right tags.
        offsets: (n + 1,)
        scheme: of the tags.

    Returns:
        a function of predicted tags (N,); 1 when neither has an entity.
    """
    right = _keys(gold, offsets, scheme)

    def score(tags: Int32) -> float:
        predicted = _keys(tags, offsets, scheme)
        if not len(right) and not len(predicted):
            return 1.0
        both = len(np.intersect1d(right, predicted, assume_unique=True))
        return 2 * both / (len(right) + len(predicted))

    return score


def _keys(tags: Int32, offsets: Int64, scheme: TagScheme) -> Int64:
    """A number for each entity, equal only for equal spans of equal type."""
    begins, ends = span_bounds(tags, offsets, scheme)
    kinds = int(scheme.kind.max()) + 1
    return (begins * (len(tags) + 1) + ends) * kinds + scheme.kind[tags[begins]]
