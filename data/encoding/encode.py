"""Encodes a labelled corpus as ragged integer arrays: feature bags, tag ids and offsets."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from elman.data import ragged
from elman.data.encoding.encoded_corpus import EncodedCorpus, EncodedSentences, EncodingNotes
from elman.data.encoding.features import Features, FeatureTemplate, bag_ids, contexts, distinct, reach_of
from elman.data.errors import BadInput
from elman.data.text.tags import tag_set

COLUMNS = ("document", "sentence", "split", "text", "start", "token_start", "token_end", "tags")
SILVER = "silver"  # split of sentences that are trained on beside the train split
HOLDOUT_GROUP = 50  # consecutive sentences held out together where there are too few documents


@dataclass(frozen=True, kw_only=True)
class EncodeConfig:
    """Options of encoding a corpus."""

    templates: tuple[FeatureTemplate, ...]
    rare: int = 1  # symbols with at most this count may be replaced by `<UNK>` in training
    rare_share: float = 1.0  # if they are at most this share of the training tokens; those seen once always
    holdout: float = 0.1  # share of training sentences held out if the corpus has no dev split

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        return {"blocks": plain.pop("templates"), **plain}


def tokens_of(frame: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    """Slice the tokens out of the text of sentences.

    Args:
        frame: `text`, `start`, `token_start` and `token_end` as in schema.TEXT; tokens ascend, none overlap.

    Returns:
        (N,) String, tokens of all sentences, and (n + 1,) int64, ragged offsets of the sentences.
    """
    text = frame["text"].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())
    ends = np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]
    starts, offsets = ragged.of_lists(frame["token_start"])
    stops, _ = ragged.of_lists(frame["token_end"])
    if not len(starts):
        return pl.Series([], dtype=pl.String), offsets
    data = text.buffers()[2]
    units = np.frombuffer(data, np.uint8)[: ends[-1]]
    if units.max(initial=0) < 0x80:
        first = ends[:-1]
        at = None
    else:  # byte position of each code point
        at = np.append(np.flatnonzero((units & 0xC0) != 0x80), ends[-1])
        first = np.searchsorted(at, ends[:-1])
    shift = ragged.spread(first - frame["start"].to_numpy(), offsets)
    bounds = np.empty(2 * len(starts), np.int64)  # token, gap, token, gap, ..., token
    bounds[0::2], bounds[1::2] = starts + shift, stops + shift
    if at is not None:
        bounds = at[bounds]
    array = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), data)
    return pl.Series(array).gather_every(2), offsets


def hold_out(sentences: pl.DataFrame, share: float) -> pl.DataFrame:
    """Choose sentences to hold out as dev split, in whole units, by a stable hash.

    Units are documents; if these cannot approximate the share, groups of 50 sentences, then sentences.

    Args:
        sentences: `document` and `sentence` of the training split.
        share: of the sentences; up to twice of it is taken where units are large.

    Returns:
        `document` and `sentence` of the held-out sentences; empty only if there is a single sentence.
    """
    for unit in (pl.lit(0), pl.col("sentence") // HOLDOUT_GROUP, pl.col("sentence")):
        units = sentences.with_columns(unit=unit.cast(pl.Int64))
        sizes = units.group_by("document", "unit").agg(pl.len().alias("size"))
        names = [f"{document}\0{number}" for document, number in sizes.select("document", "unit").iter_rows()]
        sizes = sizes.with_columns(
            hash=pl.Series([hashlib.sha256(name.encode()).hexdigest() for name in names], dtype=pl.String)
        ).sort("hash")
        chosen, taken = [], 0
        for size in sizes["size"]:
            fits = taken < share * len(sentences) and taken + size <= max(2 * share * len(sentences), 1)
            chosen.append(fits and taken + size < len(sentences))
            taken += size * chosen[-1]
        if taken and taken >= share * len(sentences) / 2:
            held = sizes.filter(pl.Series(chosen))
            return units.join(held, on=["document", "unit"], how="semi").select("document", "sentence")
    return sentences.select("document", "sentence").clear()


def encode(
    frames: Callable[[], Iterable[pl.DataFrame]],
    config: EncodeConfig,
    more: pl.DataFrame | None = None,
    earlier: Features | None = None,
) -> EncodedCorpus:
    """Encode a corpus; vocabularies are counted on its training split only, and on unlabelled text if given.

    Args:
        frames: returns the corpus in frames of schema.TEXT, the same at each call; silver sentences have the
            split SILVER and a `score`, and no type that the training split lacks.
        config: feature templates and other options.
        more: words of unlabelled text with their `count`, see `data.encoding.unlabelled.count_words`.
        earlier: features of an earlier model, whose symbols are kept, see `Features.fit`.

    Raises:
        BadInput: no labelled training sentence, or none with an entity.
    """
    splits, notes = _splits(frames, config)
    reach = reach_of(config.templates)

    def labelled() -> Iterable[tuple[str, pl.DataFrame]]:
        for frame in frames():
            rows = frame.select(*COLUMNS, pl.selectors.by_name("score", require_all=False))
            rows = rows.filter(pl.col("tags").list.len() > 0).drop("split")
            rows = rows.join(splits, on=["document", "sentence"], how="inner", maintain_order="left")
            for (split,), part in rows.group_by("split", maintain_order=True):
                yield str(split), part

    keys: pl.DataFrame | None = None
    tags: dict[str, set[str]] = {}
    for split, part in labelled():
        seen = distinct(contexts(*tokens_of(part), reach))
        if split not in ("train", SILVER):
            seen = seen.with_columns(count=pl.lit(0, pl.Int64))
        keys = seen if keys is None else distinct(pl.concat([keys, seen]))
        tags.setdefault(split, set()).update(part["tags"].list.explode().unique())
    if keys is None or "train" not in tags:
        raise BadInput("labelled sentences in the training split", got="none", todo=_ADVICE)
    types = {split: {tag[2:] for tag in names if tag != "O"} for split, names in tags.items()}
    if not types["train"]:
        raise BadInput("entities in the training split", got="only the tag O", todo=_ADVICE)
    known = tag_set(sorted(types["train"]))
    other = tag_set(sorted(set().union(*types.values()) - types["train"]))[1:]
    learned = keys.filter(pl.col("count") > 0)
    rare = max(1, min(config.rare, int(config.rare_share * int(learned["count"].sum()))))
    features = Features.fit(learned, config.templates, rare, more, earlier)
    numbering = pl.Enum([*known, *other])
    parts: dict[str, list[EncodedSentences]] = {}
    for split, part in labelled():
        words, offsets = tokens_of(part)
        labels = part["tags"].list.explode().cast(numbering).to_physical().cast(pl.Int32).to_numpy()
        bags = bag_ids(contexts(words, offsets, reach), keys)
        sentence = part.select("document", "sentence", pl.selectors.by_name("score", require_all=False))
        parts.setdefault(split, []).append(EncodedSentences(bags, labels, offsets, sentence))
    joined = {split: _join(some) for split, some in sorted(parts.items())}
    notes = replace(notes, types_unseen_in_training=tuple(sorted({tag[2:] for tag in other})))
    return EncodedCorpus(features, features.bags(keys), tuple(known), (*known, *other), joined, notes)


_ADVICE = "Ingest labelled text first: `elman ingest FILE --name CORPUS --as train`."


def _splits(
    frames: Callable[[], Iterable[pl.DataFrame]], config: EncodeConfig
) -> tuple[pl.DataFrame, EncodingNotes]:
    """Split of each labelled sentence, with dev held out of train if there is none, and notes on the rest."""
    columns = pl.col("document", "sentence", "split"), pl.col("tags").list.len().alias("length")
    rows = pl.concat([frame.select(*columns) for frame in frames()])
    splits = rows.filter(pl.col("length") > 0).drop("length")
    notes = EncodingNotes(unlabelled_sentences=rows["length"].null_count())
    if not (splits["split"] == "dev").any():
        train = splits.filter(pl.col("split") == "train").drop("split")
        held = hold_out(train, config.holdout)
        notes = replace(notes, held_out_sentences=len(held))
        splits = splits.join(
            held.with_columns(held=True), on=["document", "sentence"], how="left", maintain_order="left"
        ).select("document", "sentence", split=pl.when("held").then(pl.lit("dev")).otherwise("split"))
    return splits, notes


def _join(parts: list[EncodedSentences]) -> EncodedSentences:
    return EncodedSentences(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.tags for part in parts]),
        ragged.join([part.offsets for part in parts]),
        pl.concat([part.keys for part in parts]),
    )
