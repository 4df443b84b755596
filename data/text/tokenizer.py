"""Tokenizer and sentence splitter with exact offsets; its settings are stored in a model's passport.

Word unit: a token is a run of word characters (letters, marks, digits), joined by inner punctuation where
the training corpus joins it ("tea-tray", "3,000"), with the clitics ("'s", "n't") and abbreviations ("Mrs.")
of the corpus; every other visible character is a token of its own, but runs of one of . - ! ? * = ~
stay together. Han, Kana and other scripts written without spaces give one token per character.
Character unit: every visible code point is a token, Latin letters and digits inside Chinese too.
Invisible characters (soft hyphen, zero-width joiner ...) stay with the character before them; see
`data.text.invisible`.

A sentence ends after . ! ? or an ellipsis with its closing quotes, if white space follows and, within
`LOOKAHEAD` characters, a word that does not begin with a lower-case letter, and the dot belongs to no
abbreviation or initial; after one of the ideographic terminators; at a blank line; and at every line end of a
text whose lines are not hard-wrapped (`wraps_lines`). Running time is linear in the text, and the lookahead
is at most `MARGIN` characters.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, Literal, Self
from unicodedata import category

from elman.data.text.invisible import is_joined, places_of, visible

Unit = Literal["word", "char"]

# Scripts written without spaces: Thai, Lao, Khmer, Myanmar, Kana, Bopomofo, Han and their extensions.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
INNER, NUMBER = "'\u2019-_&.@", ".,:"  # characters that join words, and digits, by default
CANDIDATES = "'\u2019-\u2010_&./@+*=:,#%$\u00b7"  # characters that `fit` looks up in the corpus
CLITICS = r"n['\u2019]t|['\u2019](?:s|re|ve|ll|d|m)"
ABBREVIATIONS = (
    *(
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
        "Prof",
        "St",
        "Mt",
        "Capt",
        "Col",
        "Gen",
        "Lt",
        "Sgt",
        "Rev",
        "Hon",
        "Sr",
        "Jr",
    ),
    *("Messrs", "Mme", "Mlle", "No", "Nos", "vs", "etc", "al", "fig", "Fig", "vol", "Vol", "pp", "ed", "eds"),
    *(
        "Inc",
        "Ltd",
        "Co",
        "Corp",
        "Bros",
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Sept",
        "Oct",
    ),
    *("Nov", "Dec", "approx", "ca", "cf", "Esq"),
)
PROBED = 1 << 16  # characters from which `wraps_lines` decides
LONGEST_SENTENCE = 1000  # tokens; a longer one is cut there, so that memory stays bounded
CLOSERS = "\"'\u201d\u2019)]}\u00bb\u203a\u300d\u300f\uff09\u3011\u300b"
MARGIN = 256  # characters after a sentence that can change where it ends
LOOKAHEAD = 200  # characters after an end within which another word must begin
_CLOSERS = re.escape(CLOSERS)
_END = re.compile(
    f"(?<![.!?\u2026])[.!?\u2026]++(?:[{_CLOSERS}]*+(?=\\s)|[ ]['\u2019\u201d\"]{{1,2}}(?=\\s))"
    f"|(?P<wide>[\u3002\uff01\uff1f\uff61]++[{_CLOSERS}]*+)"
)
_WORD = re.compile(r"\w")
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n|\r[^\S\r\n]*+\r")
_LINE_END = re.compile(r"\n")
_DOT_WORD = re.compile(r"([^\W\d_][\w.]*)$")


@lru_cache(1)
def _marks() -> str:
    """Combining marks, which belong to the letter before them but do not match `\\w`."""
    ranges = (*range(0x300, 0x3100), *range(0xA600, 0xAC00))
    return "".join(f"\\u{code:04x}" for code in ranges if category(chr(code))[0] == "M")


def _class(characters: str) -> str:
    return "[" + "".join(re.escape(c) for c in characters) + "]"


@dataclass(frozen=True)
class Tokenizer:
    """Settings of the tokenizer, as plain values.

    Attributes:
        unit: "word" or "char".
        inner: characters that join two word parts.
        number: characters that join two digits.
        head: characters that belong to the word after them ("#" of "#tag").
        tail: characters that belong to the number before them ("%" of "15%").
        clitics: True to split "don't" into "do n't" and "Tom's" into "Tom 's".
        abbreviations: words whose dot belongs to them.
        symbols: other strings that are one token (":)").
    """

    unit: Unit = "word"
    inner: str = INNER
    number: str = NUMBER
    head: str = "#@"
    tail: str = ""
    clitics: bool = True
    abbreviations: tuple[str, ...] = field(default=ABBREVIATIONS)
    symbols: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; see `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Restore a tokenizer from `to_json`."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
        return cls(**plain)

    @classmethod
    def fit(cls, counts: Mapping[str, int], unit: Unit) -> Self:
        """Fit the settings to a tokenized corpus, so that raw text is tokenized the same way.

        Args:
            counts: tokens of the training split with their counts.
            unit: "word" or "char"; "char" has no settings to fit.
        """
        if unit == "char":
            return cls(unit="char")
        part = f"[^\\W_{UNSPACED}]"
        return cls(
            inner=_joins(counts, part, r"[^\W\d_]", INNER),
            number=_joins(counts, r"\d", r"\d", NUMBER),
            head="".join(c for c in "#@$" if _share(counts, re.compile(f"{re.escape(c)}\\w"), c)),
            tail="".join(c for c in "%" if _share(counts, re.compile(f"\\d{c}$"), c)),
            clitics=sum(n for t, n in counts.items() if re.fullmatch(CLITICS, t)) > 0,
            abbreviations=tuple(
                sorted({t[:-1] for t in counts if re.fullmatch(r"[^\W\d_]+(?:[.-][^\W\d_]+)*\.", t)})
            ),
            symbols=tuple(sorted(t for t, n in counts.items() if n > 1 and _symbol(t))),
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.unit == "char":
            return re.compile(r"\S")
        w = f"[^\\W_{UNSPACED}{_marks()}][{_marks()}]*"
        joined = [f"(?<=\\d){_class(self.number)}(?=\\d)"] if self.number else []
        joined += (
            [f"(?<!\\d){_class(self.inner)}(?=\\w)|{_class(self.inner)}(?=[^\\W\\d])"] if self.inner else []
        )
        stop = f"(?!(?:{CLITICS})(?!\\w))" if self.clitics else ""
        run = f"(?:{stop}{w})+"
        joint = f"(?:{stop}(?:{'|'.join(joined)})(?:{stop}{w})+)*" if joined else ""
        tail = f"(?:(?<=\\d){_class(self.tail)})?" if self.tail else ""
        head = f"{_class(self.head)}?" if self.head else ""
        alternatives = [re.escape(s) for s in sorted(self.symbols, key=lambda s: (-len(s), s))]
        alternatives += [r"(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]}'\u2019\u201d]"]
        if self.abbreviations:
            words = "|".join(re.escape(a) for a in sorted(self.abbreviations, key=lambda s: (-len(s), s)))
            alternatives += [f"(?<!\\w)(?:{words})\\.(?!\\w)"]
        if "." in self.inner:
            alternatives += [r"(?<![\w.])(?:[^\W\d_]\.){2,}(?!\w)", r"(?<![\w.])[A-Z]\.(?=\s+[^\W\d_])"]
        if self.clitics:
            alternatives += [f"(?:{CLITICS})(?!\\w)"]
        alternatives += [f"{head}{run}{joint}{tail}", r"(?P<run>[.\-!?*=~])(?P=run)+", r"\S"]
        return re.compile("|".join(alternatives))

    def tokenize(self, text: str, begin: int = 0) -> tuple[list[int], list[int]]:
        """Starts and ends of the tokens of a text from `begin` on, in code points."""
        places = places_of(text)
        if places is None:
            return self.tokenize_visible(text, begin)
        spans = self.tokenize_visible(visible(text), bisect_left(places, begin))
        starts, ends = ([places[place] for place in some] for some in spans)
        joined = {i for i in range(1, len(starts)) if ends[i - 1] == starts[i] and is_joined(text, starts[i])}
        return (
            [start for i, start in enumerate(starts) if i not in joined],
            [end for i, end in enumerate(ends) if i + 1 not in joined],
        )

    def tokenize_visible(self, text: str, begin: int = 0) -> tuple[list[int], list[int]]:
        """Tokenize a text without invisible characters; see `tokenize`."""
        tokens = [match.span() for match in self._pattern.finditer(text, begin)]
        return [start for start, _ in tokens], [end for _, end in tokens]

    def sentences(
        self, text: str, wrapped: bool | None = None, begin: int = 0
    ) -> Iterator[tuple[int, int, list[int], list[int]]]:
        """Split a text into sentences and tokens.

        Args:
            text: a document, or a part of it.
            wrapped: True if its lines are hard-wrapped; None to decide by `wraps_lines`.
            begin: position to start at, 0 or the end of a sentence.

        Yields:
            start and end of the sentence, starts and ends of its tokens, all into `text`; none is empty.
            Text appended later changes no sentence that `MARGIN` characters follow, invisible ones not
            counted, and another sentence.
        """
        if wrapped is None:
            wrapped = wraps_lines(text)
        starts, ends = self.tokenize(text, begin)
        first = 0
        for cut in (*self.cuts(text, wrapped, begin), len(text)):
            last = bisect_left(starts, cut, first)
            while first < last:
                stop = min(first + LONGEST_SENTENCE, last)
                yield starts[first], ends[stop - 1], starts[first:stop], ends[first:stop]
                first = stop

    def cuts(self, text: str, wrapped: bool, begin: int) -> list[int]:
        """Ends of sentences, ascending, in code points."""
        places = places_of(text)
        if places is None:
            return self._cuts(text, wrapped, begin)
        return [places[cut] for cut in self._cuts(visible(text), wrapped, bisect_left(places, begin))]

    def _cuts(self, text: str, wrapped: bool, begin: int) -> list[int]:
        cuts = {match.start() for match in (_BLANK_LINE if wrapped else _LINE_END).finditer(text, begin)}
        next_word = begin
        for match in _END.finditer(text, begin):
            end = match.end()
            if match["wide"]:
                cuts.add(end)
                continue
            if next_word < end:
                word = _WORD.search(text, end)
                next_word = word.start() if word else len(text) + LOOKAHEAD
            if next_word < end + LOOKAHEAD and not self._goes_on(text, match, text[next_word]):
                cuts.add(end)
        return sorted(cuts)

    def _goes_on(self, text: str, match: re.Match[str], following: str) -> bool:
        """True if an apparent sentence end is none; `following` is the first character of the next word."""
        if following.islower():
            return True
        if text[match.start()] != "." or match.end() - match.start() > 1:
            return False
        word = _DOT_WORD.search(text, max(0, match.start() - 24), match.start())
        return word is not None and self.keeps_dot(word[1])

    def keeps_dot(self, word: str) -> bool:
        """True if a dot after `word` belongs to the word and ends no sentence."""
        return word in self._abbreviations or (len(word) == 1 and word.isupper() and word != "I")

    @cached_property
    def _abbreviations(self) -> frozenset[str]:
        return frozenset(self.abbreviations) | frozenset(ABBREVIATIONS)


def _symbol(token: str) -> bool:
    """True if a token is a symbol such as ":)": several different characters, none of them of a word."""
    return len(token) > 1 and not any(c.isalnum() or c == "_" for c in token) and len(set(token)) > 1


def _share(counts: Mapping[str, int], inside: re.Pattern[str], alone: str) -> bool:
    """True if a corpus has a character inside tokens more than once, and in a tenth of its occurrences."""
    joined = sum(n for token, n in counts.items() if alone in token and inside.search(token))
    return joined > 1 and joined > 0.1 * counts.get(alone, 0)


def _joins(counts: Mapping[str, int], left: str, right: str, default: str) -> str:
    joining = []
    for c in CANDIDATES:
        inside = re.compile(f"{left}{re.escape(c)}{right}")
        joined = sum(n for token, n in counts.items() if c in token and inside.search(token))
        alone = 0 if c in ".,:" else counts.get(c, 0)  # those stand alone for other reasons
        if joined > 1 and joined > 0.1 * alone:
            joining.append(c)
        elif not joined and c in default and not counts.get(c, 0):
            joining.append(c)  # not in the corpus
    return "".join(joining)


def unit_of(text: str) -> Unit:
    """Detect the unit of a text: "char" if most letters are Han or Kana, else "word"."""
    letters = [c for c in text if c.isalpha()]
    unspaced = len(
        re.findall("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", text)
    )
    return "char" if 2 * unspaced > len(letters) else "word"


def wraps_lines(text: str) -> bool:
    """True if the text is hard-wrapped, judging by its first `PROBED` characters.

    It is when most lines that another line follows are nearly as long as long lines are, and at most half of
    them end a sentence.
    """
    lines = visible(text[:PROBED]).splitlines()
    followed = [a.rstrip() for a, b in pairwise(lines) if a.strip() and b.strip()]
    if not followed:
        return True
    lengths = sorted(map(len, followed))
    width = lengths[min(len(lengths) - 1, int(0.95 * len(lengths)))]
    full = sum(length >= 0.7 * width for length in lengths) / len(lengths)
    ended = sum(line[-1] in ".!?\"'\u201d\u2019\u3002\uff01\uff1f\u300d" for line in followed) / len(lengths)
    return full >= 0.6 and ended <= 0.5
