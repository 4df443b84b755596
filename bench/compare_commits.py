"""Regression check of two commits: corpora, weights and tags of OLD and of NEW by their command lines alone.

    python bench/compare_commits.py OLD NEW --quick
    python bench/compare_commits.py OLD NEW --corpora ../shared/corpora --old-results DIR --json table.json

OLD and NEW are checkouts with an environment of their own (`make env`). Each side ingests, trains and tags
the same input in a home folder of its own. Compared are

    corpus/...   the tables of each ingested corpus
    model/...    weights, vocabulary, passport and scores of what each side trained
    same/...     bytes of Parquet and exports where both sides tag with the model that OLD trained
    own/...      columns but `model`, and record counts, where each side tags with the model it trained

A Markdown table goes to stdout; the exit code is 1 if a line of it differs. With --old-results the side of
OLD is made once: the folder keeps what a later run needs, and a run that was stopped goes on with it.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import polars as pl

FORMAT = 1  # of a folder of results
RESULTS = "results.json"
BOOK_BYTES, GENOME_BASES = 300_000, 1_000_000
TEXT_FORMATS, DNA_FORMATS = "parquet,jsonl,conll", "parquet,gff3,bed,faa,codons"
UNTIED = ("code", "commit", "files", "genes")  # of a passport: what names the code, or a hash of such
VERSION = "MODEL"  # stands for the version of a model where two models are compared
UNSHARED = {"texts"}  # tables that older commits do not write
QUIET = ("PREFECT_", "MLFLOW_", "ELMAN_", "NUMBA_", "PYTHON")  # settings of the caller that no side sees

Digest = dict[str, str]  # part (column, tensor, file) -> sha256


# --- what is run --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ingest:
    """A corpus: its name, its sources among the inputs, and more options."""

    name: str
    sources: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Train:
    """A model: its name here, its corpus, more options, and the name of a model whose genes are taken."""

    name: str
    corpus: str
    options: tuple[str, ...]
    genes: str | None = None


@dataclass(frozen=True)
class Tag:
    """A tagged output: the model, the input, or of `corpus` the ingested corpus of that name, and options."""

    model: str
    source: str
    options: tuple[str, ...]
    corpus: bool = False

    @property
    def name(self) -> str:
        """Name in tables and on the disk."""
        return f"{self.model}-{self.source.partition('.')[0]}"


@dataclass(frozen=True)
class Plan:
    """All that one side does, in order."""

    ingest: tuple[Ingest, ...]
    train: tuple[Train, ...]
    tag: tuple[Tag, ...]


def plan_of(quick: bool, corpora: bool) -> Plan:
    """The plan of a run: samples and the fixture's genome, and with corpora a real one of text."""
    text, dna = ("--tokens", "--format", TEXT_FORMATS), ("--format", DNA_FORMATS)
    genome = ("ecoli_100kb.fna.gz", "ecoli_100kb.gff3.gz")
    ingest = [Ingest("english", ("english",)), Ingest("ecoli", genome, ("--as", "train"))]
    train = [
        Train("fast", "english", ("--preset", "fast", *(("--epochs", "3") if quick else ()))),
        Train("default", "english", ("--preset", "default", "--epochs", "1" if quick else "3")),
        Train("genes", "ecoli", ("--preset", "fast")),
    ]
    tag = [Tag("fast", "book.txt", text), Tag("default", "book.txt", text), Tag("genes", "genome.fna", dna)]
    if not quick:
        ingest += [
            Ingest("chinese", ("chinese",)),
            Ingest("families", genome, ("--as", "train", "--label", r"any=product~\w")),
        ]
        train += [
            Train("article", "english", ("--preset", "article", "--epochs", "20")),
            Train("sigmoid", "english", ("--preset", "fast", "--binary", "PERSON", "--epochs", "3")),
            Train("characters", "chinese", ("--preset", "default", "--epochs", "12")),
            Train("families", "families", ("--preset", "fast"), genes="genes"),
        ]
        tag += [
            Tag("article", "book.txt", text),
            Tag("sigmoid", "book.txt", text),
            Tag("characters", "chinese", text, corpus=True),
            Tag("fast", "english", text, corpus=True),
            Tag("families", "genome.fna", dna),
        ]
    if corpora:
        ingest.append(Ingest("ncbi-disease", ("ncbi-disease",)))
        train.append(Train("ncbi-fast", "ncbi-disease", ("--preset", "fast")))
        tag.append(Tag("ncbi-fast", "book.txt", text))
    return Plan(tuple(ingest), tuple(train), tuple(tag))


def only(plan: Plan, models: Iterable[str]) -> Plan:
    """The part of a plan that some models need.

    Raises:
        SystemExit: there is no such model.
    """
    wanted, by_name = set(models), {job.name: job for job in plan.train}
    if not wanted <= by_name.keys():
        sys.exit(f"expected --only of {', '.join(by_name)}. Got {', '.join(sorted(wanted))}.")
    wanted |= {by_name[name].genes or name for name in wanted}
    train = tuple(job for job in plan.train if job.name in wanted)
    tag = tuple(job for job in plan.tag if job.model in wanted)
    corpora = {job.corpus for job in train} | {job.source for job in tag if job.corpus}
    return Plan(tuple(job for job in plan.ingest if job.name in corpora), train, tag)


# --- input --------------------------------------------------------------------------------------------------


def make_inputs(
    folder: Path, old: Path, book: Path | None, genome: Path | None, corpora: Path | None
) -> None:
    """Copy or make what both sides read, so that neither depends on where a checkout keeps its samples."""
    samples = next(path for path in old.rglob("samples/english") if ".venv" not in path.parts).parent
    folders = {"english": samples / "english", "chinese": samples / "chinese"}
    if corpora:
        folders["ncbi-disease"] = corpora / "text" / "ncbi-disease"
    for name, source in folders.items():
        for path in sorted(each for each in source.iterdir() if each.is_file()):
            put(folder / name / path.name, path.read_bytes())
    for path in (old / "tests" / "fixtures").glob("ecoli_100kb.*.gz"):
        put(folder / path.name, path.read_bytes())
    put(folder / "book.txt", book.read_bytes() if book else written_book(folder / "english").encode())
    if genome is None:
        whole = corpora / "dna" / "ecoli_k12_mg1655" / "ecoli_k12_mg1655.fna.gz" if corpora else None
        genome = whole or folder / "ecoli_100kb.fna.gz"
    put(folder / "genome.fna", beginning_of(genome, GENOME_BASES).encode())


def put(path: Path, data: bytes) -> None:
    """Write a file whole, and only if it is not there as it is: another run may be reading it."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.{os.getpid()}")
    temp.write_bytes(data)
    temp.replace(path)


def written_book(samples: Path) -> str:
    """Text of BOOK_BYTES: sentences of the samples in random order, some words replaced by invented ones."""
    draw, lines, size = random.Random(0), list[str](), 0  # noqa: S311
    documents = (json.loads(line) for path in sorted(samples.glob("*.jsonl")) for line in path.open("rb"))
    sentences = [part for each in documents for part in each["text"].split("\n") if part.strip()]
    while size < BOOK_BYTES:
        words = draw.choice(sentences).split()
        if draw.random() < 0.5:
            words[draw.randrange(len(words))] = invented(draw)
        lines.append(" ".join(words) + ("\n\n" if draw.random() < 0.2 else ""))
        size += len(lines[-1].encode()) + 1
    return "\n".join(lines)


def invented(draw: random.Random) -> str:
    """A word that can be said."""
    word = "".join(draw.choice("bdfgklmnprstv") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))
    return word.title() if draw.random() < 0.6 else word


def beginning_of(fasta: Path, bases: int) -> str:
    """The first bases of a FASTA file, as FASTA."""
    lines, size = list[str](), 0
    with gzip.open(fasta, "rt") if fasta.suffix == ".gz" else fasta.open() as file:
        for line in file:
            lines.append(line)
            size += 0 if line.startswith(">") else len(line) - 1
            if size >= bases:
                break
    return "".join(lines)


# --- one side -----------------------------------------------------------------------------------------------


@dataclass
class Results:
    """What one side gave.

    fingerprint: what all of it depends on; jobs: what is done, by step; digests: by line of the table;
    seconds: by step; models: the folder of each in the home.
    """

    fingerprint: dict[str, Any]
    jobs: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, Digest] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)

    def has(self, step: str, job: "Ingest | Train | Tag") -> bool:
        """Tell whether a step is done.

        Raises:
            SystemExit: it was done with other options.
        """
        wanted, made = json.loads(json.dumps(asdict(job))), self.jobs.get(step)
        if made not in (None, wanted):
            sys.exit(f"expected results of {step} as {wanted}. Got {made}. Choose another --old-results.")
        return made is not None

    def save(self, folder: Path) -> None:
        """Keep it in the folder of the side."""
        temp = folder / f".{RESULTS}.tmp"
        temp.write_text(json.dumps(asdict(self), indent=1, sort_keys=True))
        temp.replace(folder / RESULTS)

    @classmethod
    def load(cls, folder: Path, fingerprint: dict[str, Any]) -> "Results":
        """Read what an earlier run of the same kept, or begin.

        Raises:
            SystemExit: the folder holds results of something else.
        """
        path = folder / RESULTS
        if not path.exists():
            return cls(fingerprint)
        kept = cls(**json.loads(path.read_text()))
        wrong = [key for key in fingerprint if kept.fingerprint.get(key) != fingerprint[key]]
        if wrong:
            sys.exit(f"{folder}: expected results of the same {', '.join(wrong)}. Choose another folder.")
        return kept


class Side:
    """A checkout at work in a folder of its own.

    Args:
        checkout: with `.venv/bin/elman`.
        folder: for its home and all it makes.
        inputs: what both sides read.
        results: filled as steps are done; steps it holds already are not done again.
        kernels: folder of compiled kernels to keep, in the home by default.
    """

    def __init__(
        self, checkout: Path, folder: Path, inputs: Path, results: Results, kernels: Path | None = None
    ) -> None:
        self.checkout, self.folder, self.inputs, self.results = checkout, folder, inputs, results
        self.home, self.work = folder / "home", folder / "cwd"
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(QUIET)}
        self.environment |= {"ELMAN_HOME": str(self.home)}
        if kernels:
            self.environment |= {"NUMBA_CACHE_DIR": str(kernels)}

    def elman(self, step: str, *arguments: str | Path) -> dict[str, Any]:
        """Run a command, note its seconds under the name of the step, and return its summary.

        Raises:
            SystemExit: the command failed.
        """
        command = [str(self.checkout / ".venv" / "bin" / "elman"), *map(str, arguments), "--json"]
        begun = time.monotonic()
        done = subprocess.run(
            command, check=False, cwd=self.work, env=self.environment, capture_output=True, text=True
        )
        seconds = round(time.monotonic() - begun, 2)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"{self.folder.name} {step}: {seconds:.1f} s", file=sys.stderr, flush=True)
        self.results.seconds[step] = seconds
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary

    def keep(self, step: str, job: Ingest | Train | Tag, digests: Mapping[str, Digest]) -> None:
        """Note a step that is done, on the disk too: a run that is stopped goes on from here."""
        self.results.jobs[step] = asdict(job)
        self.results.digests |= digests
        self.results.save(self.folder)

    def ingest(self, job: Ingest) -> None:
        """Ingest a corpus."""
        step = f"ingest {job.name}"
        if not self.results.has(step, job):
            sources = [self.inputs / name for name in job.sources]
            self.elman(step, "ingest", *sources, "--name", job.name, *job.options)
            self.keep(step, job, {f"corpus/{job.name}": of_corpus(self.home / "corpora" / job.name)})

    def train(self, job: Train) -> None:
        """Train a model."""
        step = f"train {job.name}"
        if self.results.has(step, job):
            return
        genes = ("--genes", self.home / self.results.models[job.genes]) if job.genes else ()
        summary = self.elman(step, "train", job.corpus, *job.options, *genes)
        folder = Path(summary["model"])
        self.results.models[job.name] = folder.relative_to(self.home.resolve()).as_posix()
        found = {f"model/{job.name}/{part}": digest for part, digest in of_model(folder).items()}
        known = [key for key in ("dev", "test", "parameters") if key in summary]
        scores: Digest = {key: sha256_json(summary[key]) for key in known}
        self.keep(step, job, {**found, f"model/{job.name}/scores": scores})

    def model(self, name: str) -> Path:
        """The folder of a model this side trained."""
        return self.home / self.results.models[name]

    def tag(self, job: Tag, model: Path, kind: str) -> Path:
        """Tag with a model, once."""
        out = self.folder / f"tagged-{kind}" / job.name
        if not (out / "manifest.json").exists():
            source = self.home / "corpora" / job.source if job.corpus else self.inputs / job.source
            self.elman(f"tag {job.name} {kind}", "tag", model, source, "--out", out, *job.options)
        return out

    def run(self, plan: Plan, theirs: "Side | None" = None) -> Results:
        """Do all of a plan; the models under `same/` are those of the other side, or its own."""
        for ingest in plan.ingest:
            self.ingest(ingest)
        for train in plan.train:
            self.train(train)
        for tag in plan.tag:
            step = f"tag {tag.name}"
            if self.results.has(step, tag):
                continue
            own = same = self.tag(tag, self.model(tag.model), "own")
            if theirs is None and not manifest_of(own)["totals"]["rows"]["data"]:
                sys.exit(f"{own}: expected something found, for empty tables are always equal. Got no rows.")
            if theirs is not None:
                same = self.tag(tag, theirs.model(tag.model), "same")
            self.keep(step, tag, of_bytes(f"same/{tag.name}", same) | of_columns(f"own/{tag.name}", own))
        return self.results


# --- digests ------------------------------------------------------------------------------------------------


def sha256(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_json(value: Any) -> str:
    """The sha256 of plain values, whatever the order of their keys."""
    return sha256(json.dumps(value, sort_keys=True).encode())


def together(digest: Digest) -> str:
    """One sha256 for all parts of a digest."""
    return sha256_json(digest)


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a dataset."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return manifest


def tables_of(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of a dataset that its manifest names, by table, in the order of its shards."""
    found: dict[str, list[Path]] = {}
    for shard in manifest_of(folder)["shards"]:
        for table, entry in sorted(shard["files"].items()):
            if table in UNSHARED:
                continue
            found.setdefault(table, []).append(folder / entry["path"])
    return found


def counts_of(folder: Path) -> Digest:
    """Record counts of a dataset as its manifest has them."""
    manifest = manifest_of(folder)
    parts = {**manifest["totals"], "summary": manifest["meta"].get("summary")}
    return {name: sha256_json(value) for name, value in parts.items() if name != "bytes"}


def of_corpus(folder: Path) -> Digest:
    """Tables of an ingested corpus by content, the names of their files, and what the manifest says."""
    manifest, tables = manifest_of(folder), tables_of(folder)
    parts = {table: sha256_json([sha256(p.read_bytes()) for p in paths]) for table, paths in tables.items()}
    names = [path.name for paths in tables.values() for path in paths]
    about = {name: sha256_json(manifest[name]) for name in ("kind", "sources", "meta", "totals")}
    return {**parts, "file names": sha256_json(names), **about}


def of_model(folder: Path) -> dict[str, Digest]:
    """Tensors, vocabulary and passport of a model folder, but for what names the code."""
    found: dict[str, Digest] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found[path.stem] = dict(tensors(path.read_bytes()))
    found["vocabulary"] = {"vocabulary.json": sha256((folder / "vocabulary.json").read_bytes())}
    passport = json.loads((folder / "passport.json").read_bytes())
    passport["corpus"].pop("digest")  # the manifest names the code, too
    found["passport"] = {key: sha256_json(value) for key, value in passport.items() if key not in UNTIED}
    return found


def tensors(file: bytes) -> Iterator[tuple[str, str]]:
    """The sha256 of each tensor of a safetensors file, its shape and type included."""
    first = 8 + int.from_bytes(file[:8], "little")
    for name, entry in sorted(json.loads(file[8:first]).items()):
        if name == "__metadata__":
            yield name, sha256_json(entry)
            continue
        begin, end = (first + offset for offset in entry["data_offsets"])
        head = json.dumps([entry["dtype"], entry["shape"]]).encode()
        yield name, sha256(head + file[begin:end])


def exports_of(folder: Path) -> list[Path]:
    """The exports of a tagged output."""
    return [folder / name for name in sorted(manifest_of(folder)["exports"])]


def export_bytes(path: Path) -> bytes:
    """An export; JSON lines without the text of the document, which older commits do not write."""
    data = path.read_bytes()
    return (
        re.sub(rb'(?m)^(\{.*?,)"text":"(?:[^"\\]|\\.)*",', rb"\1", data) if path.suffix == ".jsonl" else data
    )


def of_bytes(prefix: str, folder: Path) -> dict[str, Digest]:
    """Bytes of all files of a tagged output, by table and export."""
    found = {}
    for table, paths in tables_of(folder).items():
        found[f"{prefix}/{table}"] = {path.name: sha256(path.read_bytes()) for path in paths}
    for path in exports_of(folder):
        found[f"{prefix}/{path.name}"] = {path.name: sha256(export_bytes(path))}
    return {**found, f"{prefix}/counts": counts_of(folder)}


def of_columns(prefix: str, folder: Path) -> dict[str, Digest]:
    """Columns but `model` of a tagged output, and exports in which a word stands for the model."""
    found = {}
    for table, paths in tables_of(folder).items():
        frame = pl.concat(pl.read_parquet(path, glob=False) for path in paths)
        found[f"{prefix}/{table}"] = {
            name: of_column(frame, name) for name in frame.columns if name != "model"
        }
    version = manifest_of(folder)["config"]["model"].encode()
    for path in exports_of(folder):
        data = export_bytes(path).replace(version, VERSION.encode())
        found[f"{prefix}/{path.name}"] = {path.name: sha256(data)}
    return {**found, f"{prefix}/counts": counts_of(folder)}


def of_column(frame: pl.DataFrame, name: str) -> str:
    """The sha256 of a column, its type included."""
    buffer = io.BytesIO()
    frame.select(name).rechunk().write_parquet(buffer, compression="uncompressed")
    return sha256(buffer.getvalue())


# --- the table ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the table: digests before and after, and the parts that differ."""

    name: str
    before: str
    after: str
    parts: tuple[str, ...] = ()
    allowed: bool = False

    @property
    def differs(self) -> bool:
        """Whether it is a difference that nobody has allowed."""
        return self.before != self.after and not self.allowed

    @property
    def verdict(self) -> str:
        """Text of the last column."""
        if self.before == self.after:
            return "equal"
        more = f" and {len(self.parts) - 4} more" if len(self.parts) > 4 else ""
        return f"{'allowed' if self.allowed else 'differs'}: {', '.join(self.parts[:4])}{more}"


def planned(plan: Plan, digests: Mapping[str, Digest]) -> dict[str, Digest]:
    """Those digests that a plan makes; results that are kept may hold more."""
    names = {("corpus", job.name) for job in plan.ingest} | {("model", job.name) for job in plan.train}
    names |= {(kind, job.name) for job in plan.tag for kind in ("same", "own")}
    return {name: digest for name, digest in digests.items() if tuple(name.split("/")[:2]) in names}


def compare(old: Mapping[str, Digest], new: Mapping[str, Digest], allowed: Iterable[str] = ()) -> list[Line]:
    """Lines of the table, in order; what only one side has differs."""
    lines = []
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name, {}), new.get(name, {})
        parts = [part for part in dict.fromkeys([*before, *after]) if before.get(part) != after.get(part)]
        known = any(fnmatch(name, pattern) for pattern in allowed)
        lines.append(Line(name, together(before), together(after), tuple(parts), known))
    return lines


def markdown(lines: Iterable[Line]) -> str:
    """The table, with the first 16 digits of each sha256."""
    rows = [
        f"| {line.name} | `{line.before[:16]}` | `{line.after[:16]}` | {line.verdict} |" for line in lines
    ]
    return "\n".join(["| what | before | after | |", "| --- | --- | --- | --- |", *rows])


# --- the whole ----------------------------------------------------------------------------------------------


def commit_of(checkout: Path) -> str:
    """The commit of a checkout, with a mark if files were changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "HEAD") or "unknown") + (" and changes" if changed else "")


def fingerprint_of(old: Path, inputs: Path) -> dict[str, Any]:
    """What the results of OLD depend on."""
    files = sorted(path for path in inputs.rglob("*") if path.is_file())
    digests = {path.relative_to(inputs).as_posix(): sha256(path.read_bytes()) for path in files}
    return {"format": FORMAT, "commit": commit_of(old), "inputs": digests}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, help="checkout of the commit before, with its .venv")
    parser.add_argument(
        "new", type=Path, nargs="?", help="checkout of the commit after; none: only make OLD's side"
    )
    parser.add_argument("--corpora", type=Path, help="folder with text/ncbi-disease and dna/ecoli_k12_mg1655")
    parser.add_argument("--book", type=Path, help="plain text to tag; written from the samples if not given")
    parser.add_argument(
        "--genome", type=Path, help="FASTA to tag; of the corpora, or the fixture, if not given"
    )
    parser.add_argument("--quick", action="store_true", help="fewer models and epochs")
    parser.add_argument(
        "--only", metavar="MODELS", help="comma-separated: some of the models, and what they tag"
    )
    parser.add_argument("--old-results", type=Path, help="folder that keeps the side of OLD between runs")
    parser.add_argument(
        "--new-kernels", type=Path, help="folder that keeps NEW's compiled kernels between runs"
    )
    parser.add_argument(
        "--allow", action="append", default=[], metavar="PATTERN", help="lines that may differ"
    )
    parser.add_argument("--json", type=Path, help="write the table, and seconds by step, here")
    return parser.parse_args()


def main() -> int:
    """Run both sides and print the table; 1 if anything differs."""
    asked = arguments()
    old, new = asked.old.resolve(), asked.new.resolve() if asked.new else None
    with tempfile.TemporaryDirectory(prefix="compare-") as scratch:
        before = asked.old_results.resolve() if asked.old_results else Path(scratch) / "old"
        inputs, plan = before / "inputs", plan_of(asked.quick, asked.corpora is not None)
        plan = only(plan, asked.only.split(",")) if asked.only else plan
        make_inputs(inputs, old, asked.book, asked.genome, asked.corpora)
        left = Side(old, before, inputs, Results.load(before, fingerprint_of(old, inputs)))
        expected = left.run(plan)
        if new is None:
            print(f"{before}: {len(expected.digests)} digests of {commit_of(old)}")
            return 0
        kernels = asked.new_kernels.resolve() if asked.new_kernels else None
        right = Side(new, Path(scratch) / "new", inputs, Results({}), kernels)
        got = right.run(plan, left)
    lines = compare(planned(plan, expected.digests), got.digests, asked.allow)
    print(f"{commit_of(old)} (before), {commit_of(new)} (after)\n\n{markdown(lines)}")
    if asked.json:
        about = {
            "old": commit_of(old),
            "new": commit_of(new),
            "old_s": expected.seconds,
            "new_s": got.seconds,
        }
        table = [{**asdict(line), "verdict": line.verdict} for line in lines]
        asked.json.write_text(json.dumps({**about, "lines": table}, indent=1) + "\n")
    return int(any(line.differs for line in lines))


if __name__ == "__main__":
    sys.exit(main())
