"""A small corpus with names that follow a rule, a tagger trained on it, workers that some words end."""

import json
import random
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from elman.data.corpus.contig_pieces import pieces
from elman.data.corpus.silver import SilverCorpus
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.data.text.tokenizer import Tokenizer, Unit
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.models import gene_finder, gene_presets, model_folder
from elman.tasks.models.passport import CorpusOrigin, GenePassport
from elman.tasks.training import genes
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_tagger

Rows = Iterable[tuple[str, str, str]]  # document, split, "token/TAG token/TAG"


def frame_of(sentences: Rows) -> pl.DataFrame:
    rows, numbers, places = [], {}, {}
    for document, split, line in sentences:
        pairs = [item.rsplit("/", 1) for item in line.split()]
        start = at = places.get(document, 0)
        starts = []
        for pair in pairs:
            starts.append(at)
            at += len(pair[0]) + 1
        places[document] = at
        number = numbers[document] = numbers.get(document, -1) + 1
        ends = [a + len(pair[0]) for a, pair in zip(starts, pairs, strict=True)]
        tags = [pair[1] for pair in pairs] if all(len(pair) == 2 for pair in pairs) else None
        text = " ".join(pair[0] for pair in pairs)
        rows.append((document, number, split, text, start, starts, ends, tags, f"{split}.conll", 0))
    return pl.DataFrame(rows, schema=schema.TEXT, orient="row")


def invented(count: int, seed: int) -> list[tuple[str, str, str]]:
    """Sentences about invented people (names in -son) and places (in -burg), splits by document."""
    rng = random.Random(seed)

    def name(ending: str) -> str:
        return "".join(rng.choice("BDGKLMNPRST") + rng.choice("aeiou") for _ in range(2)).title() + ending

    def person() -> str:
        return f"{name('son')}/B-PER" + (f" {name('son')}/I-PER" if rng.random() < 0.4 else "")

    def place() -> str:
        return f"{name('burg')}/B-LOC"

    forms = (
        lambda: f"{person()} met/O {person()} in/O {place()} ./O",
        lambda: f"yesterday/O the/O {rng.choice(['bus', 'train', 'ship'])}/O to/O {place()} was/O late/O ./O",
        lambda: f"in/O {place()} it/O {rng.choice(['rained', 'snowed'])}/O ./O",
        lambda: f"{person()} says/O it/O is/O {rng.choice(['cold', 'warm', 'dull'])}/O ./O",
    )
    out = []
    for number in range(count):
        split = ("train",) * 8 + ("dev", "test")
        out.append((f"doc{number // 5}", split[number // 5 % 10], rng.choice(forms)()))
    return out


@pytest.fixture(scope="session")
def write_corpus() -> Callable[..., Path]:
    """Make a corpus of sentences given as (document, split, "token/TAG token/TAG").

    All are one shard, or with `apart` a shard a split, made of a content that is called as the split.
    """

    def write(folder: Path, sentences: Rows, unit: Unit = "word", apart: bool = False) -> Path:
        frame = frame_of(sentences)
        frames = {"all": frame}
        if apart:
            frames = {str(split): part for (split,), part in frame.group_by("split", maintain_order=True)}
        with DatasetWriter(folder, kind="corpus-text", config={}) as writer:
            shards = [
                writer.stage(name, name, {"data": part}, counts={"records": 1}, source={"sources": [name]})
                for name, part in frames.items()
            ]
            writer.commit(shards, meta={"unit": unit, "tokenizer": Tokenizer(unit=unit).to_json()})
        return folder

    return write


BESIDE_SILVER = [
    ("a", "train", "Sam/B-PER Li/I-PER met/O Tom/B-PER"),
    ("b", "train", "Rome/B-LOC is/O old/O"),
    ("c", "dev", "Bo/B-PER left/O"),
    ("d", "test", "Eva/B-PER stayed/O in/O Wien/B-LOC"),
]


@pytest.fixture
def silver_of(tmp_path, write_corpus) -> Callable[..., SilverCorpus]:
    """Make a silver corpus beside BESIDE_SILVER, from its sentences and scores by document."""
    gold = write_corpus(tmp_path / "gold", BESIDE_SILVER)

    def of(rows: Rows, scores: dict[str, float] | None = None, unit: Unit = "word") -> SilverCorpus:
        folder = write_corpus(tmp_path / "silver", rows, unit)
        if scores:
            folder = _with_scores(Dataset.open(folder), scores)
        return SilverCorpus(Dataset.open(gold), Dataset.open(folder))

    return of


def _with_scores(dataset: Dataset, scores: dict[str, float]) -> Path:
    """The corpus with a table of scores, of the first sentence of each document."""
    data, folder = dataset.scan().collect(), dataset.folder.with_name("scored")
    rows = [(name, "all", 0, score) for name, score in scores.items()]
    table = pl.DataFrame(rows, schema=schema.SCORES, orient="row")
    with DatasetWriter(folder, kind="corpus-text", config={}) as writer:
        shard = writer.stage("all", "all", {"data": data, "scores": table}, counts={"records": 1}, source={})
        writer.commit([shard], meta={"unit": "word", "tokenizer": Tokenizer().to_json()})
    return folder


@pytest.fixture(scope="session")
def names(tmp_path_factory, write_corpus) -> Path:
    """A corpus of 500 sentences whose names tell their type by their ending."""
    return write_corpus(tmp_path_factory.mktemp("corpora") / "names", invented(500, 1))


@pytest.fixture(scope="session")
def train_in() -> Callable[..., dict[str, Any]]:
    """Train on a corpus in a home folder of its own."""

    def train(
        home: Path, corpus: Path, preset: str = "fast", seed: int = 0, **options: Any
    ) -> dict[str, Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ELMAN_HOME", str(home))
            encoded = encode_corpus(str(corpus), preset)
            options.setdefault("overrides", {"epochs": 5})
            request = TrainRequest(corpus=corpus, encoded=Path(encoded), preset=preset, seed=seed, **options)
            fitted = fit_tagger(request)
            times = {"epochs": fitted.epochs, "seconds": fitted.seconds}
            return {**vars(fitted), **times, "encoded": encoded, "home": home}

    return train


@pytest.fixture(scope="session")
def trained(tmp_path_factory, names, train_in) -> dict[str, Any]:
    """Summary of a training on the corpus of names."""
    return train_in(tmp_path_factory.mktemp("trained"), names)


@pytest.fixture(scope="session")
def invented_rows() -> Callable[[int, int], list[tuple[str, str, str]]]:
    """`invented`, for tests that write sources of their own."""
    return invented


@pytest.fixture(scope="session")
def sentence() -> Callable[[int], str]:
    """A sentence of a number."""
    return lambda n: f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 5]}burg ."


@pytest.fixture(scope="session")
def write_marked(sentence) -> Callable[..., Path]:
    """Write documents of one sentence, some with a mark of `marked_worker` before it."""

    def write(path: Path, marks: dict[int, str], count: int = 120) -> Path:
        texts = [f"{marks[n]} {sentence(n)}" if n in marks else sentence(n) for n in range(count)]
        lines = (json.dumps({"id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(texts))
        path.write_text("".join(lines))
        return path

    return write


@pytest.fixture
def marked_worker(tmp_path, checkout) -> Path:
    """The script of a worker that marks end or hold up; `log` holds the documents of each part it begins.

    KILL ends the worker, ONCE the first time, PARENT ends the process that keeps it the first time, FAIL is
    an error, STALL goes on for ever, WAIT until there is a file `go`, LATE as this the first time.
    """
    script = tmp_path / "worker.py"
    script.write_text(
        textwrap.dedent(f"""
            import os, pathlib, signal, sys, time
            sys.path.insert(0, {str(checkout)!r})
            from elman.tasks.execution import worker
            from elman.tasks.tagging import shard as tag_shard

            folder = pathlib.Path({str(tmp_path)!r})
            real = tag_shard.entity_tables

            def first(mark):
                try:
                    (folder / mark).touch(exist_ok=False)
                except FileExistsError:
                    return False
                return True

            def entities(*arguments):
                tables = real(*arguments)

                def watched(window):
                    documents = [part.document for part in window.sentences]
                    text = " ".join(text for part in window.sentences for text in part.texts())
                    with (folder / "log").open("a") as log:
                        log.write(" ".join(documents) + "\\n")
                    if "KILL" in text or ("ONCE" in text and first("once " + documents[0])):
                        os.kill(os.getpid(), signal.SIGKILL)
                    if "PARENT" in text and first("parent " + documents[0]):
                        os.kill(os.getppid(), signal.SIGKILL)
                        time.sleep(1000)
                    if "WAIT" in text or ("LATE" in text and first("late")):
                        while not (folder / "go").exists():
                            time.sleep(0.05)
                    if "STALL" in text:
                        time.sleep(1000)
                    if "FAIL" in text:
                        raise RuntimeError("this text cannot be")
                    return tables(window)

                return watched

            tag_shard.entity_tables = entities
            worker.main()
        """)
    )
    return script


@pytest.fixture(scope="session")
def gene_model(checkout, tmp_path_factory) -> Path:
    """Trained for a moment on the slice of E. coli that tests may use."""
    home = tmp_path_factory.mktemp("gene-home")
    config = gene_presets.DnaConfig(hidden=24, least=0.6, most=0.6, piece=3000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(home))
        patch.setattr(gene_presets, "PRESETS", {"default": config})
        fixtures = checkout / "tests" / "fixtures"
        sources = (fixtures / "ecoli_100kb.fna.gz", fixtures / "ecoli_100kb.gff3.gz")
        ingest.fn(IngestConfig(sources=sources, name="ecoli"))
        return Path(genes.train_dna(str(home / "corpora" / "ecoli"), "ecoli", "default", 0).model)


GENE_FINDER = gene_presets.DnaConfig(hidden=48, least=5.0, most=5.0, piece=3000)


@pytest.fixture(scope="session")
def gene_corpus(ecoli, tmp_path_factory) -> Path:
    """A corpus of DNA: 70 kb to train on, the rest to test on."""
    folder = tmp_path_factory.mktemp("corpus") / "ecoli"
    frame = pieces(ecoli, ["train"] * 7 + ["test"] * 3, size=10_000)
    with DatasetWriter(folder, kind="corpus-dna", config={}) as writer:
        writer.commit([writer.stage("0", "key", {"data": frame}, counts={"records": 1}, source={})])
    return folder


@pytest.fixture(scope="session")
def finder(gene_corpus) -> gene_finder.GeneFinder:
    """Trained for seconds: tells coding bases from others, but is not good."""
    params = genes.fit_dna(genes.annotated_stretches(gene_corpus), GENE_FINDER, seed=0)
    return gene_finder.GeneFinder(params, GENE_FINDER, "small")


@pytest.fixture
def write_finder(tracked_home) -> Callable[[gene_finder.GeneFinder], Path]:
    """Write the model folder of a gene finder."""

    def write(finder: gene_finder.GeneFinder) -> Path:
        origin = CorpusOrigin(name="ecoli", digest="d", sources=[])
        passport = GenePassport(corpus=origin, preset="small", seed=0, config=finder.config.to_json())
        return model_folder.write(passport, genes.model_files(finder))

    return write
