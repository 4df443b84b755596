"""Files of the home: runs, passports, and heads of manifests."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from elman.data.errors import IntegrityError
from elman.data.store.disk import sha256_bytes
from elman.tasks.lineage.manifests import ManifestHead, read_head
from elman.tasks.lineage.registered import RegisteredVersion, registered_versions
from elman.tasks.models.model_folder import PASSPORT, version_of
from elman.tasks.runtime import run_record
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.run_record import RunRecord

MANIFEST_TAG, MODEL_TAG, OUTPUT_TAG = "elman.manifest", "elman.model", "elman.output"  # of runs of `tag`
CACHES = {"encoded": "encoded corpus", "pretrained": "pre-trained weights"}  # folders of the home


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model folder by its passport; its other files are not read.

    Attributes:
        folder: its path.
        sha256: of passport.json.
        values: content of passport.json.
    """

    folder: Path
    sha256: str
    values: Mapping[str, Any]

    @cached_property
    def version(self) -> str:
        """Version name by the passport."""
        return version_of(self.values)

    @property
    def corpus(self) -> Mapping[str, Any]:
        """Name, digest and sources of the corpus of the training."""
        of: Mapping[str, Any] = self.values["corpus"]
        return of

    @property
    def pretrained(self) -> list[Mapping[str, Any]]:
        """Entries of the corpora of the pre-training."""
        return list(self.values.get("pretrained") or ())

    @property
    def silver(self) -> list[Mapping[str, Any]]:
        """Entry of the corpus of silver labels, if there is one."""
        entry = self.values.get("silver")
        return [entry] if entry else []


@dataclass
class HomeFiles:
    """All records of the home.

    Attributes:
        runs: oldest first.
        models: by the name of their folder.
        corpora: by their folder.
        outputs: tagged datasets, by their folder.
        caches: encoded corpora and pre-trained weights, by their folder.
        versions: registered ones.
        damaged: message by the path of what cannot be read.
        absent: outputs that runs name and that are not there, with the id of the last such run.
    """

    runs: list[RunRecord]
    models: dict[str, ModelFile] = field(default_factory=dict)
    corpora: dict[Path, ManifestHead] = field(default_factory=dict)
    outputs: dict[Path, ManifestHead] = field(default_factory=dict)
    caches: dict[Path, ManifestHead] = field(default_factory=dict)
    versions: list[RegisteredVersion] = field(default_factory=list)
    damaged: dict[Path, str] = field(default_factory=dict)
    absent: dict[Path, str] = field(default_factory=dict)


def read_home(more: Iterable[Path] = ()) -> HomeFiles:
    """Read the records of the home.

    Args:
        more: folders of datasets or models elsewhere that are to be read, too.

    Raises:
        IntegrityError: MLflow's database cannot be read.
    """
    runs, damaged = run_record.records()
    files = HomeFiles(runs=runs, damaged=damaged, versions=registered_versions())
    named = [Path(run.info.model.folder) for run in runs if run.info.model]
    for folder in dict.fromkeys([*_folders("models"), *named, *more]):
        _add_model(files, folder)
    corpora = [Path(of.folder) for run in runs for of in run.info.datasets]
    outputs = {folder: run.id for run in runs for folder in [output_of(run)] if folder is not None}
    datasets = [*_folders("corpora"), *corpora, *_folders("tagged"), *outputs, *more]
    for folder in dict.fromkeys(datasets):
        _add_dataset(files, folder, outputs)
    for name in CACHES:
        for folder in _folders(name):
            _add_dataset(files, folder, {})
    return files


def _folders(name: str) -> Iterator[Path]:
    """Folders in a folder of the home, those being written aside."""
    for folder in sorted((home() / name).glob("*")):
        if not folder.name.startswith(".") and folder.is_dir():
            yield folder


def _add_model(files: HomeFiles, folder: Path) -> None:
    path = folder / PASSPORT
    if folder.name in files.models or not path.is_file():
        return
    try:
        files.models[folder.name] = read_model(folder)
    except IntegrityError as error:
        files.damaged[path] = str(error)


def read_model(folder: Path) -> ModelFile:
    """Read the passport of a model folder.

    Raises:
        IntegrityError: it is no passport.
    """
    path = folder / PASSPORT
    raw = path.read_bytes()
    try:
        values = json.loads(raw)
        model = ModelFile(folder=folder, sha256=sha256_bytes(raw), values=values)
        _ = model.version, [entry["sha256"] for entry in model.corpus["sources"]]
        _ = model.corpus["name"], model.corpus["digest"], [*values["files"].items()], model.pretrained
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"{path}: expected a passport. Got {error!r}. "
            "Copy the folder again, or train again with the same seed: the bytes will be the same."
        ) from None
    return model


def _add_dataset(files: HomeFiles, folder: Path, outputs: Mapping[Path, str]) -> None:
    try:
        head = read_head(folder)
    except IntegrityError as error:
        files.damaged[folder / "manifest.json"] = str(error)
        return
    if head is None:
        if folder in outputs:
            files.absent[folder] = outputs[folder]
    elif head.kind.startswith("corpus-"):
        files.corpora[folder] = head
    elif head.kind.startswith("tagged-"):
        files.outputs[folder] = head
    elif folder.parent.name in CACHES:
        files.caches[folder] = head


def output_of(run: RunRecord) -> Path | None:
    """Folder of the output of a run of `tag`; None for other runs.

    Older records hold the folder as it was named then, which may count from another working directory.
    """
    named = run.info.tags.get(OUTPUT_TAG) or (run.info.params.get("out") if run.info.kind == "tag" else None)
    return Path(named).absolute() if named else None


def model_of(run: RunRecord) -> str | None:
    """Version of the model that a run used, if any."""
    return run.info.tags.get(MODEL_TAG) or run.info.params.get("model") or None
