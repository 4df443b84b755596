"""Document features: flags of a word that tell how it is written elsewhere in the same unit of a document.

Of each word they say whether another occurrence of it, in any case,

    stands in mid-sentence with a capital; is in lower case; is part of a longer run of capitalised words, or
    stands alone among words in lower case; has a hint of an entity type in front of it or behind it,

as "Mr." is one of a person. Hints are words that in training stand beside capitalised words of a type much
more often than beside others. After Chieu and Ng (2002), whose classifier has such global features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from elman.data import ragged
from elman.data.encoding import document_kernels as kernels
from elman.data.text.strings import Strings

MOST_KINDS = 8  # entity types that have hints, those with most entities in training
LEAST_SEEN = 5  # occurrences of a hint beside capitalised words in training, at least
HINT = 1.5  # log odds of the type beside it, above those of any capitalised word, from which a word is a hint
_PRIOR = 3.0  # occurrences that count as like all others


@dataclass(frozen=True, kw_only=True)
class DocumentFeatures:
    """Document features of a model.

    Attributes:
        window: sentences of a unit: the first `window` of a document, then the next.
        before: for each type with hints, words in lower case of which one stands in front of its entities.
        after: the same behind them.
    """

    window: int
    before: Mapping[str, Sequence[str]]
    after: Mapping[str, Sequence[str]]

    @property
    def flags(self) -> int:
        """R, number of flags."""
        return kernels.FIRST_HINT + len(self.before)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in passport.json."""
        sides = {"before": self.before, "after": self.after}
        lists = {side: {kind: list(words) for kind, words in of.items()} for side, of in sides.items()}
        return {"window": self.window, **lists}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self | None:
        """Undo `to_json`; None if a passport has no document features."""
        if not value:
            return None
        return cls(window=int(value["window"]), before=value["before"], after=value["after"])

    @classmethod
    def learn(
        cls,
        words: Strings,
        numbers: np.ndarray,
        offsets: np.ndarray,
        kinds: Sequence[str | None],
        window: int,
    ) -> Self:
        """Learn the hints of a training split.

        Args:
            words: (N,) of all sentences.
            numbers: (N,) the same for equal words, from 0.
            offsets: (n + 1,) of the sentences.
            kinds: (N,) type of the entity that each is in; None for none.
            window: sentences of a unit.
        """
        table = _Words.of(words, numbers)
        capital = (table.traits[numbers] & kernels.CAPITAL) > 0
        frame = pl.DataFrame(
            {
                "word": table.lower.gather(numbers),
                "kind": pl.Series(kinds, dtype=pl.String),
                "capital": capital,
                "sentence": ragged.rows_of(offsets),
            }
        )
        counted = frame.filter(pl.col("kind").is_not_null()).group_by("kind").len()
        chosen = counted.sort(["len", "kind"], descending=[True, False])["kind"].head(MOST_KINDS).sort()
        found = [_hints(frame, shift, chosen.to_list()) for shift in (1, -1)]
        return cls(window=window, before=found[0], after=found[1])

    def of(self, words: Strings, numbers: np.ndarray, offsets: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Flags of words as bits of a number, (N,) int32.

        Args:
            words: (N,) of all sentences.
            numbers: (N,) the same for equal words, from 0.
            offsets: (n + 1,) of the sentences.
            unit: (n,) of each sentence; those of a unit stand together.
        """
        table = _Words.of(words, numbers)
        before, after = table.hints(self.before), table.hints(self.after)
        flags: np.ndarray = kernels.flags(
            table.form[numbers],
            table.traits[numbers],
            before[numbers],
            after[numbers],
            np.asarray(offsets, np.int64),
            np.asarray(unit, np.int64),
            len(table.form),
        )
        return flags


@dataclass(frozen=True, eq=False)
class _Words:
    """Distinct words, W of them.

    Attributes:
        form: (W,) int32 number of the word in lower case.
        lower: (W,) in lower case.
        traits: (W,) uint8, see document_kernels.py.
    """

    form: np.ndarray
    lower: pl.Series
    traits: np.ndarray

    @classmethod
    def of(cls, words: Strings, numbers: np.ndarray) -> "_Words":
        first = np.zeros(int(numbers.max(initial=-1)) + 1, np.int64)
        first[numbers[::-1]] = np.arange(len(numbers))[::-1]
        some = Strings(words.data, words.starts[first], words.ends[first]).series()
        found = pl.DataFrame({"word": some}).select(
            form=pl.col("word").str.to_lowercase().rank("dense").cast(pl.Int32) - 1,
            lower=pl.col("word").str.to_lowercase(),
            capital=pl.col("word").str.contains(r"^\p{Lu}"),
            letter=pl.col("word").str.contains(r"\p{L}"),
            link=pl.col("word").str.contains(r"[\p{L}\p{Nd},]"),
        )
        bits = (("capital", kernels.CAPITAL), ("letter", kernels.LETTER), ("link", kernels.LINK))
        traits = sum(found[name].to_numpy().astype(np.uint8) * np.uint8(bit) for name, bit in bits)
        return cls(found["form"].to_numpy(writable=True), found["lower"], np.asarray(traits, np.uint8))

    def hints(self, side: Mapping[str, Sequence[str]]) -> np.ndarray:
        """Kinds, as bits, that each word is a hint of, (W,) int32."""
        kinds: dict[str, int] = {}
        for number, hints in enumerate(side.values()):
            for word in hints:
                kinds[word] = kinds.get(word, 0) | 1 << number
        mapped = self.lower.replace_strict(
            pl.Series(list(kinds), dtype=pl.String), list(kinds.values()), default=0, return_dtype=pl.Int32
        )
        return mapped.to_numpy(writable=True)


def _hints(frame: pl.DataFrame, shift: int, kinds: Sequence[str]) -> dict[str, list[str]]:
    """Hints of each kind, sorted: the words that stand `shift` tokens in front of its capitalised words.

    Args:
        frame: `word` in lower case, `kind`, `sentence`, and `capital`, true for capitalised words.
        shift: 1 or -1, which is one behind.
        kinds: names.
    """
    near = frame.with_columns(near=pl.col("word").shift(shift), same=pl.col("sentence").shift(shift))
    near = near.filter("capital")
    counts = [(pl.col("kind") == kind).sum().cast(pl.Float64).alias(kind) for kind in kinds]
    outside = pl.col("kind").is_null().sum().cast(pl.Float64).alias("")
    every = near.select(*counts, outside).row(0, named=True)
    seen = near.filter(pl.col("same") == pl.col("sentence")).group_by("near")
    table = seen.agg(*counts, outside, pl.len()).filter(pl.col("len") >= LEAST_SEEN)
    shares = {name: count / max(near.height, 1) for name, count in every.items()}
    hints = {}
    for kind in kinds:
        likelier = pl.col(kind) / (_PRIOR * shares[kind]) + 1
        outer = (pl.col("") / (_PRIOR * shares[""]) + 1) if shares[""] else pl.lit(1.0)
        found = table.filter((likelier / outer).log() >= HINT)["near"]
        hints[kind] = found.sort().to_list() if shares[kind] else []
    return hints
