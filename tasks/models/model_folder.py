"""The model folder: weights.safetensors, vocabulary.json and the passport that says where they came from.

A folder alone suffices to tag. It is written once, as a whole, and every file is checked by sha256 before it
is trusted; nothing in it is ever unpickled. Needs neither Prefect nor MLflow.
"""

import hashlib
import json
import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput, IntegrityError
from elman.data.store.code_hash import code_hash
from elman.data.store.disk import atomic_write
from elman.tasks.models.passport import (
    AnyPassport,
    ClassifierPassport,
    GenePassport,
    GeneratorPassport,
    Passport,
    TextPassport,
    TranscriberPassport,
    passport_of,
)
from elman.tasks.runtime.environment import CHECKOUT, home

FORMAT = 1
MAPPED = 1 << 22  # bytes
VERSION = re.compile(r".+-s\d+-[0-9a-f]{8}")
_USE = {
    "text": "Tag text with this one",
    "dna": "Tag genomes with this one",
    "generator": "Use this one with `elman generate`",
    "classifier": "Classify with this one by `elman tag`",
    "transcriber": "Use this one with `elman transcribe`",
}
PASSPORT, WEIGHTS, VOCABULARY = "passport.json", "weights.safetensors", "vocabulary.json"


@dataclass(frozen=True)
class Model:
    """A model folder whose files have been checked.

    Attributes:
        folder: its path.
        values: content of passport.json.
        files: contents by file name, without passport.json; large files are mapped.
    """

    folder: Path
    values: dict[str, Any]
    files: dict[str, bytes | mmap.mmap]

    @cached_property
    def version(self) -> str:
        """CORPUS-PRESET-sSEED-HASH: the name every tagged row carries; the same wherever the folder lies."""
        return version_of(self.values)

    @property
    def kind(self) -> str:
        """`text` or `dna` of a tagger, `generator`, `classifier` or `transcriber`."""
        return self.passport.kind

    @property
    def family(self) -> str:
        """Family of the sources of `elman tag`, `text` or `dna`; of other models their kind."""
        return self.passport.family if isinstance(self.passport, ClassifierPassport) else self.kind

    @cached_property
    def passport(self) -> AnyPassport:
        """Provenance, and what is needed to use the model."""
        return passport_of(self.values)

    @property
    def of_text(self) -> TextPassport:
        """The passport of a model of text.

        Raises:
            BadInput: the model is one of DNA.
        """
        if isinstance(self.passport, TextPassport):
            return self.passport
        raise BadInput(
            "a model of text",
            got=f"one of {self.kind}" if self.kind == "dna" else f"a {self.kind}",
            todo=f"{_USE[self.kind]}, or name a model trained on text.",
            source=self.folder,
        )

    @property
    def of_dna(self) -> GenePassport:
        """The passport of a model of DNA.

        Raises:
            BadInput: the model is one of text.
        """
        if isinstance(self.passport, GenePassport):
            return self.passport
        raise BadInput(
            "a model of DNA",
            got=f"one of {self.kind}" if self.kind == "text" else f"a {self.kind}",
            todo=f"{_USE[self.kind]}, or name a model trained on genomes.",
            source=self.folder,
        )

    @property
    def of_generation(self) -> GeneratorPassport:
        """The passport of a next-symbol model.

        Raises:
            BadInput: the model is another.
        """
        if isinstance(self.passport, GeneratorPassport):
            return self.passport
        raise BadInput(
            "a model that generates",
            got=self._shown,
            todo="Train one with `elman train CORPUS --task generate`.",
            source=self.folder,
        )

    @property
    def of_classification(self) -> ClassifierPassport:
        """The passport of a classifier.

        Raises:
            BadInput: the model is another one.
        """
        if isinstance(self.passport, ClassifierPassport):
            return self.passport
        raise BadInput(
            "a model that classifies",
            got=self._shown,
            todo="Train one with `elman train CORPUS --task classify`.",
            source=self.folder,
        )

    @property
    def of_speech(self) -> TranscriberPassport:
        """The passport of a model of speech.

        Raises:
            BadInput: the model is another.
        """
        if isinstance(self.passport, TranscriberPassport):
            return self.passport
        raise BadInput(
            "a model of speech",
            got=self._shown,
            todo="Train one with `elman train CORPUS --task transcribe`.",
            source=self.folder,
        )

    @property
    def _shown(self) -> str:
        """Description of the model, for messages."""
        return f"a tagger of {self.kind}" if self.kind in ("text", "dna") else f"a {self.kind}"


def _bytes(passport: Mapping[str, Any]) -> bytes:
    return (json.dumps(passport, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def version_of(passport: Mapping[str, Any]) -> str:
    """The version name of a passport."""
    digest = hashlib.sha256(_bytes(passport)).hexdigest()[:8]
    return f"{passport['corpus']['name']}-{passport['preset']}-s{passport['seed']}-{digest}"


def provenance() -> dict[str, str | None]:
    """Which code is at work: the hash of data/ and rnn/, and the git commit if the checkout has one."""
    commit = None
    if (CHECKOUT / ".git").exists() and shutil.which("git"):
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        )
        commit = done.stdout.strip() or None
    return {"code": code_hash(training=True), "commit": commit}


def write(passport: Passport, files: Mapping[str, bytes]) -> Path:
    """Write a model folder under the home's `models/`, all of it or nothing.

    Args:
        passport: without times and run ids, so that the same training gives the same bytes.
        files: contents by plain file name.

    Returns:
        The folder, named by the model's version. One that is there already is the same model, and is kept.
    """
    full = {
        **passport.to_json(),
        "format": FORMAT,
        **provenance(),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    models = home() / "models"
    folder = models / version_of(full)
    if folder.is_dir() and read(folder).values == json.loads(_bytes(full)):
        return folder
    models.mkdir(parents=True, exist_ok=True)
    scratch = models / f".{folder.name}.{os.getpid()}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name, content in files.items():
        atomic_write(scratch / name, content)
    atomic_write(scratch / PASSPORT, _bytes(full))
    os.rename(scratch, folder)
    _sync(models)
    return folder


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(folder: Path) -> Model:
    """Read a model folder; nothing that is not in its passport is trusted.

    Raises:
        BadInput: no model folder, or one of a newer format.
        IntegrityError: a file is missing, changed or not the model's; names it.
    """
    path = folder / PASSPORT
    if not path.is_file():
        raise BadInput(f"a model folder with {PASSPORT}", got="none", todo=_HOW_TO_NAME, source=folder)
    try:
        values = json.loads(path.read_bytes())
        listed: dict[str, str] = values["files"]
        newer = values["format"] > FORMAT
        version = version_of(values)
        if not newer:
            passport_of(values)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path}: expected a passport. Got {error!r}. {_TRAIN_AGAIN}") from None
    if newer:
        raise BadInput(
            f"a model of format {FORMAT} or older",
            got=f"format {values['format']}",
            todo="Use the newer Elman that made it.",
            source=path,
        )
    if VERSION.fullmatch(folder.name) and folder.name != version:
        raise IntegrityError(f"{path}: expected the passport of {folder.name}. Got {version}. {_TRAIN_AGAIN}")
    for found in sorted(folder.iterdir()):
        if found.name != PASSPORT and found.name not in listed:
            raise IntegrityError(
                f"{found}: expected only files that the passport lists. Got one more. "
                "Remove it: it is not the model's."
            )
    files: dict[str, bytes | mmap.mmap] = {}
    for name, expected in listed.items():
        file = folder / name
        if Path(name).name != name or not file.is_file():
            raise IntegrityError(f"{file}: expected a file of the model. Got none. {_TRAIN_AGAIN}")
        files[name], got = _content(file)
        if got != expected:
            raise IntegrityError(f"{file}: expected sha256 {expected}. Got {got}. {_TRAIN_AGAIN}")
    return Model(folder, values, files)


def _content(path: Path) -> tuple[bytes | mmap.mmap, str]:
    """A file and its sha256; one of MAPPED bytes or more is mapped: what is not used takes no memory."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < MAPPED:
            content = file.read()
            return content, hashlib.sha256(content).hexdigest()
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), digest


_TRAIN_AGAIN = "Copy the folder again, or train again with the same seed: the bytes will be the same."
_HOW_TO_NAME = "Give a model folder, models:/NAME@alias, models:/NAME/VERSION or the id of a training run."


def resolve(model: str) -> Path:
    """Find the folder a MODEL argument means.

    Args:
        model: a folder, the name of one under the home's `models/`, `models:/NAME@alias`,
            `models:/NAME/VERSION` or a run id.

    Raises:
        BadInput: it is none of these.
    """
    if not model.startswith("models:/"):
        for folder in (Path(model), home() / "models" / model):
            if folder.is_dir():
                return folder
        if "/" in model or os.sep in model:
            raise BadInput("a model", got="no such folder", todo=_HOW_TO_NAME, source=model)
    from elman.tasks.runtime.registry import resolve_model

    return resolve_model(model)
