"""Pieces of a corpus as a next-symbol model takes them: tunes, rolls, documents or contigs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import DNA, MUSIC, TEXT
from elman.data.errors import BadInput
from elman.data.music.abc import cues_of
from elman.data.music.pieces import KEYS, LOWEST, Step
from elman.data.music.transposing import tonic_of, transposed
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Int32
from elman.rnn.compute.ragged import offsets_of
from elman.rnn.networks.next_symbol import Symbols
from elman.rnn.training.next_symbol import Pieces
from elman.tasks.generation.vocabulary import SPECIALS, Vocabulary, places_of

TONICS = 5  # most frequent ones, that training moves tunes to
SHIFTS = range(-5, 7)  # semitones that training transposes rolls by, where all keys stay on the piano


@dataclass(frozen=True)
class CorpusPieces:
    """Pieces of one split.

    Attributes:
        unit: of their symbols, see `Vocabulary`.
        ids: of the pieces.
        symbols: of each piece, where they are symbols: ABC, or a string of characters or bases.
        steps: of each piece, where they are notes.
        steps_per_quarter: of these.
    """

    unit: str
    ids: tuple[str, ...]
    symbols: tuple[Sequence[str], ...] = ()
    steps: tuple[tuple[Step, ...], ...] = ()
    steps_per_quarter: int = 1

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def lengths(self) -> list[int]:
        """Steps of each piece, without an end."""
        return [len(piece) for piece in (self.steps or self.symbols)]


def read_pieces(dataset: Dataset, split: str) -> CorpusPieces:
    """Read the pieces of a split of a corpus, or of `all`, by their ids.

    Raises:
        BadInput: there is none, the corpus has both tunes and rolls, or is none of music, text or DNA.
    """
    check_kind(dataset, MUSIC, TEXT, DNA, todo="Name another corpus.")
    data = dataset.scan()
    if split != "all":
        data = data.filter(pl.col("split") == split)
    if dataset.kind == MUSIC:
        found = _of_music(dataset, data)
    elif dataset.kind == DNA:
        found = _joined(
            "base", data.select(id="contig", order="start", text=pl.col("bases").str.to_uppercase())
        )
    else:
        found = _joined("character", data.select(id="document", order="start", text="text"))
    if not len(found):
        raise BadInput(
            f"pieces in the {split} split",
            got="none",
            todo="Give another split, or ingest more `--as` it.",
            source=dataset.folder,
        )
    return found


def count_symbols(dataset: Dataset, split: str) -> int:
    """How many symbols the pieces of a split have, or a few more, without reading them."""
    data = dataset.scan().filter(pl.col("split") == split)
    if dataset.kind == MUSIC:
        count = pl.len()
    else:
        count = pl.col("bases" if dataset.kind == DNA else "text").str.len_chars().sum() + pl.len()
    return int(data.select(count).collect().item())


def _joined(unit: str, rows: pl.LazyFrame) -> CorpusPieces:
    """Sentences of a document with a space between them; pieces of a contig that follow one another."""
    frame = rows.sort("id", "order").collect()
    ids, texts = list[str](), list[str]()
    end = -1
    for id, order, text in frame.rows():
        follows = bool(ids) and ids[-1] == id and (unit == "character" or order == end)
        if follows:
            texts[-1] += (" " if unit == "character" else "") + text
        else:
            ids.append(id)
            texts.append(text)
        end = order + len(text)
    return CorpusPieces(unit, tuple(ids), tuple(texts))


def _of_music(dataset: Dataset, data: pl.LazyFrame) -> CorpusPieces:
    frame = (
        data.select("piece", "step", "note", "symbol", "steps_per_quarter").sort("piece", "step").collect()
    )
    of_symbols = frame["symbol"].is_not_null()
    if of_symbols.any() and not of_symbols.all():
        raise BadInput(
            "either tunes or rolls of notes",
            got="both",
            todo="Ingest them as two corpora.",
            source=dataset.folder,
        )
    grouped = frame.group_by("piece", maintain_order=True)
    if of_symbols.any():
        tunes = grouped.agg("symbol")
        return CorpusPieces("abc", tuple(tunes["piece"]), tuple(map(tuple, tunes["symbol"].to_list())))
    per_quarter = frame["steps_per_quarter"].unique().to_list()
    if len(per_quarter) > 1:
        raise BadInput(
            "rolls whose time steps are of one length",
            got=f"{' and '.join(map(str, sorted(per_quarter)))} steps a quarter note",
            todo="Ingest them as several corpora.",
            source=dataset.folder,
        )
    ids, pieces = list[str](), list[tuple[Step, ...]]()
    for (id,), rows in grouped:
        sounding = rows.group_by("step", maintain_order=True).agg(pl.col("note").drop_nulls().unique().sort())
        ids.append(str(id))
        pieces.append(tuple(map(tuple, sounding["note"].to_list())))
    return CorpusPieces("keys", tuple(ids), steps=tuple(pieces), steps_per_quarter=(per_quarter or [1])[0])


@dataclass(frozen=True)
class EncodedPieces:
    """Pieces of several splits with the symbols they share.

    Attributes:
        symbols: what each feeds in and asks for.
        splits: by name.
        shifts: semitones of each variant.
    """

    symbols: Symbols
    splits: dict[str, Pieces]
    shifts: tuple[int, ...] = ()


def encode(
    vocabulary: Vocabulary, splits: dict[str, CorpusPieces], *, transpose: bool = False
) -> EncodedPieces:
    """Encode pieces.

    Args:
        vocabulary: of the model.
        splits: by name.
        transpose: True to train on variants in other keys, too, of rolls and tunes.
    """
    if vocabulary.of_keys:
        return _encode_keys(splits, transpose)
    if transpose and vocabulary.unit == "abc":
        splits = {**splits, "train": in_usual_keys(vocabulary, splits["train"])}
    encoded, numbers = {}, dict[tuple[int, ...], int]()
    for name, pieces in splits.items():
        parts = [vocabulary.encode(piece) for piece in pieces.symbols]
        cues = tuple(
            np.array([vocabulary.encode((cue,))[0] for cue in _cues(vocabulary, piece)], np.int32)
            for piece in pieces.symbols
        )
        fed = _with_places(vocabulary, pieces, parts, numbers) if vocabulary.places else None
        encoded[name] = Pieces(np.concatenate(parts), offsets_of([len(part) for part in parts]), cues, fed)
    symbols = vocabulary.rows - len(vocabulary.places)
    return EncodedPieces(Symbols.classes(symbols, list(numbers)), encoded)


def in_usual_keys(vocabulary: Vocabulary, pieces: CorpusPieces) -> CorpusPieces:
    """Each tune, and after it the tune with the most frequent tonics where all its symbols are known."""
    tonics = Counter(tonic for piece in pieces.symbols for tonic in map(_tonic, piece[:4]) if tonic)
    usual = sorted(tonics, key=lambda tonic: (-tonics[tonic], tonic))[:TONICS]
    known, ids, tunes = set(vocabulary.symbols), list[str](), list[Sequence[str]]()
    for id, piece in zip(pieces.ids, pieces.symbols, strict=True):
        moved = (transposed(piece, tonic) for tonic in usual)
        variants = {variant: None for variant in moved if variant is not None and known.issuperset(variant)}
        variants.pop(tuple(piece), None)
        tunes += [piece, *variants]
        ids += [id] * (1 + len(variants))
    return CorpusPieces(pieces.unit, tuple(ids), tuple(tunes))


def _tonic(symbol: str) -> str | None:
    return tonic_of(symbol[2:]) if symbol.startswith("K:") else None


def _with_places(
    vocabulary: Vocabulary, pieces: CorpusPieces, parts: list[Int32], numbers: dict[tuple[int, ...], int]
) -> Int32:
    """Numbers of symbols with their places; `numbers` has the rows of those known, and gets new ones."""
    first, fed = vocabulary.rows - len(vocabulary.places), list[int]()
    for piece, part in zip(pieces.symbols, parts, strict=True):
        for symbol, names in zip(part.tolist(), places_of(piece, vocabulary.new_counter()), strict=False):
            rows = (symbol, *vocabulary.rows_of_places(names))
            fed.append(first + numbers.setdefault(rows, len(numbers)))
        fed.append(int(part[-1]))  # the end is never fed back
    return np.array(fed, np.int32)


def _cues(vocabulary: Vocabulary, piece: Sequence[str]) -> Iterator[str]:
    cues = cues_of(piece) if vocabulary.unit == "abc" else piece[:1]
    return (cue for cue in cues if (vocabulary.number(cue) or 0) >= SPECIALS)


def _encode_keys(splits: dict[str, CorpusPieces], transpose: bool) -> EncodedPieces:
    """A symbol for each distinct set of notes; single notes are symbols, too, as cues."""
    numbers: dict[Step, int] = {}
    encoded = {}
    for name, pieces in splits.items():
        flat = [numbers.setdefault(step, len(numbers)) for piece in pieces.steps for step in piece]
        first = [next((step for step in piece if step), ()) for piece in pieces.steps]
        cues = tuple(
            np.array([numbers.setdefault((note,), len(numbers)) for note in step], np.int32) for step in first
        )
        encoded[name] = Pieces(np.array(flat, np.int32), offsets_of(pieces.lengths), cues)
    sets = np.zeros((len(numbers), KEYS), bool)
    for step, number in numbers.items():
        sets[number, [note - LOWEST for note in step]] = True
    used = np.flatnonzero(sets.any(axis=0))
    low, high = (int(used[0]), KEYS - 1 - int(used[-1])) if len(used) else (0, 0)
    shifts = (0, *(shift for shift in SHIFTS if shift and transpose and -low <= shift <= high))
    return EncodedPieces(Symbols.keys(sets, shifts), encoded, shifts)
