"""One side of a comparison of commits: a checkout at work, and what it gave."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from commits.digests import Digest, manifest_of, of_bytes, of_columns, of_corpus, of_model, sha256_json
from commits.plan import Ingest, Plan, Tag, Train

RESULTS = "results.json"
QUIET = ("PREFECT_", "MLFLOW_", "ELMAN_", "NUMBA_", "PYTHON")  # settings of the caller that no side sees


@dataclass
class Results:
    """Results of one side.

    fingerprint: what all of it depends on; jobs: what is done, by step; digests: by line of the table;
    seconds: by step; models: the folder of each in the home.
    """

    fingerprint: dict[str, Any]
    jobs: dict[str, Any] = field(default_factory=dict)
    digests: dict[str, Digest] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)

    def has(self, step: str, job: Ingest | Train | Tag) -> bool:
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


def commit_of(checkout: Path) -> str:
    """The commit of a checkout, with a mark if files were changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "HEAD") or "unknown") + (" and changes" if changed else "")
