"""Fast tokenizer: tokenizes each distinct chunk between white space once and reuses the result.

The tokens that `data.text.tokenizer` finds in a chunk depend on the chunk alone, and for an initial ("J.") on
whether a letter follows; that is part of the key. Chunks are stored in a string table of fixed size that is
cleared when full, so memory does not grow with the text, and results do not depend on earlier texts.
"""

import threading
from typing import NamedTuple

import numpy as np

from elman.data import ragged
from elman.data.text.invisible import INVISIBLE, ZERO_WIDTH_SPACE, is_joined, ranges
from elman.data.text.string_table import DEFAULT_STRINGS, StringTable
from elman.data.text.tokenizer import CLOSERS as QUOTES
from elman.data.text.tokenizer import LONGEST_SENTENCE, LOOKAHEAD, Tokenizer, wraps_lines

ARENA = 1 << 20  # code points of DEFAULT_STRINGS chunks
LONGEST_CHUNK = 200  # code points; longer ones are not stored
OPENERS, CLOSERS = '"([{\u201c\u2018', ".,;:!?\"'\u201d\u2019)]}"  # around letters, each a token of its own
_LOWS, _HIGHS = np.array(ranges(INVISIBLE), np.uint32).T.copy()
_local = threading.local()


class _Visible(NamedTuple):
    """A text without its invisible characters, as string and code points.

    places: of its characters in the whole text, then the length of that; None if nothing is left out.
    """

    text: str
    codes: np.ndarray
    places: np.ndarray | None

    def begin(self, place: int) -> int:
        """Position here of a position in the whole text."""
        return place if self.places is None else int(np.searchsorted(self.places, place))


class Scanner:
    """Fast implementation of a `Tokenizer`, with the same results.

    Args:
        tokenizer: the settings.
        chunks: capacity of the string table.
    """

    def __init__(self, tokenizer: Tokenizer, chunks: int = DEFAULT_STRINGS) -> None:
        from elman.data.text import scanner_kernels

        self.tokenizer, self.chunks, self._kernels = tokenizer, chunks, scanner_kernels
        symbols, words = "".join(tokenizer.symbols), "".join(tokenizer.abbreviations)
        self._apart = not any(c.isspace() for c in symbols + words) and not any(c.isalnum() for c in symbols)
        self._table = StringTable(chunks, ARENA * chunks // DEFAULT_STRINGS, LONGEST_CHUNK, np.uint32)
        self._letters: dict[int, bool] = {}
        self._classes = np.full(0x110000, self._kernels.UNKNOWN, np.uint8)
        self._closing = np.array([ord(c) for c in QUOTES], np.uint32)
        self._abbreviations = frozenset(tokenizer.abbreviations)
        self._openers, self._closers = _lone(tokenizer, OPENERS), _lone(tokenizer, CLOSERS)
        self._clear()

    def _clear(self) -> None:
        self._table.clear()
        none = np.empty(0, np.int64)
        self._first, self._begins, self._ends = np.zeros(1, np.int64), none, none

    def tokenize(self, text: str, begin: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of the tokens, (n,) int64, as `Tokenizer.tokenize`."""
        return self._tokenize(text, self._visible(text), begin)

    def _visible(self, text: str) -> _Visible:
        codes = _codes(text)
        if text.isascii() or self._kernels.first_special(codes, _LOWS, _HIGHS) == len(codes):
            return _Visible(text, codes, None)
        places = self._kernels.visible_places(codes, _LOWS, _HIGHS)
        codes = codes[places[:-1]]
        codes[codes == ord(ZERO_WIDTH_SPACE)] = ord(" ")
        return _Visible(_text(codes), codes, places)

    def _tokenize(self, text: str, visible: _Visible, begin: int) -> tuple[np.ndarray, np.ndarray]:
        starts, ends = self._tokenize_visible(visible.text, visible.codes, visible.begin(begin))
        if visible.places is None or not len(starts):
            return starts, ends
        starts, ends = visible.places[starts], visible.places[ends]
        adjoining = np.flatnonzero(starts[1:] == ends[:-1]) + 1
        joined = [i for i in adjoining.tolist() if is_joined(text, int(starts[i]))]
        return np.delete(starts, joined), np.delete(ends, [i - 1 for i in joined])

    def _tokenize_visible(self, text: str, codes: np.ndarray, begin: int) -> tuple[np.ndarray, np.ndarray]:
        if self.tokenizer.unit == "char":
            places = self._kernels.nonspace(codes, begin)
            return places, places + 1
        if not self._apart:
            starts, ends = self.tokenizer.tokenize_visible(text, begin)
            return np.array(starts, np.int64), np.array(ends, np.int64)
        starts, ends = self._kernels.chunks(codes, begin)
        begun = 0 < begin < len(text) and not (text[begin - 1].isspace() or text[begin].isspace())
        flags = self._flags(codes, starts, ends)
        parts = []
        if begun:  # the first chunk begins before `begin`
            first = self._tokens(text[: ends[0]] + (" a" if flags[0] else ""), begin, int(ends[0]))
            parts.append((np.array(first[0], np.int64), np.array(first[1], np.int64)))
        done = int(begun)
        while done < len(starts):
            before = self._table.known
            ids, upto = self._table.number(codes, starts, ends, flags, done)
            self._cut_new(before)
            parts.append(
                self._expand(text, starts[done:upto], ends[done:upto], flags[done:upto], ids[done:upto])
            )
            done = upto
            if done < len(starts):
                self._clear()
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])

    def sentences(
        self, text: str, wrapped: bool | None = None, begin: int = 0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sentences as `Tokenizer.sentences` gives them, as ragged arrays.

        Returns:
            bounds (n + 1,), starts and ends (N,): sentence i is tokens bounds[i] to bounds[i + 1].
        """
        if wrapped is None:
            wrapped = wraps_lines(text)
        visible = self._visible(text)
        starts, ends = self._tokenize(text, visible, begin)
        cuts = self._cuts(visible.text, visible.codes, wrapped, visible.begin(begin))
        if visible.places is not None:
            cuts = visible.places[cuts]
        return self._kernels.bounds(starts, cuts, LONGEST_SENTENCE), starts, ends

    def _cuts(self, text: str, codes: np.ndarray, wrapped: bool, begin: int) -> np.ndarray:
        """Ends of sentences, (k,) int64, as `Tokenizer.cuts`."""
        kernels = self._kernels
        for code in kernels.unknown(codes, self._classes).tolist():
            c = chr(code)
            word = c.isalnum() or c == "_"
            letter = c.isalnum() and not c.isdecimal()
            self._classes[code] = kernels.WORD * word + kernels.LETTER * letter + kernels.LOWER * c.islower()
        ends, words = kernels.sentence_ends(codes, self._classes, self._closing, begin, LOOKAHEAD)
        for i in np.flatnonzero(words[:, 0] >= 0).tolist():
            if self.tokenizer.keeps_dot(text[words[i, 0] : words[i, 1]]):
                ends[i] = -1
        return np.union1d(ends[ends >= 0], kernels.line_ends(codes, wrapped, begin))

    def _flags(self, codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """1 for a chunk that ends in a dot and is followed by a letter, (m,) uint8."""
        flags = np.zeros(len(starts), np.uint8)
        dots = np.flatnonzero(codes[ends[:-1] - 1] == ord("."))
        following = codes[starts[dots + 1]]
        for code in np.unique(following).tolist():
            if code not in self._letters:
                self._letters[code] = chr(code).isalnum() and not chr(code).isdecimal()
        letters = [code for code in np.unique(following).tolist() if self._letters[code]]
        flags[dots] = np.isin(following, letters)
        return flags

    def _tokens(self, text: str, begin: int, end: int) -> tuple[list[int], list[int]]:
        """Tokens that begin before `end`."""
        starts, ends = self.tokenizer.tokenize_visible(text, begin)
        count = sum(start < end for start in starts[-3:]) + max(len(starts) - 3, 0)
        return starts[:count], ends[:count]

    def _cut_new(self, before: int) -> None:
        """Tokenize the chunks numbered from `before` on: plain ones by kernels, others by the tokenizer."""
        kernels, table, new = self._kernels, self._table, range(before, self._table.known)
        places, lengths = table.places[before : table.known], table.lengths[before : table.known]
        letters, openers, dotted = kernels.plain(table.arena, places, lengths, self._openers, self._closers)
        for m in np.flatnonzero(dotted).tolist():
            word = self._chunk(before + m)[openers[m] : openers[m] + letters[m]]
            if len(word) == 1 or word in self._abbreviations:
                letters[m] = 0
        counts = lengths - letters + 1
        others = np.flatnonzero(letters == 0).tolist()
        cut = []
        for m in others:
            number = new[m]
            ending = " a" if table.marks[number] else ""
            cut.append(self._tokens(self._chunk(number) + ending, 0, int(lengths[m])))
        counts[others] = [len(starts) for starts, _ in cut]
        first = ragged.offsets_of(counts)
        begins, ends = np.empty(first[-1], np.int64), np.empty(first[-1], np.int64)
        kernels.lay_out(letters, openers, first, begins, ends)
        for m, (a, b) in zip(others, cut, strict=True):
            begins[first[m] : first[m + 1]], ends[first[m] : first[m + 1]] = a, b
        self._first = np.concatenate([self._first, self._first[-1] + first[1:]])
        self._begins = np.concatenate([self._begins, begins])
        self._ends = np.concatenate([self._ends, ends])

    def _chunk(self, number: int) -> str:
        at, length = self._table.places[number], int(self._table.lengths[number])
        return _text(self._table.arena[at : at + length])

    def _with(self, new: list[tuple[list[int], list[int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, starts and ends of the tokens of all chunks in the table, then of the chunks `new`."""
        if not new:
            return self._first, self._begins, self._ends
        last = self._first[-1]
        return (
            np.concatenate([self._first, last + ragged.offsets_of([len(starts) for starts, _ in new])[1:]]),
            np.concatenate([self._begins, np.array([at for starts, _ in new for at in starts], np.int64)]),
            np.concatenate([self._ends, np.array([at for _, ends in new for at in ends], np.int64)]),
        )

    def _expand(
        self, text: str, starts: np.ndarray, ends: np.ndarray, flags: np.ndarray, ids: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of chunks that were looked up; those too long for the table are tokenized each time."""
        new: list[tuple[list[int], list[int]]] = []
        for chunk in np.flatnonzero(ids < 0).tolist():
            a, b = int(starts[chunk]), int(ends[chunk])
            ids[chunk] = self._table.known + len(new)
            new.append(self._tokens(text[a:b] + (" a" if flags[chunk] else ""), 0, b - a))
        tokens: tuple[np.ndarray, np.ndarray] = self._kernels.expand(starts, ids, *self._with(new))
        return tokens


def _codes(text: str) -> np.ndarray:
    """Code points, in memory of their own: of arrays that may not be written kernels are compiled again."""
    return np.frombuffer(bytearray(text.encode("utf-32-le", "surrogatepass")), np.uint32)


def _text(codes: np.ndarray) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def _lone(tokenizer: Tokenizer, characters: str) -> np.ndarray:
    """Code points of those characters that are tokens of their own in every context."""
    apart = {*tokenizer.head, *"".join(tokenizer.symbols)}
    return np.array([ord(c) for c in characters if c not in apart], np.uint32)


def thread_scanner(tokenizer: Tokenizer, chunks: int = DEFAULT_STRINGS) -> Scanner:
    """Scanner of this thread, reused from file to file while tokenizer and capacity stay the same."""
    scanner: Scanner | None = getattr(_local, "scanner", None)
    if scanner is None or (scanner.tokenizer, scanner.chunks) != (tokenizer, chunks):
        scanner = _local.scanner = Scanner(tokenizer, chunks)
    return scanner
