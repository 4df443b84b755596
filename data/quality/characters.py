"""Suspicious characters in text: control characters, mixed scripts, text decoded with the wrong encoding."""

from collections.abc import Iterator

import polars as pl

from elman.data.quality.findings import EXAMPLES, Example, FindingBuilder

_AROUND = 20  # characters shown to each side of a match

# Code, what it means, what to do, and a regular expression in the syntax of Rust's regex crate.
CHECKS: tuple[tuple[str, str, str, str], ...] = (
    (
        "control-character",
        "control characters other than tab and line ends",
        "Remove them, unless they are meant.",
        r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]",
    ),
    (
        "direction-override",
        "characters that reverse the direction of what follows (Unicode bidirectional overrides)",
        "Remove them: text then looks other than it reads.",
        r"[\u202a\u202b\u202d\u202e\u2066-\u2068]",
    ),
    (
        "replacement-character",
        "U+FFFD, put in where bytes could not be decoded",
        "Convert the original bytes again with the right encoding.",
        "\ufffd",
    ),
    (
        "wrong-encoding",
        "UTF-8 that was decoded as Latin-1 or Windows-1252",
        "Convert the original bytes again as UTF-8 (`iconv -f utf-8`).",
        r"[\u00c3\u00c2][\u0080-\u00bf\u2018-\u201d\u20ac\u2122]|\u00e2\u20ac[\u0080-\u00bf\u2018-\u201d\u2122]",
    ),
    (
        "mixed-scripts",
        "words that mix Latin with Cyrillic or Greek letters",
        "Replace look-alike letters: they make another word of it.",
        r"\p{Latin}[\p{Cyrillic}\p{Greek}&&\p{L}]|[\p{Cyrillic}\p{Greek}&&\p{L}]\p{Latin}",
    ),
)


class CharacterChecks:
    """Collects suspicious characters over frames of sentences."""

    def __init__(self) -> None:
        self.builders = [
            FindingBuilder(code, "warning", "sentences", detail, todo) for code, detail, todo, _ in CHECKS
        ]

    def add(self, frame: pl.DataFrame) -> None:
        """Check sentences: columns `text`, `document`, `source` and its places of schema.TEXT."""
        for builder, (_, _, _, pattern) in zip(self.builders, CHECKS, strict=True):
            matches = frame.filter(pl.col("text").str.contains(pattern))
            if matches.height:
                builder.add(_examples(matches.head(EXAMPLES), pattern), matches.height)


def _examples(matches: pl.DataFrame, pattern: str) -> Iterator[Example]:
    around = f"((?s:.{{0,{_AROUND}}}(?:{pattern}).{{0,{_AROUND}}}))"
    columns = "source", "document", "byte_offset", "start", pl.col("text").str.extract(around)
    for source, document, byte, start, text in matches.select(columns).iter_rows():
        yield Example(text, source, document, at=(byte, start))
