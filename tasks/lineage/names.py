"""Meaning of an id: a run, a model, a corpus, an output, a registered version, a source, or a row."""

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from elman.data.errors import BadInput, IntegrityError
from elman.data.sources.copies import Copies
from elman.data.sources.reading import collect_sources
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import sha256_file
from elman.tasks.lineage.graph import CORPUS, MODEL, OUTPUT, ROW, RUN, SOURCE, VERSION, Graph, Key
from elman.tasks.lineage.home_files import HomeFiles
from elman.tasks.models.model_folder import PASSPORT
from elman.tasks.runtime.console import printable
from elman.tasks.runtime.environment import home

_HEX = re.compile(r"[0-9a-f]{8,64}")
_SHOWN = 10


@dataclass(frozen=True)
class Named:
    """Meaning of an id.

    Attributes:
        keys: things; several only for the sources of an archive or folder.
        facts: of a row or document, or what was hashed.
    """

    keys: tuple[Key, ...]
    facts: dict[str, str] = field(default_factory=dict)


def place_of(name: str) -> Path | None:
    """The folder of a dataset or model, if an id is its path or that of a file in it."""
    found = next((Path(before) for before, _ in _parts(name) if Path(before).exists()), None)
    if found is None:
        return None
    path = found.absolute()
    for folder in (path,) if path.is_dir() else (path.parent, path.parent.parent):
        if (folder / MANIFEST).is_file() or (folder / PASSPORT).is_file():
            return folder
    return None


def _parts(name: str) -> Iterator[tuple[str, str]]:
    """The whole of a name, then its parts before and after each #."""
    yield name, ""
    yield from ((name[:at], name[at + 1 :]) for at, letter in enumerate(name) if letter == "#" and at)


def find(graph: Graph, name: str) -> Named:
    """Find what an id means.

    Args:
        graph: of the home.
        name: id or path; FOLDER#ROW of a tagged output, rows of its table `data` counted from 0;
            CORPUS#DOCUMENT.

    Raises:
        BadInput: it means nothing, or several things.
        IntegrityError: it means something whose record cannot be read.
    """
    for damaged, message in graph.files.damaged.items():
        if name == damaged.parent.name or Path(name).absolute() in (damaged.parent, damaged):
            raise IntegrityError(message)
    if _is_source(name):
        return _sources(graph, Path(name))
    for before, inside in list(_parts(name))[1:] if not Path(name).exists() else []:
        key = next(iter(_exact(graph, before)), None) or _at_path(graph, before)
        if key is not None and key.kind in (OUTPUT, CORPUS):
            return _inside(graph, _one(graph, before), inside)
    return Named((_one(graph, name),))


def _is_source(name: str) -> bool:
    """Return True for a path of files that are no part of a dataset, model or run."""
    path = Path(name)
    return path.exists() and place_of(name) is None and not (path / "run.json").is_file()


def _one(graph: Graph, name: str) -> Key:
    """The one thing that an id means."""
    if (key := _at_path(graph, name)) is not None:
        return key
    matches = list(dict.fromkeys(_exact(graph, name)))
    if not matches:
        matches = list(dict.fromkeys(_beginning(graph, name)))
    if len(matches) == 1:
        return matches[0]
    if matches:
        listed = "; ".join(f"{key.kind} {key.id}" for key in matches[:_SHOWN])
        raise BadInput(
            "an id that means one thing",
            got=f"{name!r}, which means {len(matches)}: {listed}",
            todo="Say more of it, or give its folder.",
        )
    raise BadInput(
        "a run, model, corpus, output, registered version or source of this home, a file, or FOLDER#ROW",
        got=f"{name!r}, which is none of these in {home()}",
        todo="`elman runs` lists the runs. Of an output elsewhere give the folder; of a source that is gone "
        "its name or the beginning of its sha256.",
    )


def _at_path(graph: Graph, name: str) -> Key | None:
    """The run, model or dataset at a path."""
    path = Path(name)
    if (path / "run.json").is_file():
        return Key(RUN, path.absolute().name)
    folder = place_of(name) if path.exists() else None
    return None if folder is None else _key_of_folder(graph.files, folder)


def _key_of_folder(files: HomeFiles, folder: Path) -> Key | None:
    if (folder / PASSPORT).is_file() and folder.name in files.models:
        return Key(MODEL, folder.name)
    for kind, heads in ((CORPUS, files.corpora), (OUTPUT, files.outputs)):
        for known in heads:
            if known == folder or known.resolve() == folder.resolve():
                return Key(kind, str(known))
    return None


def _exact(graph: Graph, name: str) -> Iterator[Key]:
    files = graph.files
    if name in files.models:
        yield Key(MODEL, name)
    yield from (Key(CORPUS, str(folder)) for folder in files.corpora if name in (folder.name, str(folder)))
    yield from (Key(OUTPUT, str(folder)) for folder in files.outputs if name in (folder.name, str(folder)))
    yield from (Key(OUTPUT, str(folder)) for folder in files.absent if name in (folder.name, str(folder)))
    yield from (Key(RUN, run.id) for run in files.runs if name in (run.id, run.info.mlflow_run_id))
    for version in files.versions:
        aliased = (f"models:/{version.name}@{alias}" for alias in version.aliases)
        if name in (version.uri, *aliased):
            yield Key(VERSION, version.uri)
    yield from (Key(SOURCE, sha256) for sha256, of in graph.names.items() if name in (of, sha256))


def _beginning(graph: Graph, name: str) -> Iterator[Key]:
    files = graph.files
    if len(name) < 3:
        return
    yield from (Key(MODEL, of) for of in files.models if of.startswith(name))
    yield from (Key(RUN, run.id) for run in files.runs if run.id.startswith(name))
    if _HEX.fullmatch(name):
        yield from (Key(SOURCE, sha256) for sha256 in graph.names if sha256.startswith(name))
        yield from (Key(MODEL, of) for of, model in files.models.items() if model.sha256.startswith(name))
        for kind, heads in ((CORPUS, files.corpora), (OUTPUT, files.outputs)):
            yield from (Key(kind, str(of)) for of, head in heads.items() if head.digest.startswith(name))
        runs = (run for run in files.runs if (run.info.mlflow_run_id or "").startswith(name))
        yield from (Key(RUN, run.id) for run in runs)


def _sources(graph: Graph, path: Path) -> Named:
    """Files by their content: a file, those of a folder, or the members of an archive."""
    plain = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    hashes = {str(file): sha256_file(file) for file in plain}
    unknown = [Path(file) for file, sha256 in hashes.items() if sha256 not in graph.names]
    keys = dict.fromkeys(Key(SOURCE, sha256) for sha256 in hashes.values() if sha256 in graph.names)
    for file in unknown:
        keys |= dict.fromkeys(Key(SOURCE, sha256) for sha256 in _members(file) if sha256 in graph.names)
    facts = {"files": f"{len(plain):,}", "known": f"{len(keys):,}"}
    if not keys:
        names = {Path(of).name: sha256 for sha256, of in graph.names.items()}
        if (other := names.get(path.name)) is not None:
            facts["same name"] = f"a source with another content, sha256 {other}"
        keys = dict.fromkeys(Key(SOURCE, sha256) for sha256 in hashes.values())
    return Named(tuple(keys), facts)


def _members(path: Path) -> Iterable[str]:
    """Hashes of the sources in an archive; none of a file that is no source."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found, _ = collect_sources([path], copies=Copies(Path(scratch)))
        except (BadInput, OSError):
            return []
    return [sha256 for source in found for sha256 in (source.sha256, *source.hashes)]


def _inside(graph: Graph, key: Key, inside: str) -> Named:
    """A row of an output, or a document of a corpus."""
    return _row(graph, key, inside) if key.kind == OUTPUT else _document(graph, key, inside)


def _row(graph: Graph, key: Key, inside: str) -> Named:
    dataset = Dataset.open(Path(key.id))
    rows = sum(shard.files["data"].rows for shard in dataset.shards if "data" in shard.files)
    if not inside.isdecimal() or int(inside) >= rows:
        raise BadInput(
            f"the number of a row, 0 to {rows - 1:,}" if rows else "a row of an output that has some",
            got=repr(inside),
            todo="Rows count from 0, as Polars counts them.",
            source=key.id,
        )
    left = int(inside)
    for shard in dataset.shards:
        count = shard.files["data"].rows if "data" in shard.files else 0
        if left < count:
            break
        left -= count
    (path,) = Dataset(dataset.folder, dataset.manifest, dataset.digest, (shard,)).files("data")
    row = pl.scan_parquet(path, glob=False).slice(left, 1).collect().row(0, named=True)
    facts = {name: printable(str(value)) for name, value in row.items() if value is not None}
    made = Key(ROW, f"{key.id}#{inside}")
    graph.add(made, key, "is a row of", shard.files["data"].sha256, shard.files["data"].sha256)
    for sha256 in _row_sources(graph, key, shard.source, str(row.get("source", ""))):
        graph.add(made, Key(SOURCE, sha256), "was found in", sha256)
    graph.add(made, Key(MODEL, str(row["model"])), "tagged by")
    return Named((made,), {"file": str(path), **facts})


def _row_sources(graph: Graph, key: Key, origin: dict[str, object], name: str) -> list[str]:
    """Hash of the source of a row; of a corpus, where it stands under its name."""
    corpus = graph.by_name.get(str(origin.get("corpus", "")))
    if "corpus" not in origin:
        return [str(origin["sha256"])]
    entries = graph.files.corpora[corpus].sources if corpus else []
    return [entry["sha256"] for entry in entries if name in (entry["name"], *entry.get("files", ()))]


def _document(graph: Graph, key: Key, inside: str) -> Named:
    documents = Dataset.open(Path(key.id)).scan("documents")
    rows = documents.filter(pl.col("document") == inside).select("source", "split").unique().collect().rows()
    if not rows:
        raise BadInput(
            "a document of the corpus",
            got=repr(inside),
            todo="Ids of documents stand in the column `document` of its table `documents`.",
            source=key.id,
        )
    entries = graph.files.corpora[Path(key.id)].sources
    names = {source for source, _ in rows}
    keys = [
        Key(SOURCE, entry["sha256"]) for entry in entries if names & {entry["name"], *entry.get("files", ())}
    ]
    splits = ", ".join(sorted({split for _, split in rows}))
    facts = {"document": printable(inside), "split": splits, "source": printable(", ".join(sorted(names)))}
    return Named(tuple(dict.fromkeys(keys)), facts)
