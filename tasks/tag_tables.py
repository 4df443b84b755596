"""Shards of tagged text and DNA: where sources are cut, and the tables of what is found in each cut."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from data import schema
from data.contigs import Contig
from data.corpus import quarantine
from data.proteins import proteins
from data.records import Refused
from tasks.dna import GeneFinder
from tasks.tag_sources import Place, Record
from tasks.tagger import Tagged, Tagger


@dataclass
class Cut:
    """What goes into one shard.

    records: those that begin in it, refused ones included; size: characters or bases; last: of its source.
    """

    sentences: list[Place] = field(default_factory=list)
    contigs: list[Contig] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    records: int = 0
    size: int = 0
    last: bool = False


Tables = Callable[[Cut], tuple[dict[str, pl.DataFrame], dict[str, int]]]


def cuts(records: Iterable[Record], shard_size: int) -> Iterator[Cut]:
    """Cut the records of a source into shards of about `shard_size` characters or bases, the same always."""
    cut = Cut()
    for record in records:
        if cut.size >= shard_size:
            yield cut
            cut = Cut()
        if isinstance(record, Place):
            cut.sentences.append(record)
            cut.records += record.record
            cut.size += len(record.sentence.text) + 1
        elif isinstance(record, Contig):
            cut.contigs.append(record)
            cut.records += 1
            cut.size += len(record.bases)
        else:
            cut.refused.append(record)
            cut.records += 1
            cut.size += len(record.raw)
    cut.last = True
    yield cut


def with_quarantine(cut: Cut, tables: Tables) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    """All tables of a shard that have rows, `data` in any case, and its counts."""
    frames, counts = tables(cut)
    frames["quarantine"] = quarantine(cut.refused)
    kept = {name: frame for name, frame in frames.items() if frame.height or name == "data"}
    return kept, {**counts, "records": cut.records, "quarantined": len(cut.refused)}


def entities(tagger: Tagger, formats: Sequence[str]) -> Tables:
    """Tables of tagged text: entities, documents and, for CoNLL, tokens."""

    def tables(cut: Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
        sentences = [place.sentence for place in cut.sentences]
        lengths = [len(sentence.token_start) for sentence in sentences]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts, ends = _flat(cut, "token_start"), _flat(cut, "token_end")
        tokens = [
            sentence.text[a - sentence.start : b - sentence.start]
            for sentence in sentences
            for a, b in zip(sentence.token_start, sentence.token_end, strict=True)
        ]
        words = pl.Series("text", tokens, dtype=pl.String)
        tagged = tagger.tag_flat(words, offsets)
        frames = {"data": _entity_rows(cut, tagged, tagger, offsets, starts, ends)}
        frames["documents"] = _document_rows(cut, lengths)
        if "conll" in formats:
            frames["tokens"] = _token_rows(cut, tagged, tagger, offsets, starts, ends, words)
        counts = {"sentences": len(lengths), "tokens": len(tokens), "rows": frames["data"].height}
        return frames, counts

    return tables


def _flat(cut: Cut, name: str) -> np.ndarray:
    values = itertools.chain.from_iterable(getattr(place.sentence, name) for place in cut.sentences)
    return np.fromiter(values, np.int64)


def _entity_rows(
    cut: Cut,
    tagged: Tagged,
    tagger: Tagger,
    offsets: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> pl.DataFrame:
    spans = tagged.spans
    first = offsets[spans.sequence]
    start, end = starts[first + spans.start], ends[first + spans.end - 1]
    order = np.argsort(first + spans.start, kind="stable")
    places = [cut.sentences[i] for i in spans.sequence[order].tolist()]
    texts = [
        place.sentence.text[a - place.sentence.start : b - place.sentence.start]
        for place, a, b in zip(places, start[order].tolist(), end[order].tolist(), strict=True)
    ]
    columns: dict[str, Any] = {
        "source": [place.source for place in places],
        "document": [place.document for place in places],
        "sentence": [place.number for place in places],
        "start": start[order],
        "end": end[order],
        "text": texts,
        "type": [tagger.types[kind] for kind in spans.kind[order].tolist()],
        "probability": np.asarray(spans.probability, np.float32)[order],
        "model": [tagger.version] * len(places),
    }
    return pl.DataFrame(columns, schema=schema.ENTITIES)


def _document_rows(cut: Cut, lengths: Sequence[int]) -> pl.DataFrame:
    rows = []
    pairs = zip(cut.sentences, lengths, strict=True)
    for place, group in itertools.groupby(pairs, key=lambda pair: pair[0][:2]):
        counts = [length for _, length in group]
        rows.append((*place, len(counts), sum(counts)))
    return pl.DataFrame(rows, schema=schema.TAGGED_DOCUMENTS, orient="row")


def _token_rows(
    cut: Cut,
    tagged: Tagged,
    tagger: Tagger,
    offsets: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    words: pl.Series,
) -> pl.DataFrame:
    lengths = np.diff(offsets)
    sources = pl.Series([place.source for place in cut.sentences], dtype=pl.String)
    documents = pl.Series([place.document for place in cut.sentences], dtype=pl.String)
    numbers = np.array([place.number for place in cut.sentences], np.int32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return pl.DataFrame(
        {
            "source": sources.gather(owner),
            "document": documents.gather(owner),
            "sentence": numbers[owner],
            "start": starts,
            "end": ends,
            "text": words,
            "tag": pl.Series(tagger.tags, dtype=pl.String).gather(tagged.tags),
            "probability": tagged.probability,
            "model": pl.repeat(tagger.version, len(words), eager=True),
        },
        schema=schema.TOKENS,
    )


def genes(finder: GeneFinder, formats: Sequence[str]) -> Tables:
    """Tables of tagged DNA: intervals, contigs and, for FASTA of them, proteins."""

    def tables(cut: Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
        found = list(finder.tag_contigs(cut.contigs))
        frames = {"data": pl.concat([schema.INTERVALS.to_frame(), *found])}
        rows = [(contig.source, contig.id, contig.length, contig.circular) for contig in cut.contigs]
        frames["contigs"] = pl.DataFrame(rows, schema=schema.TAGGED_CONTIGS, orient="row")
        if "faa" in formats:
            code = finder.config.decode.code
            pairs = zip(cut.contigs, found, strict=True)
            translated = [proteins(contig.bases, frame, code) for contig, frame in pairs]
            frames["proteins"] = pl.concat([schema.PROTEINS.to_frame(), *translated])
        bases = sum(contig.length for contig in cut.contigs)
        return frames, {"bases": bases, "rows": frames["data"].height}

    return tables
