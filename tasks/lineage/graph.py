"""Lineage graph of the home: what each thing was made of, each link with the hash that holds it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from elman.data.store.dataset import Dataset
from elman.tasks.lineage.home_files import (
    CACHES,
    MANIFEST_TAG,
    HomeFiles,
    ModelFile,
    model_of,
    output_of,
)
from elman.tasks.lineage.manifests import ManifestHead
from elman.tasks.runtime.run_record import RunRecord, UsedDataset

SOURCE, CORPUS, CACHE, MODEL, RUN, VERSION, OUTPUT, ROW = (
    "source",
    "corpus",
    "cache",
    "model",
    "run",
    "registered version",
    "output",
    "row",
)
# What a model did with a source, by the source's split; without one its documents lie in all three.
BY_SPLIT = {"dev": "chosen by", "test": "scored on"}
LEARNT = "learnt from"
PRETRAINED = "pre-trained on"
SILVER = "trained on silver labels of"
MADE_OF = {"genes": "takes its gene finder from", "warm_start": "begins with the weights of"}  # of passports


class Key(NamedTuple):
    """Kind and id of a thing: a source by its sha256, a model by its version, a dataset by its folder."""

    kind: str
    id: str


class Link(NamedTuple):
    """A thing, what it was made of or refers to, and what holds the link.

    relation: of `made` to `of`, "learnt from"; expected: hash that `made` has of it, "" if it notes none;
    got: its hash now, "" if it is not there or not looked at.
    """

    made: Key
    of: Key
    relation: str
    expected: str = ""
    got: str = ""

    @property
    def fits(self) -> bool:
        """True if the hash is what is expected, or if there is none to compare."""
        return not (self.expected and self.got) or self.expected == self.got


@dataclass
class Graph:
    """Things and links.

    Attributes:
        files: of the home.
        up: links of a thing to what it was made of.
        down: links to a thing.
        names: of sources, by sha256.
        states: sources of the states of corpora that are known, by the digest of their manifest.
    """

    files: HomeFiles
    up: dict[Key, list[Link]] = field(default_factory=lambda: defaultdict(list))
    down: dict[Key, list[Link]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, str] = field(default_factory=dict)
    states: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, made: Key, of: Key, relation: str, expected: str = "", got: str = "") -> None:
        """Add a link."""
        link = Link(made, of, relation, expected, got)
        self.up[made].append(link)
        self.down[of].append(link)

    @cached_property
    def by_digest(self) -> dict[str, Path]:
        """Folder of the corpus of a state, by the digest of its manifest."""
        found = {
            of.digest: Path(of.folder)
            for run in self.files.runs
            for of in run.info.datasets
            if not of.split and Path(of.folder) in self.files.corpora
        }
        return {**found, **{head.digest: folder for folder, head in self.files.corpora.items()}}

    @cached_property
    def by_name(self) -> dict[str, Path]:
        """Folder of a corpus by its name; those of the home first."""
        return {folder.name: folder for folder in reversed(self.files.corpora)}

    @cached_property
    def writers(self) -> dict[Path, list[RunRecord]]:
        """Runs of `tag` by the folder of their output, oldest first."""
        found = defaultdict(list)
        folders = {head.digest: folder for folder, head in self.files.outputs.items()}
        for run in self.files.runs:
            folder = folders.get(run.info.tags.get(MANIFEST_TAG, "")) or output_of(run)
            if folder is not None:
                found[folder].append(run)
        return found

    @cached_property
    def noted(self) -> dict[Path, dict[str, str]]:
        """Digests of manifests that records note, each with the id of the last run that does, by folder."""
        found: dict[Path, dict[str, str]] = defaultdict(dict)
        for run in self.files.runs:
            for of in run.info.datasets:
                if not of.split:
                    found[Path(of.folder)][of.digest] = run.id
        for folder, runs in self.writers.items():
            for run in runs:
                if digest := run.info.tags.get(MANIFEST_TAG):
                    found[folder][digest] = run.id
        return found

    def corpus_of(self, name: str, digest: str) -> Path | None:
        """Folder of the corpus of a state: the one with this digest, now or once, else of this name."""
        return self.by_digest.get(digest) or self.by_name.get(name)


def build(files: HomeFiles) -> Graph:
    """Link all things of the home."""
    graph = Graph(files)
    for folder, head in files.corpora.items():
        _link_corpus(graph, folder, head)
    for name, model in files.models.items():
        _link_model(graph, name, model)
    for run in files.runs:
        _link_run(graph, run)
    for version in files.versions:
        key = Key(VERSION, version.uri)
        if version.model:
            known = files.models.get(version.model)
            got = known.sha256 if known else ""
            graph.add(key, Key(MODEL, version.model), "registers", version.passport, got)
    for folder, head in files.outputs.items():
        _link_output(graph, folder, head)
    for folder, head in files.caches.items():
        _link_cache(graph, folder, head)
    return graph


def source_hashes(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Hash and name of a source, and of each of its files if it has several."""
    yield entry["sha256"], str(entry.get("name", ""))
    if len(entry.get("files") or ()) > 1 and "corpus" not in entry:
        for name, sha256 in entry["files"].items():
            yield sha256, name


def _link_sources(graph: Graph, key: Key, entries: list[dict[str, Any]], relation: str = "") -> None:
    for entry in entries:
        of = relation or BY_SPLIT.get(entry.get("split") or "", LEARNT)
        for sha256, name in source_hashes(entry):
            graph.names.setdefault(sha256, name)
            graph.add(key, Key(SOURCE, sha256), of, sha256)


def _link_corpus(graph: Graph, folder: Path, head: ManifestHead) -> None:
    entries = [entry for entry in head.sources if entry.get("sha256")]
    _link_sources(graph, Key(CORPUS, str(folder)), entries, "holds")
    graph.states[head.digest] = frozenset(sha for entry in entries for sha, _ in source_hashes(entry))


def _link_model(graph: Graph, name: str, model: ModelFile) -> None:
    key, corpus = Key(MODEL, name), model.corpus
    _link_sources(graph, key, corpus["sources"])
    graph.states.setdefault(
        corpus["digest"], frozenset(sha for entry in corpus["sources"] for sha, _ in source_hashes(entry))
    )
    _link_state(graph, key, str(corpus["name"]), corpus["digest"], "trained on")
    for relation, entries in ((PRETRAINED, model.pretrained), (SILVER, model.silver)):
        for entry in entries:
            _link_sources(graph, key, list(entry.get("sources") or ()), relation)
            _link_state(graph, key, str(entry.get("name", "")), str(entry.get("corpus", "")), relation)
    for name_of, relation in MADE_OF.items():
        if other := model.values.get(name_of):
            known = graph.files.models.get(other)
            graph.add(key, Key(MODEL, other), relation, other, known.version if known else "")


def _link_state(graph: Graph, key: Key, name: str, digest: str, relation: str) -> None:
    """Link to the corpus of a state; by its digest alone if the corpus is not there."""
    folder = graph.corpus_of(name, digest)
    if folder is None:
        graph.add(key, Key(CORPUS, name or digest), relation, digest)
    else:
        graph.add(key, Key(CORPUS, str(folder)), relation, digest, graph.files.corpora[folder].digest)


def _link_run(graph: Graph, run: RunRecord) -> None:
    key = Key(RUN, run.id)
    for of in _whole(run):
        folder = Path(of.folder)
        head = graph.files.corpora.get(folder)
        made = run.info.kind == "ingest"
        relation = "is made by" if made else f"read ({of.context})" if of.context else "read"
        if made:
            got = head.digest if head else ""
            graph.add(Key(CORPUS, str(folder)), key, relation, of.digest if got == of.digest else "", got)
        else:
            graph.add(key, Key(CORPUS, str(folder)), relation, of.digest, head.digest if head else "")
    if run.info.model:
        graph.add(Key(MODEL, Path(run.info.model.folder).name), key, "is made by")
    elif used := model_of(run):
        graph.add(key, Key(MODEL, used), "used")
    if run.info.parent:
        graph.add(key, Key(RUN, run.info.parent), "is a part of")


def _whole(run: RunRecord) -> list[UsedDataset]:
    """Corpora a run read as wholes; of those whose splits alone it names, none with a hash to compare."""
    wholes = [of for of in run.info.datasets if not of.split or of.split == "all"]
    named = {of.folder for of in wholes}
    parts = {of.folder: of for of in run.info.datasets if of.folder not in named}
    return [*wholes, *(UsedDataset(**{**vars(of), "digest": ""}) for of in parts.values())]


def _link_output(graph: Graph, folder: Path, head: ManifestHead) -> None:
    key, model = Key(OUTPUT, str(folder)), str(head.config.get("model", ""))
    known = graph.files.models.get(model)
    graph.add(
        key, Key(MODEL, model), "tagged by", head.config.get("passport", ""), known.sha256 if known else ""
    )
    own = [entry for entry in head.sources if "corpus" not in entry]
    _link_sources(graph, key, own, "tags")
    corpora: dict[str, set[str]] = defaultdict(set)
    for entry in head.sources:
        if "corpus" in entry:
            corpora[entry["corpus"]] |= set(entry["files"].values())
    for name, hashes in corpora.items():
        corpus = graph.by_name.get(name)
        graph.add(key, Key(CORPUS, str(corpus or name)), "tags")
        for sha256 in _sources_of(graph, corpus, hashes):
            graph.add(key, Key(SOURCE, sha256), "tags", sha256)
    for run in graph.writers.get(folder, ()):
        current = run.info.tags.get(MANIFEST_TAG) == head.digest
        graph.add(key, Key(RUN, run.id), "is made by" if current else "was begun by")


def _sources_of(graph: Graph, corpus: Path | None, hashes: set[str]) -> list[str]:
    """Sources of the corpus whose shards were tagged, by the hashes of their files."""
    if corpus is None:
        return []
    found = {
        sha256
        for shard in Dataset.open(corpus).shards
        if any(entry.sha256 in hashes for entry in shard.files.values())
        for sha256 in shard.source.get("sources", ())
    }
    by_key = {entry["sha256"]: entry for entry in graph.files.corpora[corpus].sources}
    return sorted(sha for of in found if of in by_key for sha, _ in source_hashes(by_key[of]))


def _link_cache(graph: Graph, folder: Path, head: ManifestHead) -> None:
    for entry in head.sources:
        digest = str(entry.get("corpus", ""))
        corpus = graph.by_digest.get(digest)
        of = Key(CORPUS, str(corpus) if corpus else digest)
        got = graph.files.corpora[corpus].digest if corpus else ""
        graph.add(Key(CACHE, str(folder)), of, f"is the {CACHES[folder.parent.name]} of", digest, got)
