"""Tag schemes: detect the scheme of a file, convert tags to IOB2, convert between tags and entity spans.

Spans follow conlleval's rule (Tjong Kim Sang, CoNLL-2000): an I- after O or after another type opens one.
"""

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

Scheme = Literal["IOB1", "IOB2", "IOBES", "BILOU"]
Span = tuple[int, int, str]  # first token, one past the last, type

OUTSIDE = "O"
_PREFIXES: dict[str, str] = {"B": "B", "I": "I", "E": "I", "S": "B", "L": "I", "U": "B", "M": "I"}


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into prefix and type; ("O", "") for O.

    Raises:
        ValueError: the prefix is none of B I E S L U M, or there is no type.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, kind = tag.partition("-")
    if prefix not in _PREFIXES or not dash or not kind:
        raise ValueError(f"expected O or one of B- I- E- S- L- U- M- and a type. Got {tag!r}")
    return prefix, kind


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme:
    """Detect the scheme of tags: L or U mean BILOU, E or S mean IOBES; B before every entity means IOB2.

    IOB1 writes B- only where an entity follows another of its type. Stray I- in IOB2 are fewer than its B-.
    """
    return scheme_of_pairs(pair for sequence in sequences for pair in pairwise([OUTSIDE, *sequence]))


def scheme_of_pairs(pairs: Iterable[tuple[str, str]]) -> Scheme:
    """Detect the scheme from distinct pairs of neighbouring tags; O stands before the first tag."""
    opened_b = opened_i = False
    for before, tag in pairs:
        prefix, kind = split_tag(tag)
        if prefix in "LU":
            return "BILOU"
        if prefix in "ESM":
            return "IOBES"
        opens = before == OUTSIDE or split_tag(before)[1] != kind
        opened_b = opened_b or (prefix == "B" and opens)
        opened_i = opened_i or (prefix == "I" and opens)
    return "IOB1" if opened_i and not opened_b else "IOB2"


def to_iob2(tags: Sequence[str], scheme: Scheme = "IOB2") -> list[str]:
    """Convert a tag sequence to IOB2; an I- (M-, E-, L-) that continues no entity becomes B-.

    Raises:
        ValueError: an unknown prefix.
    """
    out = []
    before = ""  # type of the entity still open
    for tag in tags:
        prefix, kind = split_tag(tag)
        if prefix == OUTSIDE:
            out.append(OUTSIDE)
            before = ""
            continue
        begins = _PREFIXES[prefix] == "B" or kind != before
        out.append(sys.intern(f"{'B' if begins else 'I'}-{kind}"))  # one object for many tokens
        closes = scheme in ("IOBES", "BILOU") and prefix in "ESLU"
        before = "" if closes else kind
    return out


def illegal_places(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Positions of tags that may not follow the tag before them in their scheme, ascending.

    In IOB2, IOBES and BILOU an I-, M-, E- or L- continues an entity of its type; in IOBES and BILOU an entity
    of several tokens is closed by E- or L-: one left open by the last tag is reported at the length. IOB1 has
    no illegal sequence.

    Raises:
        ValueError: an unknown prefix.
    """
    if scheme == "IOB1":
        return []
    places, closed = [], scheme in ("IOBES", "BILOU")
    open_kind = ""  # type of the entity that may go on; with `closed`, of one that must
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, kind = split_tag(tag)
        continues = prefix in "IMEL"
        if (continues and kind != open_kind) or (closed and open_kind and not continues):
            places.append(place)
        open_kind = "" if prefix in "OESLU" else kind
    return places


def spans(tags: Sequence[str]) -> list[Span]:
    """Entity spans of a sequence of IOB2 tags, in order."""
    entities: list[Span] = []
    start, open_kind = 0, ""
    for position, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, kind = tag.partition("-")
        if open_kind and (prefix != "I" or kind != open_kind):
            entities.append((start, position, open_kind))
            open_kind = ""
        if not open_kind and kind:
            start, open_kind = position, kind
    return entities


def from_spans(length: int, entities: Iterable[Span]) -> list[str]:
    """IOB2 tags of a sequence of `length` tokens from its entities.

    Raises:
        ValueError: entities overlap or reach beyond the sequence.
    """
    tags = [OUTSIDE] * length
    for start, end, kind in entities:
        if not 0 <= start < end <= length or any(tag != OUTSIDE for tag in tags[start:end]):
            raise ValueError(
                f"expected entities inside {length} tokens that do not overlap. Got {(start, end, kind)}"
            )
        tags[start:end] = [f"B-{kind}"] + [f"I-{kind}"] * (end - start - 1)
    return tags


def tag_set(types: Iterable[str]) -> list[str]:
    """All IOB2 tags of the given types: O first, then B- and I- of each type by code point."""
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in "BI")]


def legal_transitions(tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the legal IOB2 sequences; I-X may follow only B-X and I-X.

    Returns:
        start (G,) bool: True if a sequence may begin with the tag; transition (G, G) bool: True if tag j may
        follow tag i.
    """
    inside = [tag[2:] if tag.startswith("I-") else None for tag in tags]
    kinds = [tag[2:] if tag != OUTSIDE else None for tag in tags]
    start = np.array([kind is None for kind in inside])
    transition = np.array([[kind is None or kind == before for kind in inside] for before in kinds])
    return start, transition
