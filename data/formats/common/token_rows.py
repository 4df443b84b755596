"""Sentences given as tokens and tags, which are checked; the text is the tokens joined by spaces."""

from collections.abc import Sequence
from typing import Any

from elman.data.formats.common.options import Options
from elman.data.formats.common.reading_report import NESTED_SPANS, ReadingReport
from elman.data.formats.common.records import BadRecord, Document, Place, Sentence, by_character
from elman.data.formats.common.span_documents import check_unicode
from elman.data.formats.common.tag_styles import Tagging

ADVICE = 'Write {"tokens": ["Sam", "slept"], "ner_tags": ["B-PERSON", "O"]} a line.'
WORD_KEYS = ("tokens", "words", "tokenized_text")
TAG_KEYS = ("ner_tags", "tags", "labels", "ner", "ner_labels", "iob_tags", "bio_tags")
NAMES = "label_names"
ENTITY_REASONS = {
    "invalid-spans": "labels that are not a list of start, end and type",
    "spans-overlap": "two spans that overlap",
}


def has_words(value: Any) -> bool:
    """Return True for a record of tokens: an object with a list of strings as its tokens, and no text."""
    return isinstance(value, dict) and "text" not in value and _words(value) is not None


def _words(value: dict[str, Any]) -> list[str] | None:
    """The tokens of a record, or None."""
    given = next((value[key] for key in WORD_KEYS if value.get(key)), None)
    return given if isinstance(given, list) and all(isinstance(t, str) and t.strip() for t in given) else None


def tokens_and_tags(
    value: Any, names: list[str] | None, report: ReadingReport | None = None
) -> tuple[list[str], list[str] | None]:
    """Tokens of a record, and its tags as written; None for an unlabelled one.

    Args:
        value: with a list of tokens, and one of tags, of their numbers, or of entities as GLiNER has them:
            numbers of the first and the last token, and the type.
        names: of tags by number, if they are known.
        report: to which entities within others, which are left out, are added.

    Raises:
        BadRecord: no tokens, or tags that are no strings or do not fit them.
    """
    tokens = _words(value) if isinstance(value, dict) else None
    if not tokens:
        raise BadRecord(
            "no-tokens", "expected a list of tokens, none of them blank. Got something else", ADVICE
        )
    key = next((key for key in TAG_KEYS if value.get(key) is not None), None)
    if key is None:
        return tokens, None
    given = value[key]
    if isinstance(given, list) and (given or key == "ner") and all(isinstance(e, list) for e in given):
        return tokens, _tags_of(given, len(tokens), report)
    if not isinstance(given, list) or len(given) != len(tokens):
        got = len(given) if isinstance(given, list) else type(given).__name__
        raise BadRecord("wrong-columns", f"expected {len(tokens)} tags, one a token. Got {got}", ADVICE)
    return tokens, [_named(tag, names) for tag in given]


def _tags_of(entities: list[list[Any]], size: int, report: ReadingReport | None) -> list[str]:
    """IOB2 tags of entities by numbers of tokens, the last included; of nested ones the outermost is kept.

    Raises:
        BadRecord: values that are no entities, or entities that cross.
    """
    tags = ["O"] * size
    end = -1
    for entity in sorted(entities, key=_order):
        match entity:
            case [int(first), int(last), str(kind), *_] if 0 <= first <= last < size and kind.strip():
                pass
            case _:
                detail = f"expected [first, last, type] of {size} tokens, from 0. Got {str(entity)[:80]}"
                raise BadRecord("invalid-spans", detail, ADVICE)
        if last <= end:
            if report is not None:
                report.counts[NESTED_SPANS] += 1
            continue
        if first <= end:
            detail = f"expected entities apart or within others. Got {str(entity)[:80]} behind token {end}"
            raise BadRecord("spans-overlap", detail, "Take one of them out.")
        tags[first : last + 1] = [f"B-{kind}", *[f"I-{kind}"] * (last - first)]
        end = last
    return tags


def _order(entity: list[Any]) -> tuple[int, int]:
    """Key of entities by their first token, longer ones first."""
    whole = len(entity) > 1 and type(entity[0]) is type(entity[1]) is int
    return (entity[0], -entity[1]) if whole else (-1, 0)


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
