"""`elman demo`: the whole job on real input, explained as it goes; leaves nothing running."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from elman.flows.arguments import Config
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.learning.generate import GenerateConfig, generate
from elman.flows.learning.transcribe import TranscribeConfig, transcribe
from elman.flows.tag import TagConfig, Tagged, tag
from elman.flows.train import TrainConfig, train
from elman.tasks.demo import show
from elman.tasks.demo.sample_genomes import Genome, genomes
from elman.tasks.demo.spoken_number import write_spoken_number
from elman.tasks.inspection.text import ARTICLE
from elman.tasks.runtime import mlflow_sync
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, home
from elman.tasks.runtime.orchestration import call
from elman.tasks.training.kernels import KernelCompilation

UNSEEN = "E. coli K-12 MG1655"  # the genome that is not learned from
SAMPLES = CHECKOUT / "data" / "samples"
CHINESE = "林雅婷星期五從里斯本飛往日本。"  # Lin Ya-ting flies from Lisbon to Japan on Friday.


@dataclass(frozen=True, kw_only=True)
class DemoConfig(Config):
    """The whole job on real input: text and DNA, from raw files to tagged Parquet."""

    seed: Annotated[int, Ge(0)] = 0
    """of every training"""
    text_only: bool = False
    """leave the genomes out, which are fetched (21.9 MB) the first time"""


def demo(config: DemoConfig) -> dict[str, Any]:
    """Tag text, make a melody, write down speech, find genes; return where everything lies."""
    began = time.monotonic()
    text = _text(config)
    melody, speech = _melody(config), _speech(config)
    dna = "left out" if config.text_only else _dna(config)
    summary = {"text": text, "melody": melody, "speech": speech, "dna": dna}
    show.title("Look around", f"everything lies in {show.short(home())}; nothing is left running")
    command = show.short(Path(sys.argv[0])) if Path(sys.argv[0]).name == "elman" else "elman"
    print_status("The runs with their curves, tables and models, in a browser:")
    print_status(f"    {command} up        then open {mlflow_sync.page(text['run_id'])}")
    print_status(f"    {command} down      stops it")
    print_status("On text of your own:")
    print_status(f"    {command} tag models:/demo-names@champion FILE --out tagged --format parquet,jsonl")
    return {**summary, "seconds": round(time.monotonic() - began, 1), "home": str(home())}


def _text(config: DemoConfig) -> dict[str, Any]:
    show.title("1. Raw text becomes a corpus", "JSON lines with character spans, in English and in Chinese")
    with KernelCompilation("default") as kernels:
        for name in ("english", "chinese"):
            found = call(ingest, IngestConfig(sources=(SAMPLES / name,), name=f"demo-{name}"))
            show.corpus(found, "document")
        kernels.wait()
    show.title(
        "2. A recurrent network learns to find names",
        "beside the networks it replaces, on the same sentences, judged on documents none of them has seen",
    )
    wanted = TrainConfig(corpus="demo-english", register="demo-names", compare=True, seed=config.seed)
    trained = call(train, wanted).to_json()
    show.comparison(trained["compare"])
    show.title(
        "3. The article's sentence, whose names no training sentence holds",
        "each find with its type and how sure the network is",
    )
    show.tagged(trained["model"], ARTICLE)
    show.title(
        "4. The same in Chinese, by character", "the preset fast, one network of Elman cells both ways"
    )
    chinese = call(train, TrainConfig(corpus="demo-chinese", preset="fast", seed=config.seed)).to_json()
    show.tagged(chinese["model"], CHINESE)
    show.title(
        "5. A page of plain text, tagged in bulk",
        "by the registered model; a run that is interrupted goes on where it stopped",
    )
    page, out = SAMPLES / "page.txt", home() / "tagged" / "demo-page"
    print_status(page.read_text(encoding="utf-8").split("\n\n")[1] + "\n...")
    tagged = call(
        tag,
        TagConfig(model="models:/demo-names@champion", sources=(page,), out=out, format="parquet,jsonl"),
    )
    assert isinstance(tagged, Tagged)
    show.rows(out)
    counts = f"{tagged.counts.rows} entities in {tagged.counts.sentences} sentences"
    print_status(f"{counts}: {show.short(out)}/data/*.parquet and tags.jsonl; the first of them above")
    return {
        "model": trained["model"],
        "run_id": trained["run_id"],
        "test": {key: trained["test"][key] for key in ("precision", "recall", "f1")},
        "tagged": str(out),
    }


def _melody(config: DemoConfig) -> dict[str, Any]:
    show.title(
        "6. A melody from one note",
        "the same kind of network, fed its own notes: from nothing, or from a single integer, a sequence",
    )
    found = call(ingest, IngestConfig(sources=(SAMPLES / "tunes" / "tunes.abc",), name="demo-tunes"))
    show.corpus(found, "tune")
    wanted = TrainConfig(corpus="demo-tunes", task="generate", preset="fast", seed=config.seed)
    trained, out = call(train, wanted), home() / "generated" / "demo-melody"
    again = GenerateConfig(
        model=trained.model,
        start="G",
        count=3,
        temperature=0.7,
        length=400,
        seed=config.seed,
        out=out,
        wav=1,
    )
    generated = call(generate, again)
    show.melody((out / "pieces.abc").read_text(encoding="utf-8"))
    files = f"{show.short(out)}/midi, wav/000000.wav and pieces.abc"
    print_status(f"{generated.pieces} tunes from the note G: {files}; the first of them above")
    return {"model": trained.model, "generated": str(out)}


def _speech(config: DemoConfig) -> dict[str, Any]:
    show.title(
        "7. A spoken number is written down",
        "by a network that has heard digits one at a time, from voices of espeak-ng; this voice is new to it",
    )
    found = call(ingest, IngestConfig(sources=(SAMPLES / "digits" / "digits.zip",), name="demo-digits"))
    show.corpus(found, "clip")
    wanted = TrainConfig(
        corpus="demo-digits",
        task="transcribe",
        preset="fast",
        epochs=90,
        batch=4,
        learning_rate=0.01,
        seed=config.seed,
    )
    trained, out = call(train, wanted), home() / "transcribed" / "demo-number"
    recording = home() / "recordings" / "number.wav"
    said = write_spoken_number(Path(found.corpus), recording)
    again = TranscribeConfig(model=trained.model, sources=(recording,), out=out, format=("srt",))
    call(transcribe, again)
    print_status(f"said:  {said}")
    print_status(f"heard: {show.transcript(out)}")
    files = f"{show.short(out)}/data/*.parquet and srt/number.srt"
    print_status(f"{show.short(recording)} -> {files}")
    return {"model": trained.model, "transcribed": str(out)}


def _dna(config: DemoConfig) -> dict[str, Any]:
    show.title(
        "8. Genomes: which parts code for a protein?", "two bacteria to learn from, a third to judge by"
    )
    known = genomes()
    print_status(f"from {show.short(known[UNSEEN].fasta.parent)}")
    for name, genome in known.items():
        print_status(f"    {name}: {genome.fasta.name} and {genome.gff3.name}")
    train_on = (known["S. aureus O11"], known["B. thetaiotaomicron jmh43"])
    found = call(ingest, IngestConfig(sources=_files(*train_on), name="demo-genomes"))
    show.corpus(found, "sequence")
    unseen = known[UNSEEN]
    found = call(ingest, IngestConfig(sources=_files(unseen), name="demo-genomes", as_="test"))
    show.corpus(found, "sequence")
    trained = call(train, TrainConfig(corpus="demo-genomes", preset="fast", seed=config.seed)).to_json()
    show.title(f"9. Coding regions of {UNSEEN}, which the network has never seen")
    scores = trained["test"]
    show.genes(scores)
    out = home() / "tagged" / "demo-ecoli"
    tagged = call(
        tag,
        TagConfig(model=trained["model"], sources=(unseen.fasta,), out=out, format="parquet,gff3,bed"),
    )
    assert isinstance(tagged, Tagged)
    show.rows(out)
    files = f"{show.short(out)}/data/*.parquet, tags.gff3 and tags.bed"
    print_status(f"{tagged.counts.rows:,} coding regions: {files}; the first of them above")
    keys = ("precision", "recall", "f1", "mcc")
    return {"model": trained["model"], "test": {key: scores[key] for key in keys}, "tagged": str(out)}


def _files(*chosen: Genome) -> tuple[Path, ...]:
    return tuple(path for genome in chosen for path in (genome.fasta, genome.gff3))
