"""Documents with odd texts, names and spans, divided over shards, for round trips of formats."""

import polars as pl
from hypothesis import strategies as st

from elman.data.store import schema
from elman.data.text.tags import from_spans
from elman.data.text.tokenizer import Tokenizer

NOTABLE = [
    *("\U0001f600", "\U00020000", "\U0001d49c", "e\u0301", "\u0915\u093f"),  # astral, combining
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"),  # invisible
    *("\r\n", "\r", "\n", "\t", "\u2028", "\x85", "\x1f", "\u00a0", " "),
    *"\\\"'=%,;:|#abZ7.-",
    *("Anna", "Oslo"),
]
ANY = st.characters(exclude_categories=["Cs"])
TEXT = st.lists(st.one_of(st.sampled_from(NOTABLE), ANY), min_size=1, max_size=25).map("".join)
NAME = st.lists(st.sampled_from([*"ab=\t\"'\\/%;,<&", "é", "\U0001f600", " x"]), min_size=1, max_size=6).map(
    "".join
)
TYPE = st.sampled_from(["PER", "LOC", 'a"b', "x=y", "\u6771", "a b"])
# Spans at 0, at the end and beside each other; a text without spans; names that need quotes.
ODD = [
    ('=1\t"a"', ("\U0001f600Anna\r\nOslo", [(0, 1, "a b"), (1, 5, "PER"), (7, 11, "LOC")])),
    ("'", ("e\u0301\u200d=,", [(0, 3, "x=y"), (3, 4, 'a"b'), (4, 5, "PER")])),
    ("../x", (" \n.\t", [])),
]


@st.composite
def document(draw):
    """A text with a visible character, and spans of whole tokens of one sentence each."""
    text = draw(TEXT.filter(lambda text: any(True for _ in Tokenizer().sentences(text))))
    found = []
    for _, _, starts, ends in Tokenizer().sentences(text):
        token = 0
        while token < len(starts):
            length = draw(st.integers(0, 3))
            if length:
                last = min(token + length, len(starts)) - 1
                found.append((starts[token], ends[last], draw(TYPE)))
            token += max(length, 1)
    return text, found


@st.composite
def shards(draw):
    """Documents, and the same divided over shards, some in the middle of a document."""
    named = draw(st.lists(st.tuples(NAME, document()), max_size=5, unique_by=lambda one: one[0]))
    parts = [[]]
    for name, (text, found) in named:
        at = 0
        while draw(st.booleans()) and at < len(text):
            end = draw(st.integers(at + 1, len(text)))
            parts[-1].append((name, at, text[at:end], [span for span in found if at <= span[0] < end]))
            at = end
            parts += [[]] if draw(st.booleans()) else []
        parts[-1].append((name, at, text[at:], [span for span in found if span[0] >= at]))
        parts += [[]] if draw(st.booleans()) else []
    return named, [frames(part, dict(named)) for part in parts]


def in_one_shard(named):
    """Documents, and the same as one shard."""
    return named, [frames([(name, 0, text, found) for name, (text, found) in named], dict(named))]


def frames(part, texts):
    """Frames of a shard from document, start, text and spans."""
    entities = [
        ("a.txt", name, 0, a, b, texts[name][0][a:b], kind, 0.5, "m")
        for name, _, _, found in part
        for a, b, kind in found
    ]
    names = dict.fromkeys(name for name, *_ in part)
    rows = [("a.txt", name, at, text) for name, at, text, _ in part if text]
    return {
        "documents": pl.DataFrame(
            [("a.txt", name, None, 1, 1) for name in names], schema=schema.TAGGED_DOCUMENTS, orient="row"
        ),
        "data": pl.DataFrame(entities, schema=schema.ENTITIES, orient="row"),
        "texts": pl.DataFrame(rows, schema=schema.DOCUMENT_TEXTS, orient="row"),
    }


def tagged_sentences(text, found):
    """Sentences of a document as (token, tag), white space in a type as `_`."""
    out = []
    for _, _, starts, ends in Tokenizer().sentences(text):
        spans = [
            (starts.index(a), ends.index(b) + 1, kind.replace(" ", "_"))
            for a, b, kind in found
            if a in starts
        ]
        tokens = [text[a:b] for a, b in zip(starts, ends, strict=True)]
        out.append(list(zip(tokens, from_spans(len(starts), spans), strict=True)))
    return out
