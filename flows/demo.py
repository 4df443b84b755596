"""`elman demo`: the whole job on real input, explained as it goes; leaves nothing running."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.evaluate import EvaluateConfig, evaluate
from flows.ingest import IngestConfig, ingest
from flows.tag import TagConfig, tag
from flows.train import TrainConfig, train
from tasks import show
from tasks.environment import CHECKOUT, home
from tasks.genomes import Genome, genomes
from tasks.orchestration import call
from tasks.progress import say

ARTICLE = "Sam Li and Tom date on Tuesday."
SAMPLES = CHECKOUT / "data" / "samples"


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """The whole job on real input: text and DNA, from raw files to tagged Parquet."""

    seed: int = 0
    dna: bool = True  # also fetch genomes (21.9 MB), train on two and find genes on a third


def demo(config: DemoConfig) -> dict[str, Any]:
    """Ingest, train, compare, tag text, find genes; return where everything lies."""
    began = time.monotonic()
    summary = {"text": _text(config), "dna": _dna(config) if config.dna else "left out"}
    show.title("Look around")
    say(f"Everything lies in {home()}. The runs with their curves, tables and models, in a browser:")
    say("    elman up        then open http://127.0.0.1:5000; `elman down` stops it")
    return {**summary, "seconds": round(time.monotonic() - began, 1), "home": str(home())}


def _text(config: DemoConfig) -> dict[str, Any]:
    show.title("1. Raw text becomes a corpus", "JSON lines with character spans, in English and in Chinese")
    for name in ("english", "chinese"):
        show.corpus(call(ingest, IngestConfig(sources=(SAMPLES / name,), name=f"demo-{name}")))
    show.title(
        "2. A recurrent network learns to find names",
        "beside the networks it replaces, on the same sentences, judged on documents none of them has seen",
    )
    wanted = TrainConfig(corpus="demo-english", register="demo-names", compare=True, seed=config.seed)
    trained = call(train, wanted)
    show.comparison(trained["compare"])
    show.title("3. The article's sentence, whose names no training sentence holds")
    show.tagged(trained["model"], ARTICLE)
    show.title("4. The same in Chinese, by character")
    chinese = call(train, TrainConfig(corpus="demo-chinese", seed=config.seed))
    show.tagged(chinese["model"], "林雅婷星期五從里斯本飛往日本。")
    show.title(
        "5. A page of plain text, tagged in bulk",
        "by the registered model; a run that is interrupted goes on where it stopped",
    )
    page, out = SAMPLES / "page.txt", home() / "tagged" / "demo-page"
    say(page.read_text(encoding="utf-8").split("\n\n")[1])
    tagged = call(
        tag,
        TagConfig(model="models:/demo-names@champion", sources=(page,), out=out, format="parquet,jsonl"),
    )
    show.rows(out)
    say(f"{tagged['rows']} entities in {tagged['sentences']} sentences: {out}/data/*.parquet, tags.jsonl")
    return {
        "model": trained["model"],
        "run_id": trained["run_id"],
        "test": trained["test"],
        "tagged": str(out),
    }


def _dna(config: DemoConfig) -> dict[str, Any]:
    show.title(
        "6. Genomes: which parts code for a protein?", "two bacteria to learn from, a third to judge by"
    )
    known = genomes()
    for genome in known.values():
        say(f"reads {genome.fasta} and {genome.gff3}")
    train_on = (known["S. aureus O11"], known["B. thetaiotaomicron jmh43"])
    call(ingest, IngestConfig(sources=_files(*train_on), name="demo-genomes"))
    unseen = known["E. coli K-12 MG1655"]
    show.corpus(call(ingest, IngestConfig(sources=_files(unseen), name="demo-genomes", as_="test")))
    trained = call(train, TrainConfig(corpus="demo-genomes", preset="fast", seed=config.seed))
    scores = call(evaluate, EvaluateConfig(model=trained["model"], corpus="demo-genomes"))
    show.title("7. Coding regions of E. coli, a genome the network has never seen")
    show.genes(scores)
    out = home() / "tagged" / "demo-ecoli"
    tagged = call(
        tag,
        TagConfig(model=trained["model"], sources=(unseen.fasta,), out=out, format="parquet,gff3,bed"),
    )
    show.rows(out)
    say(f"{tagged['rows']:,} coding regions: {out}/data/*.parquet, tags.gff3, tags.bed")
    keys = ("precision", "recall", "f1", "mcc")
    return {"model": trained["model"], "test": {key: scores[key] for key in keys}, "tagged": str(out)}


def _files(*chosen: Genome) -> tuple[Path, ...]:
    return tuple(path for genome in chosen for path in (genome.fasta, genome.gff3))
