"""Silver labels on a real corpus: what the labels of another tagger add to few gold ones.

    python -m bench.silver CORPUS_FOLDER [--gold 0.5 0.1] [--seeds 3]

CORPUS_FOLDER has files of CoNLL columns whose names tell their split. Of the training sentences a share
keeps its gold labels, in whole documents. The feature CRF of `bench/crf.py` learns from these and labels the
others, each entity with the least probability of its tags. Then the preset fast is trained on the gold ones
alone, and with the silver ones (`elman train --silver`).
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from bench import crf
from bench.labelling import ingested
from elman.data.encoding.encode import tokens_of
from elman.data.store.dataset import Dataset
from elman.data.store.schema import SCORES
from elman.data.store.writer import DatasetWriter
from elman.data.text.tags import from_spans, spans
from elman.tasks.evaluation.text import evaluate_text
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_tagger

PRESET = "fast"
ITERATIONS = 100  # of the CRF
SILVER = "silver"


def split_gold(rows: pl.DataFrame, share: float, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cut the sentences of training in two: a random share of documents, and the rest."""
    documents = rows["document"].unique(maintain_order=True).to_list()
    if len(documents) < 20:  # files that mark no documents
        units = (rows["sentence"] // 10).cast(pl.String)
        rows = rows.with_columns(unit=pl.col("document") + "/" + units)
    else:
        rows = rows.with_columns(unit="document")
    order = rows["unit"].unique(maintain_order=True).to_list()
    random.Random(seed).shuffle(order)  # noqa: S311 (an order)
    chosen = pl.col("unit").is_in(order[: round(share * len(order))])
    return rows.filter(chosen).drop("unit"), rows.filter(~chosen).drop("unit")


def sentences(rows: pl.DataFrame) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of each sentence."""
    words, offsets = tokens_of(rows)
    text = words.to_list()
    for number, tags in enumerate(rows["tags"].to_list()):
        yield text[offsets[number] : offsets[number + 1]], tags


def label(tagger: Any, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sentences with the tags of a CRF, and the score of each sentence with an entity."""
    given, scores = [], []
    for words, _ in sentences(rows):
        tags = tagger.tag(crf.features(words))
        sure = [tagger.marginal(tag, at) for at, tag in enumerate(tags)]
        found = spans(tags)
        given.append(from_spans(len(tags), found))
        scores.append(min((min(sure[a:b]) for a, b, _ in found), default=None))
    table = rows.select("document", "source", "sentence", score=pl.Series(scores, dtype=pl.Float64))
    return rows.with_columns(tags=pl.Series(given)), table.drop_nulls("score").cast(dict(SCORES))


def write(folder: Path, of: Dataset, rows: pl.DataFrame, scores: pl.DataFrame | None = None) -> Path:
    """Write a corpus of the kind of another."""
    tables = {"data": rows} if scores is None or scores.is_empty() else {"data": rows, "scores": scores}
    with DatasetWriter(folder, kind=of.kind, config={}) as writer:
        shard = writer.stage(folder.name, folder.name, tables, counts={"records": rows.height}, source={})
        writer.commit([shard], meta=of.meta)
    return folder


def train(corpus: Path, seed: int, silver: Path | None) -> dict[str, float]:
    """Train and score; F1 of dev and test in percent."""
    encoded = Path(encode_corpus(str(corpus), PRESET, silver=str(silver) if silver else None))
    request = TrainRequest(corpus=corpus, encoded=encoded, preset=PRESET, seed=seed, silver=silver)
    tagger = Tagger.load(Path(fit_tagger(request).model))
    dataset = Dataset.open(corpus)
    return {split: 100 * evaluate_text(tagger, dataset, split).f1 for split in ("dev", "test")}


def trial(corpus: Dataset, share: float, seed: int, work: Path) -> dict[str, Any]:
    """One seed: gold alone, and with silver labels."""
    rows = corpus.scan().filter(pl.col("tags").list.len() > 0).collect()
    kept, withheld = split_gold(rows.filter(split="train"), share, seed)
    teacher = crf.train(list(sentences(kept)), ITERATIONS)
    of_test = rows.filter(split="test")
    gold = write(
        work / f"gold-{share}-{seed}", corpus, pl.concat([kept, rows.filter(pl.col("split") != "train")])
    )
    silver = write(work / f"silver-{share}-{seed}", corpus, *label(teacher, withheld))
    crf_tags = label(teacher, of_test)[0]["tags"].to_list()
    found, wanted = ([set(spans(tags)) for tags in some] for some in (crf_tags, of_test["tags"].to_list()))
    right = sum(len(a & b) for a, b in zip(found, wanted, strict=True))
    return {
        "gold": share,
        "seed": seed,
        "sentences": kept.height,
        "silver_sentences": withheld.height,
        "crf_test": 100 * 2 * right / max(sum(map(len, found)) + sum(map(len, wanted)), 1),
        "alone": train(gold, seed, None),
        "with_silver": train(gold, seed, silver),
    }


def main(arguments: Sequence[str]) -> None:
    """Run and print a line a trial, and the mean of each share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--gold", type=float, nargs="+", default=[0.5, 0.1])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        os.environ["ELMAN_HOME"] = str(Path(work) / "home")
        corpus = Dataset.open(ingested(Path(options.corpus)))
        for share in options.gold:
            done = []
            for seed in range(options.seeds):
                done.append(trial(corpus, share, seed, Path(work)))
                print(json.dumps(done[-1]), flush=True)
            for split in ("dev", "test"):
                means = [statistics.mean(one[how][split] for one in done) for how in ("alone", "with_silver")]
                print(f"{share:.0%} gold, {split}: {means[0]:.1f} alone, {means[1]:.1f} with silver labels")


if __name__ == "__main__":
    main(sys.argv[1:])
