"""Digests of corpora, models and tagged outputs, by part: column, tensor or file."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

UNTIED = ("code", "commit", "files", "genes")  # of a passport: what names the code, or a hash of such
VERSION = "MODEL"  # stands for the version of a model where two models are compared
UNSHARED = {"texts"}  # tables that older commits do not write

Digest = dict[str, str]  # part (column, tensor, file) -> sha256


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
