"""Checks of the files of a thing and of its links against the hashes that records note."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elman.data.errors import ElmanError
from elman.data.store.dataset import MANIFEST, Dataset
from elman.tasks.lineage.graph import CACHE, CORPUS, MODEL, OUTPUT, RUN, VERSION, Graph, Key, Link
from elman.tasks.lineage.manifests import ManifestHead
from elman.tasks.models import model_folder
from elman.tasks.models.model_folder import PASSPORT, VOCABULARY
from elman.tasks.runtime.environment import home


@dataclass(frozen=True, order=True)
class Problem:
    """A file that does not fit, or is not there: its path, and what was expected, what came, what to do."""

    path: str
    message: str


def problem_of(error: ElmanError) -> Problem:
    """The problem that an error names; its message begins with a path."""
    path, _, _ = str(error).partition(": expected ")
    return Problem(path, str(error))


def head_of(graph: Graph, key: Key) -> ManifestHead | None:
    """Head of the manifest of a dataset."""
    of = {CORPUS: graph.files.corpora, OUTPUT: graph.files.outputs, CACHE: graph.files.caches}[key.kind]
    return of.get(Path(key.id))


def check_record(graph: Graph, key: Key) -> Iterator[Problem]:
    """Check that a thing is there, and that its passport or manifest is the one that records note."""
    files = graph.files
    if key.kind == MODEL:
        yield from _check_passport(graph, key.id)
    elif key.kind in (CORPUS, OUTPUT):
        head = head_of(graph, key)
        if head is not None:
            yield from _check_manifest(graph, head)
        elif (reason := files.absent.get(Path(key.id))) is not None:
            yield Problem(
                key.id,
                f"{key.id}: expected the output of run {reason}. Got no folder. Put it back, or tag again.",
            )
    elif key.kind == RUN:
        yield from _check_run(graph, key.id)


def _check_passport(graph: Graph, name: str) -> Iterator[Problem]:
    model = graph.files.models.get(name)
    if model is None:
        path = home() / "models" / name
        if path / PASSPORT not in graph.files.damaged:
            yield Problem(str(path), f"{path}: expected a model folder. Got none. {_TRAIN_AGAIN}")
    elif model_folder.VERSION.fullmatch(name) and model.version != name:
        path = model.folder / PASSPORT
        message = f"{path}: expected the passport of {name}. Got that of {model.version}. {_TRAIN_AGAIN}"
        yield Problem(str(path), message)


def _check_manifest(graph: Graph, head: ManifestHead) -> Iterator[Problem]:
    noted = graph.noted.get(head.folder)
    if noted and head.digest not in noted:
        expected, run = list(noted.items())[-1]
        path = head.folder / MANIFEST
        yield Problem(
            str(path),
            f"{path}: expected the sha256 {expected}, as run {run} notes it. Got {head.digest}, which no run "
            "notes: it was changed by hand, or by a run whose record is gone. Put back a copy, or run again "
            "the command that made it.",
        )


def _check_run(graph: Graph, name: str) -> Iterator[Problem]:
    run = next((run for run in graph.files.runs if run.id == name), None)
    if run is None:
        path = home() / "runs" / name
        yield Problem(str(path), f"{path}: expected the record of a run. Got none. It may have been cleaned.")
        return
    if not run.artifacts.is_dir():
        yield Problem(
            str(run.artifacts),
            f"{run.artifacts}: expected the files of run {name}. Got none. Put the folder back: they cannot "
            "be made again.",
        )
    if run.info.model and run.info.status == "FINISHED" and not Path(run.info.model.folder).is_dir():
        folder = run.info.model.folder
        yield Problem(
            folder, f"{folder}: expected the model that run {name} made. Got no folder. {_TRAIN_AGAIN}"
        )


def check_files(graph: Graph, key: Key) -> Iterator[Problem]:
    """Check all files of a model or dataset against its passport or manifest; stops at the first of each."""
    if key.kind == MODEL and (model := graph.files.models.get(key.id)):
        try:
            model_folder.read(model.folder)
        except ElmanError as error:
            yield problem_of(error)
        expected, got = model.values.get("vocabulary"), model.values["files"].get(VOCABULARY)
        if expected and expected != got:
            path = model.folder / PASSPORT
            yield Problem(
                str(path),
                f"{path}: expected the vocabulary {expected} among its files. Got {got}. {_TRAIN_AGAIN}",
            )
    elif key.kind in (CORPUS, OUTPUT, CACHE) and head_of(graph, key) is not None:
        yield from _check_dataset(Path(key.id))


def _check_dataset(folder: Path) -> Iterator[Problem]:
    try:
        dataset = Dataset.open(folder)
    except ElmanError as error:
        yield problem_of(error)
        return
    for table in sorted({table for shard in dataset.shards for table in shard.files}):
        try:
            dataset.files(table)
        except ElmanError as error:
            yield problem_of(error)
    for name in dataset.manifest["exports"]:
        try:
            dataset.export(name)
        except ElmanError as error:
            yield problem_of(error)


def check_link(graph: Graph, link: Link) -> Problem | None:
    """Check that what a passport or a manifest says of another thing still fits."""
    if link.fits or link.made.kind in (RUN, CACHE):
        return None
    model = graph.files.models.get(link.made.id) if link.made.kind == MODEL else None
    if link.of.kind == MODEL and link.made.kind in (OUTPUT, VERSION):
        path = graph.files.models[link.of.id].folder / PASSPORT
        of = f"{link.made.kind} {link.made.id}"
    elif link.of.kind == CORPUS and model is not None:
        if grown(graph, link):
            return None
        path = Path(link.of.id) / MANIFEST
        of = f"model {link.made.id}"
    else:
        return None
    message = (
        f"{path}: expected the sha256 {link.expected}, as {of} notes it. Got {link.got}. "
        "It was changed, or another has its name: put back a copy, or make again what was made of it."
    )
    return Problem(str(path), message)


def grown(graph: Graph, link: Link) -> bool:
    """Return True if a corpus only grew after the state that a model notes: a run vouches for it as it is."""
    folder = Path(link.of.id)
    vouched = link.got in graph.noted.get(folder, {})
    before = graph.states.get(link.expected)
    return vouched and before is not None and before <= graph.states.get(link.got, frozenset())


_TRAIN_AGAIN = "Copy the folder again, or train again with the same seed: the bytes will be the same."
