"""The labelling loop on a real corpus: documents that `elman suggest` chooses against random ones.

    python -m bench.labelling CORPUS_FOLDER [--seeds 3] [--rounds 5] [--draw]

CORPUS_FOLDER has files of CoNLL columns whose names tell their split. A document is a sentence. For each seed
a tenth of the training sentences is labelled first. Then, five times: a model is trained on what is labelled
(preset fast, 20 epochs), suggests documents among the others, and gets the gold labels of those; beside it
another gets as many tokens of random sentences. The rule of choice was decided by dev, by which the epoch is
chosen and probabilities are calibrated, too. --draw writes docs/img/labelling.png.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.text import evaluate_text
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.runtime import orchestration
from elman.tasks.runtime.environment import CHECKOUT
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_tagger

FIRST = 0.1  # of the training sentences, labelled before the first round
PRESET, EPOCHS = "fast", 20
ROUND = 0.05  # of the training sentences, suggested in a round
FIRST_ROUND, SUGGESTED, RANDOM = "first", "suggested", "random"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A model of a round.

    Attributes:
        seed: of the training and of the random order.
        round: from 0, before any choice.
        choice: SUGGESTED or RANDOM; FIRST_ROUND before any.
        tokens: labelled, of train.
        dev, test: F1, 0 to 1.
    """

    seed: int
    choice: str
    round: int
    tokens: int
    dev: float
    test: float


class Loop:
    """A corpus of which a part is labelled.

    Attributes:
        corpus: the whole of it, with all gold labels.
        work: folder of what is made.
        tokens: by document of train.
    """

    def __init__(self, corpus: Path, work: Path) -> None:
        self.corpus, self.work = Dataset.open(corpus), work
        self._rows = single_sentences(self.corpus.scan().collect())
        train = self._rows.filter(split="train").select("document", pl.col("tags").list.len())
        self.tokens: dict[str, int] = dict(train.group_by("document", maintain_order=True).sum().rows())

    def first(self, seed: int) -> list[str]:
        """Documents of train that are labelled before the first round."""
        return self.shuffled(seed)[: round(FIRST * len(self.tokens))]

    def shuffled(self, seed: int) -> list[str]:
        """All documents of train in a random order."""
        documents = sorted(self.tokens)
        random.Random(seed).shuffle(documents)  # noqa: S311 (an order)
        return documents

    def count(self, labelled: Sequence[str]) -> int:
        """Tokens of documents."""
        return sum(self.tokens[document] for document in labelled)

    def train(self, labelled: Sequence[str], seed: int) -> Path:
        """Train on documents; return the folder of the model."""
        mine = pl.col("document").is_in(list(labelled)) | (pl.col("split") != "train")
        corpus = self._write("labelled", self._rows.filter(mine))
        encoded = Path(encode_corpus(str(corpus), PRESET))
        request = TrainRequest(
            corpus=corpus, encoded=encoded, preset=PRESET, seed=seed, overrides={"epochs": EPOCHS}
        )
        return Path(fit_tagger(request).model)

    def suggest(self, model: Path, labelled: Sequence[str], count: int) -> list[str]:
        """Documents that a model suggests among those not labelled."""
        from elman.flows.labelling.suggest import SuggestConfig, suggest

        train = self._rows.filter(split="train")
        rest = self._write("rest", train.filter(~pl.col("document").is_in(list(labelled))))
        out = self.work / f"next-{len(list(self.work.glob('next-*')))}"
        suggest.fn(SuggestConfig(model=str(model), sources=(rest,), out=out, count=count, workers=0))
        return Dataset.open(out).scan().collect()["document"].to_list()

    def point(self, model: Path, labelled: Sequence[str], seed: int, choice: str, number: int) -> Point:
        """Score a model on dev and test."""
        tagger = Tagger.load(model)
        f1 = {split: evaluate_text(tagger, self.corpus, split).f1 for split in ("dev", "test")}
        return Point(seed=seed, choice=choice, round=number, tokens=self.count(labelled), **f1)

    def _write(self, name: str, rows: pl.DataFrame) -> Path:
        folder = self.work / f"{name}-{len(list(self.work.glob(f'{name}-*')))}"
        with DatasetWriter(folder, kind=self.corpus.kind, config={}) as writer:
            shard = writer.stage(name, name, {"data": rows}, counts={"records": rows.height}, source={})
            writer.commit([shard], meta=self.corpus.meta)
        return folder


def rounds(loop: Loop, seed: int, number: int) -> Iterator[Point]:
    """Go round with suggestions, then with random documents of as many tokens."""
    first = loop.first(seed)
    model, chosen = loop.train(first, seed), list(first)
    yield loop.point(model, chosen, seed, FIRST_ROUND, 0)
    wanted, size = [], round(ROUND * len(loop.tokens))
    for at in range(1, number + 1):
        chosen += loop.suggest(model, chosen, size)
        wanted.append(loop.count(chosen))
        model = loop.train(chosen, seed)
        yield loop.point(model, chosen, seed, SUGGESTED, at)
    others, chosen = iter(loop.shuffled(seed)[len(first) :]), list(first)
    for at, tokens in enumerate(wanted, 1):
        while loop.count(chosen) < tokens:
            chosen.append(next(others))
        yield loop.point(loop.train(chosen, seed), chosen, seed, RANDOM, at)


def single_sentences(rows: pl.DataFrame) -> pl.DataFrame:
    """Make every sentence of a corpus a document of its own."""
    offsets = (pl.col(name) - pl.col("start") for name in ("token_start", "token_end"))
    return rows.with_columns(
        *offsets,
        document=pl.concat_str("document", pl.lit("/"), "sentence"),
        sentence=pl.lit(0, pl.Int32),
        start=pl.lit(0, pl.Int64),
    )


def ingested(folder: Path) -> Path:
    """Ingest the files of a corpus by their splits; return the folder of the corpus."""
    from elman.flows.ingest import IngestConfig, ingest

    for split in ("train", "dev", "test"):
        (path,) = folder.glob(f"{split}*")
        ingest.fn(IngestConfig(sources=(path,), name=folder.name, as_=split))
    return corpus_folder(folder.name)


def curves(points: Sequence[Point], split: str) -> dict[str, list[tuple[float, float, float]]]:
    """By choice, of every round: mean of tokens, mean and standard deviation of F1 over seeds.

    Round 0, before any choice, is the beginning of both.
    """
    found = {}
    for choice in (SUGGESTED, RANDOM):
        found[choice] = []
        for number in range(max(point.round for point in points) + 1):
            of = [p for p in points if p.round == number and p.choice in (choice, FIRST_ROUND)]
            f1 = [getattr(point, split) for point in of]
            deviation = statistics.stdev(f1) if len(f1) > 1 else 0.0
            mean = statistics.fmean(point.tokens for point in of)
            found[choice].append((mean, statistics.fmean(f1), deviation))
    return found


def table(points: Sequence[Point], split: str) -> str:
    """Markdown: labelled tokens, F1 of both choices in per cent, and their difference by seed."""
    of = curves(points, split)
    by_place = {(p.seed, p.round, p.choice): getattr(p, split) for p in points}
    lines = [f"| tokens | {SUGGESTED} | {RANDOM} | difference |", "| ---: | ---: | ---: | ---: |"]
    for number, (mine, others) in enumerate(zip(of[SUGGESTED], of[RANDOM], strict=True)):
        gains = [
            100 * (f1 - by_place[seed, number, RANDOM])
            for (seed, at, choice), f1 in sorted(by_place.items())
            if (at, choice) == (number, SUGGESTED)
        ]
        cells = [f"{100 * mean:.1f} ± {100 * deviation:.1f}" for _, mean, deviation in (mine, others)]
        shown = ", ".join(f"{gain:+.1f}" for gain in gains)
        lines.append(f"| {mine[0]:,.0f} | {' | '.join(cells)} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Go round, print a Markdown table of dev and of test; each model is a line of JSON on stderr."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--draw", action="store_true")
    asked = parser.parse_args()
    orchestration.run_without_prefect()
    points = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["ELMAN_HOME"] = home
        loop = Loop(ingested(asked.folder), Path(home) / "work")
        for seed in range(asked.seeds):
            for point in rounds(loop, seed, asked.rounds):
                points.append(point)
                print(json.dumps(vars(point)), file=sys.stderr, flush=True)
    for split in ("dev", "test"):
        print(f"{split}:\n\n{table(points, split)}\n")
    print(f"{time.process_time():.0f} CPU seconds")
    if asked.draw:
        plots.f1_by_labels(curves(points, "test"), CHECKOUT / "docs" / "img" / "labelling.png")


if __name__ == "__main__":
    main()
