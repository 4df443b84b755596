"""Sentences given as tokens and tags, which are checked; the text is the tokens joined by spaces."""

from collections.abc import Sequence
from typing import Any

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Place, Sentence, by_character
from elman.data.formats.common.span_documents import check_unicode
from elman.data.formats.common.tag_styles import Tagging

ADVICE = 'Write {"tokens": ["Sam", "slept"], "ner_tags": ["B-PERSON", "O"]} a line.'
TAG_KEYS = ("ner_tags", "tags", "labels")
NAMES = "label_names"


def tokens_and_tags(value: Any, names: list[str] | None) -> tuple[list[str], list[str] | None]:
    """Tokens of a record, and its tags as written; None for an unlabelled one.

    Args:
        value: with a list of tokens, and one of tags or of their numbers.
        names: of tags by number, if they are known.

    Raises:
        BadRecord: no tokens, or tags that are no strings or do not fit them.
    """
    tokens = value.get("tokens") if isinstance(value, dict) else None
    if (
        not isinstance(tokens, list)
        or not tokens
        or not all(isinstance(t, str) and t.strip() for t in tokens)
    ):
        raise BadRecord(
            "no-tokens", "expected a list of tokens, none of them blank. Got something else", ADVICE
        )
    given = next((value[key] for key in TAG_KEYS if value.get(key) is not None), None)
    if given is None:
        return tokens, None
    if not isinstance(given, list) or len(given) != len(tokens):
        got = len(given) if isinstance(given, list) else type(given).__name__
        raise BadRecord("wrong-columns", f"expected {len(tokens)} tags, one a token. Got {got}", ADVICE)
    return tokens, [_named(tag, names) for tag in given]


def full_tags(tags: Sequence[str], tagging: Tagging) -> list[str]:
    """Tags with prefix and type; see `data.formats.common.tag_styles.Tagging.full`.

    Raises:
        BadRecord: one is no tag.
    """
    try:
        return tagging.full(tags)
    except ValueError as error:
        raise BadRecord("unknown-tag", str(error), ADVICE) from None


def _named(tag: Any, names: list[str] | None) -> str:
    if isinstance(tag, str):
        return tag
    if type(tag) is int and names is not None and 0 <= tag < len(names):
        return names[tag]
    todo = f'Add "{NAMES}": ["O", "B-PERSON", ...] to the first line, or write names for numbers.'
    raise BadRecord("unknown-tag", f"expected the name of a tag. Got {tag!r}", todo)


def document_of_tokens(
    place: Place, name: Any, tokens: Sequence[str], tags: tuple[str, ...] | None, options: Options
) -> Document:
    """A document of one sentence.

    Args:
        place: of the record.
        name: id of the document; None: its source and line.
        tokens: of the sentence.
        tags: IOB2, one a token; None for an unlabelled one.
        options: of reading.

    Raises:
        BadRecord: an id, token or tag that is no valid Unicode.
    """
    check_unicode(name, *tokens, *(tags or ()))
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token) + 1
    ends = tuple(start + len(token) for start, token in zip(starts, tokens, strict=True))
    text = " ".join(tokens)
    sentence = Sentence(0, len(text), text, tuple(starts), ends, tags, place.byte_offset, place.line)
    if options.unit == "char":
        sentence = by_character(sentence)
    document = f"{place.source}#{place.line}" if name is None else str(name)
    return Document(document, place.source, (sentence,), place.byte_offset, place.line)
