"""Drift: whether what was tagged looks like the held-out text of the corpus that a model was trained on.

Compared are the share of unknown words, tokens a sentence, entities of each type per 1,000 tokens and the
histogram of probabilities (population stability index, PSI). What is usual is learned by drawing documents of
dev and test again and again, at the size of what was tagged.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from elman.data.encoding.encode import COLUMNS, tokens_of
from elman.data.errors import BadInput
from elman.data.metrics.intervals import units_of
from elman.data.store.dataset import MANIFEST, Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.models.text_tagger import Tagger

DRAWS = 500
SIGMAS = 3.5  # from the mean of the draws; of equal data, one figure in 2,000 lies beyond
BINS = 10  # of probabilities, of equal width
MATTERS = {"share": 0.02, "ratio": 0.2, "psi": 0.1}  # least change that counts
SHOWN_WORDS = 20
_LEAST = 1e-4  # share of a bin in PSI

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One figure of what was tagged, beside what is usual.

    Attributes:
        name: of the figure.
        found: its value.
        usual: its value on the held-out text.
        low, high: limits of what draws of that text show.
        drifted: True if it lies beyond them, and by enough to matter.
    """

    name: str
    found: float
    usual: float
    low: float
    high: float
    drifted: bool

    def __str__(self) -> str:
        """For a message."""
        return f"{self.name} {self.found:.3g}, usually {self.low:.3g} to {self.high:.3g}"


@dataclass(frozen=True, kw_only=True)
class MovedWord:
    """A word, or the text of an entity, that is more or less frequent than it was; G2 ranks them."""

    text: str
    per_million: float
    per_million_before: float
    g2: float


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Result of a comparison.

    Attributes:
        model: its version.
        tokens: that were tagged.
        shifts: all figures.
        words: that moved most.
        of_entities: True if `words` are texts of entities, for the output has no table of tokens.
    """

    model: str
    tokens: int
    shifts: tuple[Shift, ...]
    words: tuple[MovedWord, ...]
    of_entities: bool

    @property
    def drifted(self) -> bool:
        """True if any figure has drifted."""
        return any(shift.drifted for shift in self.shifts)

    @property
    def why(self) -> str:
        """Drift in words; "" for none."""
        return "; ".join(str(shift) for shift in self.shifts if shift.drifted)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "model": self.model,
            "tokens": self.tokens,
            "drifted": self.drifted,
            "why": self.why or "nothing drifted",
            "figures": [asdict(shift) for shift in self.shifts],
            "moved_texts" if self.of_entities else "moved_words": [asdict(word) for word in self.words],
        }


@dataclass(frozen=True)
class _Columns:
    """Columns of sums: tokens, unknown ones, sentences, entities of each type, entities of each bin."""

    types: tuple[str, ...]

    def figures(self) -> list[tuple[str, str, Callable[[Sums], npt.NDArray[np.float64]]]]:
        """Name, kind (key of MATTERS) and function from sums (..., C) to values (...)."""
        out: list[tuple[str, str, Callable[[Sums], npt.NDArray[np.float64]]]] = [
            ("share of unknown words", "share", lambda sums: sums[..., 1] / np.maximum(sums[..., 0], 1)),
            ("tokens a sentence", "ratio", lambda sums: sums[..., 0] / np.maximum(sums[..., 2], 1)),
        ]
        for number, kind in enumerate(self.types, 3):
            out.append((f"{kind} per 1,000 tokens", "ratio", _rate(number)))
        return out

    def histogram(self, sums: Sums) -> Sums:
        """Shares of the bins of probability, (..., BINS)."""
        counts = sums[..., 3 + len(self.types) :]
        share: Sums = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
        return np.maximum(share, _LEAST)


def _rate(column: int) -> Callable[[Sums], npt.NDArray[np.float64]]:
    return lambda sums: 1000 * sums[..., column] / np.maximum(sums[..., 0], 1)


def measure_drift(model: Path, output: Path) -> Drift:
    """Compare a tagged output with the held-out text of a model's corpus.

    Args:
        model: folder of a model of text.
        output: folder that `elman tag` wrote with it.

    Raises:
        BadInput: no output of text, one of another model, or the corpus is not here.
    """
    loaded = model_folder.read(model)
    tagged = Dataset.open(output)
    if tagged.kind != "tagged-text" or tagged.manifest["config"]["model"] != loaded.version:
        raise BadInput(
            f"text tagged by {loaded.version}",
            got=f"{tagged.kind} of {tagged.manifest['config'].get('model')}",
            todo="Name the model that tagged it.",
            source=output,
        )
    passport = loaded.of_text
    folder = corpus_folder(passport.corpus.name)
    if not (folder / MANIFEST).exists():
        raise BadInput(
            "the corpus that the model was trained on",
            got="none",
            todo="Ingest it again under its name.",
            source=folder,
        )
    corpus = Dataset.open(folder)
    if corpus.digest != passport.corpus.digest:  # it has grown since
        corpus = corpus.made_of([source["sha256"] for source in passport.corpus.sources])
    tagger = Tagger.of(loaded)
    columns = _Columns(tagger.types)
    units, texts = _held_out(tagger, corpus, columns)
    found = _of_output(tagged, columns)
    words, of_entities = _moved(tagged, corpus, texts)
    return Drift(
        model=loaded.version,
        tokens=int(found[0]),
        shifts=tuple(_shifts(columns, units, found)),
        words=words,
        of_entities=of_entities,
    )


def _held_out(tagger: Tagger, corpus: Dataset, columns: _Columns) -> tuple[Sums, pl.Series]:
    """Sums of each document (block) of dev and test, (U, C), and the texts of predicted entities."""
    parts, unknown = [], []
    for split in ("dev", "test"):
        for part in LabelledParts(tagger, corpus, split, ()):
            parts.append(Answers.of(tagger, part))
            upto = np.concatenate([[0], np.cumsum(tagger.unknown_words(part.words, part.offsets))])
            unknown.append(upto[part.offsets[1:]] - upto[part.offsets[:-1]])
    if not parts:
        raise BadInput(
            "labelled sentences in dev or test",
            got="none",
            todo="Ingest some `--as test`, so that there is something to compare with.",
            source=corpus.folder,
        )
    answers = Answers.join(parts)
    units, entities = units_of(answers.sentences), answers.predicted
    of_entity = units.of_sentence[entities["sequence"].to_numpy()]
    sums = np.zeros((units.count, 3 + len(columns.types) + BINS))
    sizes = (answers.sentences["tokens"].to_numpy(), np.concatenate(unknown), np.ones(len(units.of_sentence)))
    for column, size in enumerate(sizes):
        sums[:, column] = np.bincount(units.of_sentence, size, units.count)
    np.add.at(sums, (of_entity, 3 + _numbers(entities["type"], columns)), 1)
    np.add.at(sums, (of_entity, 3 + len(columns.types) + _bins(entities["surety"])), 1)
    return sums, entities["text"]


def _numbers(kinds: pl.Series, columns: _Columns) -> npt.NDArray[np.int64]:
    numbers = {kind: number for number, kind in enumerate(columns.types)}
    return kinds.replace_strict(numbers, return_dtype=pl.Int64).to_numpy()


def _bins(probability: pl.Series) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = (probability.to_numpy() * BINS).astype(np.int64)
    return np.clip(numbers, 0, BINS - 1)


def _of_output(tagged: Dataset, columns: _Columns) -> Sums:
    sums = np.zeros(3 + len(columns.types) + BINS)
    for shard in tagged.shards:
        sums[:3] += [shard.counts.get(name, 0) for name in ("tokens", "unknown", "sentences")]
    for path in tagged.files("data"):
        frame = pl.read_parquet(path, columns=["type", "probability", "model"], glob=False)
        frame = frame.filter(pl.col("type").is_in(list(columns.types)), ~pl.col("model").str.contains(":"))
        np.add.at(sums, 3 + _numbers(frame["type"], columns), 1)
        np.add.at(sums, 3 + len(columns.types) + _bins(frame["probability"]), 1)
    if not sums[0]:
        raise BadInput("tagged text", got="no token", todo="Tag something first.", source=tagged.folder)
    return sums


def _shifts(columns: _Columns, units: Sums, found: Sums) -> list[Shift]:
    """Compare all figures; limits take in that the held-out text is a sample, too."""
    size = max(1, round(found[0] / max(float(units[:, 0].mean()), 1.0)))
    rng, U = np.random.default_rng([0, len(units)]), len(units)
    alike = rng.multinomial(min(size, 100 * U), np.full(U, 1 / U), DRAWS) @ units
    again = rng.multinomial(U, np.full(U, 1 / U), DRAWS) @ units
    total, out = units.sum(axis=0), []
    for name, kind, of in columns.figures():
        usual, spread = float(of(total)), SIGMAS * float((of(alike) - of(again)).std())
        value, least = float(of(found)), MATTERS[kind]
        enough = abs(value - usual) > (least if kind == "share" else least * usual)
        out.append(
            Shift(
                name=name,
                found=value,
                usual=usual,
                low=max(0.0, usual - spread),
                high=usual + spread,
                drifted=enough and abs(value - usual) > spread,
            )
        )
    drawn = _psi(columns.histogram(alike), columns.histogram(again))
    value = float(_psi(columns.histogram(found), columns.histogram(total)))
    high = max(MATTERS["psi"], float(drawn.mean() + SIGMAS * drawn.std()))
    out.append(
        Shift(name="PSI of probabilities", found=value, usual=0.0, low=0.0, high=high, drifted=value > high)
    )
    return out


def _psi(found: Sums, usual: Sums) -> npt.NDArray[np.float64]:
    """Population stability index of shares (..., BINS)."""
    index: npt.NDArray[np.float64] = ((found - usual) * np.log(found / usual)).sum(axis=-1)
    return index


def _moved(tagged: Dataset, corpus: Dataset, texts: pl.Series) -> tuple[tuple[MovedWord, ...], bool]:
    """Words that moved most; of entities where the output has no table of tokens."""
    if any("tokens" in shard.files for shard in tagged.shards):
        now = tagged.scan("tokens").group_by("text").len().collect()
        counts = []
        for path in corpus.files("data"):
            words, _ = tokens_of(pl.read_parquet(path, columns=list(COLUMNS), glob=False))
            counts.append(words.rename("text").value_counts(name="len"))
        before = pl.concat(counts).group_by("text").agg(pl.col("len").sum())
        return moved_words(now, before), False
    now = tagged.scan("data").group_by("text").len().collect()
    return moved_words(now, texts.rename("text").value_counts(name="len")), True


def moved_words(now: pl.DataFrame, before: pl.DataFrame, shown: int = SHOWN_WORDS) -> tuple[MovedWord, ...]:
    """Words whose frequency changed most, by the log-likelihood ratio G2 (Dunning 1993).

    Args:
        now, before: text and len, its count.
        shown: how many.
    """
    both = now.join(before, on="text", how="full", coalesce=True, suffix="_before").fill_null(0)
    totals: Sequence[int] = (int(both["len"].sum()), int(both["len_before"].sum()))
    if not all(totals):
        return ()
    a, b = (both[name].cast(pl.Float64).to_numpy() for name in ("len", "len_before"))
    expected = [(a + b) * total / sum(totals) for total in totals]
    g2: npt.NDArray[np.float64] = np.zeros(both.height)
    for count, mean in zip((a, b), expected, strict=True):
        g2 += 2 * np.where(count > 0, count * np.log(np.maximum(count, 1) / mean), 0.0)
    order = np.lexsort((both["text"].to_numpy(), -g2))[:shown]
    return tuple(
        MovedWord(
            text=str(both["text"][int(n)]),
            per_million=1e6 * float(a[n]) / totals[0],
            per_million_before=1e6 * float(b[n]) / totals[1],
            g2=float(g2[n]),
        )
        for n in order
        if math.isfinite(g2[n]) and g2[n] > 0
    )
