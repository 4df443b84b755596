"""Feature templates: one-hot features of a token, each template with its own vocabulary.

A template maps a token to a symbol (or none, or several) and a symbol to a row of one table; the rows of all
templates of a token are its feature bag. One-hot times a matrix is a row gather, so a bag's rows are summed.

Templates by name, k a number:
    word        the token itself
    lower       lower-cased, compatibility forms unified (NFKC)
    shape       X upper case, x lower case, c other letters, 0 digits, others unchanged; runs cut to two
    prefixK     the first k characters, if there are as many; suffixK the last k
    letters     each character of ^token$ (of the first 62 of a longer one), in order: the last template, for
                networks with a character encoder
    at-1, at+2  the token at this distance before or after; at-1+0, at-1+1  the tokens of this range, joined
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding.vocabulary import SPECIALS, UNK_ID, Vocabulary, count_symbols

NAME = re.compile(
    r"(?P<kind>word|lower|shape|letters)|(?P<affix>prefix|suffix)(?P<k>[1-9])|at(?P<a>[+-]\d)(?P<b>[+-]\d)?"
)
CHARACTERS = "letters"
LONGEST_READ = 62  # characters of a token that the template `letters` reads
POSITIONS = LONGEST_READ + 3  # sort keys of rows in a bag: 0, then one for each character in order


@dataclass(frozen=True, kw_only=True)
class FeatureTemplate:
    """Feature template: a name that says what it extracts, and the limits of its vocabulary."""

    name: str
    min_count: int = 1
    max_size: int | None = None  # ids at most, `<PAD>` and `<UNK>` included
    rows: int | None = None  # table rows reserved for it; the size of its vocabulary by default

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                "expected a feature template named word, lower, shape, letters, prefixK, suffixK, at-1 "
                f"or at-1+0. Got {self.name!r}"
            )
        if self.rows is not None and (self.max_size is None or self.max_size > self.rows):
            raise ValueError(
                f"template {self.name}: expected max_size <= rows. Got {self.max_size} > {self.rows}"
            )

    @property
    def window(self) -> tuple[int, int]:
        """Relative positions of the first and last token it reads, (0, 0) for the token itself."""
        match = NAME.fullmatch(self.name)
        if match is None or match["a"] is None:
            return 0, 0
        a, b = int(match["a"]), int(match["b"] or match["a"])
        return min(a, b), max(a, b)


def reach_of(templates: Sequence[FeatureTemplate]) -> int:
    """Number of neighbours to each side that the templates read; 0 if a bag depends on the token alone."""
    return max(max(-template.window[0], template.window[1]) for template in templates)


def _column(place: int) -> str:
    return f"w{place:+d}"


def contexts(words: pl.Series, offsets: np.ndarray, reach: int) -> pl.DataFrame:
    """Contexts of tokens, one row per token: the token and `reach` neighbours to each side.

    Args:
        words: (N,) tokens of all sentences.
        offsets: (n + 1,) int64, ragged offsets of the sentences.
        reach: neighbours to each side.

    Returns:
        Columns `w-1`, `w+0`, `w+1` and so on, String; empty beyond the ends of a sentence.
    """
    frame = pl.DataFrame({_column(0): words})
    if not reach:
        return frame
    sentence = pl.Series("s", ragged.rows_of(offsets))
    w, s = pl.col(_column(0)), pl.col("s")
    return frame.with_columns(sentence).select(
        pl.when(s.shift(-place) == s).then(w.shift(-place)).otherwise(pl.lit("")).alias(_column(place))
        for place in range(-reach, reach + 1)
    )


def distinct(frame: pl.DataFrame) -> pl.DataFrame:
    """Distinct contexts with their `count`, sorted by code point."""
    columns = [name for name in frame.columns if name != "count"]
    count = pl.col("count").sum() if "count" in frame.columns else pl.len()
    return frame.group_by(columns).agg(count.cast(pl.Int64).alias("count")).sort(columns)


def bag_ids(frame: pl.DataFrame, keys: pl.DataFrame) -> np.ndarray:
    """Row in `keys` of each row of `frame`, int32; both are contexts, and `keys` has every row of `frame`."""
    columns = frame.columns
    numbered = keys.select(columns).with_row_index("bag")
    bags = frame.join(numbered, on=columns, how="left", maintain_order="left")["bag"]
    return bags.cast(pl.Int32).to_numpy()


def symbols(keys: pl.DataFrame, template: FeatureTemplate) -> pl.DataFrame:
    """Extract the symbols of a template from each context.

    Returns:
        `bag`, the row in `keys`, and `symbol`: one row per symbol, none for a context without symbols.
    """
    word = pl.col(_column(0))
    match = NAME.fullmatch(template.name)
    assert match is not None
    k = int(match["k"] or 0)
    frame = keys.lazy().with_row_index("bag")
    if match["kind"] == CHARACTERS:
        marked = pl.concat_str(pl.lit("^"), word.str.slice(0, LONGEST_READ), pl.lit("$"))
        frame = (
            frame.select("bag", marked=marked)
            .with_columns(at=pl.int_ranges(0, pl.col("marked").str.len_chars().cast(pl.Int64)))
            .explode("at")
            .sort("bag", "at")
            .with_columns(symbol=pl.col("marked").str.slice(pl.col("at"), 1))
        )
    else:
        if match["affix"]:
            part = word.str.slice(0, k) if match["affix"] == "prefix" else word.str.slice(-k)
            value: pl.Expr = pl.when(word.str.len_chars() >= k).then(part)
        elif match["kind"] == "lower":
            value = word.str.normalize("NFKC").str.to_lowercase()
        elif match["kind"] == "shape":
            value = word
            for letters, mark in (
                (r"\p{Lu}", "X"),
                (r"\p{Ll}", "x"),
                (r"[\p{L}--[Xx]]", "c"),
                (r"\p{Nd}", "0"),
            ):
                value = value.str.replace_all(letters, mark)
            for mark in "Xxc0":
                value = value.str.replace_all(f"{mark}{mark}{mark}+", mark * 2)
        else:
            a, b = template.window
            value = pl.concat_str([pl.col(_column(place)) for place in range(a, b + 1)], separator=" ")
        frame = frame.with_columns(symbol=value)
    return frame.filter(pl.col("symbol").is_not_null()).select("bag", "symbol").collect()


@dataclass(frozen=True)
class Bags:
    """Feature bags: the table rows to sum for each context, as ragged arrays.

    rows (R,) int32 and offsets (M + 1,) int64: bag m is rows[offsets[m]:offsets[m + 1]], ascending; after
    them, if there is a template `letters`, its characters in order.
    unknown (M,) int32: the bag that replaces m with its rare symbols as `<UNK>`, or m if it has none.
    The first `contexts` bags are the contexts in their order, the others are replacements.
    """

    rows: np.ndarray
    offsets: np.ndarray
    unknown: np.ndarray
    contexts: int


@dataclass(frozen=True)
class Features:
    """Feature templates of a network with their fitted vocabularies."""

    templates: tuple[FeatureTemplate, ...]
    vocabularies: tuple[Vocabulary, ...]
    rare: int = 1  # a symbol with at most this count in training is `<UNK>` in the replacement bag

    @classmethod
    def fit(
        cls,
        keys: pl.DataFrame,
        templates: Sequence[FeatureTemplate],
        rare: int = 1,
        more: pl.DataFrame | None = None,
        earlier: "Features | None" = None,
    ) -> Self:
        """Fit one vocabulary per template.

        Args:
            keys: contexts of the training split with their `count`, as from `distinct`.
            templates: feature templates.
            rare: see the field.
            more: words of unlabelled text with their `count`, added to the vocabularies of templates that
                read the token alone; counts in training alone decide which symbols are rare.
            earlier: features of an earlier model with the same templates, whose symbols are kept as far as
                a vocabulary has room: they are added as the words of `more` are.
        """
        if not templates:
            raise ValueError("expected at least one template. Got none")
        names = [template.name for template in templates]
        if CHARACTERS in names[:-1] or names == [CHARACTERS]:
            raise ValueError(f"expected letters as the last of several templates. Got {', '.join(names)}")

        def fitted(template: FeatureTemplate, kept: Vocabulary | None) -> Vocabulary:
            seen = _counted(keys, template)
            also = _counted(more, template) if more is not None and template.window == (0, 0) else None
            if kept is not None:
                had = pl.DataFrame(
                    {"symbol": kept.symbols, "count": kept.counts},
                    schema={"symbol": pl.String, "count": pl.Int64},
                )
                also = had if also is None else pl.concat([also, had])
            return Vocabulary.fit(count_symbols(seen), template.min_count, template.max_size, also)

        kept = earlier.vocabularies if earlier is not None else (None,) * len(names)
        return cls(tuple(templates), tuple(map(fitted, templates, kept)), rare)

    def rows_in(self, earlier: "Features") -> np.ndarray:
        """Table row in the features of an earlier model for each row here, (I,) int64; -1 where it has none.

        Args:
            earlier: features of the same templates.
        """
        out = np.full(self.rows, -1, np.int64)
        for mine, first, old, old_first in zip(
            self.vocabularies, self.first_rows, earlier.vocabularies, earlier.first_rows, strict=False
        ):
            ids = old.encode(pl.Series(mine.symbols, dtype=pl.String)).to_numpy()
            specials = np.arange(len(SPECIALS))
            out[first + specials] = old_first + specials
            begin = first + len(SPECIALS)
            out[begin : begin + len(ids)] = np.where(ids == UNK_ID, -1, old_first + ids)
        return out

    @property
    def reach(self) -> int:
        """Number of neighbours to each side that the templates read."""
        return reach_of(self.templates)

    @property
    def first_rows(self) -> tuple[int, ...]:
        """First table row of each template, then the number of rows of the table."""
        sizes = [
            template.rows or len(vocabulary)
            for template, vocabulary in zip(self.templates, self.vocabularies, strict=True)
        ]
        return tuple(ragged.offsets_of(sizes).tolist())

    @property
    def rows(self) -> int:
        """Number of table rows: the length I of the one-hot input."""
        return self.first_rows[-1]

    @property
    def characters(self) -> int:
        """Number of rows at the end of the table that are characters."""
        return self.rows - self.first_rows[-2] if self.templates[-1].name == CHARACTERS else 0

    def bags(self, keys: pl.DataFrame, stand_ins: bool = True, alone: bool = False) -> Bags:
        """Feature bags of contexts.

        Args:
            keys: contexts as from `distinct` or `contexts`, one row each.
            stand_ins: True to add the replacement bags with which training drops rare symbols.
            alone: True to leave out the templates that read neighbours.
        """
        size = POSITIONS * self.rows
        plain, others, changed = [], [], np.zeros(len(keys), bool)
        for template, vocabulary, first in zip(
            self.templates, self.vocabularies, self.first_rows, strict=False
        ):
            if alone and template.window != (0, 0):
                continue
            seen = symbols(keys, template)
            bag, ids = seen["bag"].to_numpy().astype(np.int64), vocabulary.encode(seen["symbol"])
            place = (
                np.arange(1, len(bag) + 1) - np.searchsorted(bag, bag) if template.name == CHARACTERS else 0
            )
            entry = bag * size + place * self.rows + first
            plain.append(entry + ids.to_numpy())
            if stand_ins:
                rare = (vocabulary.count_of(ids) <= self.rare).to_numpy()
                others.append(entry + np.where(rare, UNK_ID, ids.to_numpy()))
                changed[bag[plain[-1] != others[-1]]] = True
        contexts = np.arange(len(keys), dtype=np.int32)
        entries = _in_order(plain)
        if not stand_ins:
            return Bags(*self._flat(entries, len(keys)), contexts, len(keys))
        number = len(keys) - 1 + np.cumsum(changed)  # of the replacement bag
        bag, rest = np.divmod(_in_order(others), size)
        some = changed[bag]
        entries = np.concatenate([entries, number[bag[some]] * size + rest[some]])
        unknown = np.concatenate([np.where(changed, number, contexts), number[changed]]).astype(np.int32)
        return Bags(*self._flat(entries, len(unknown)), unknown, len(keys))

    def _flat(self, entries: np.ndarray, bags: int) -> tuple[np.ndarray, np.ndarray]:
        """Ragged rows and offsets of sorted entries; an entry is (bag * POSITIONS + place) * rows + row."""
        rows = self.rows
        ends = np.searchsorted(entries, np.arange(bags + 1) * (POSITIONS * rows))
        return (entries % rows).astype(np.int32), ends

    def unknown(self, bags: Bags) -> np.ndarray:
        """True for bags whose token is not in the vocabulary of `word`, (M,); False without that template."""
        out = np.zeros(len(bags.offsets) - 1, bool)
        for template, first in zip(self.templates, self.first_rows, strict=False):
            if template.name == "word":
                places = np.flatnonzero(bags.rows == first + UNK_ID)
                out[np.searchsorted(bags.offsets, places, side="right") - 1] = True
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; see `from_json`."""
        return {
            "format": 1,
            "specials": list(SPECIALS),
            "rare": self.rare,
            "blocks": [
                {**asdict(template), "first_row": first, **vocabulary.to_json()}
                for template, vocabulary, first in zip(
                    self.templates, self.vocabularies, self.first_rows, strict=False
                )
            ],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Restore features from `to_json`."""
        names = ("name", "min_count", "max_size", "rows")
        return cls(
            tuple(FeatureTemplate(**{name: block[name] for name in names}) for block in value["blocks"]),
            tuple(Vocabulary.from_json(block) for block in value["blocks"]),
            value["rare"],
        )

    def to_bytes(self) -> bytes:
        """Content of the vocabulary file; equal training text gives equal bytes."""
        return (json.dumps(self.to_json(), ensure_ascii=False, indent=0) + "\n").encode(
            "utf-8", "surrogatepass"
        )

    @property
    def sha256(self) -> str:
        """Hash of the vocabulary file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def _counted(keys: pl.DataFrame, template: FeatureTemplate) -> pl.DataFrame:
    """Symbols of a template in each context, with the count of the context."""
    counts = keys.select("count").with_row_index("bag")
    return symbols(keys, template).join(counts, on="bag").select("symbol", "count")


def _in_order(entries: Sequence[np.ndarray]) -> np.ndarray:
    """Sorted distinct entries of all templates; faster than np.unique, which hashes them first."""
    joined = np.sort(np.concatenate(entries))
    return joined[np.diff(joined, prepend=-1) > 0]
