"""CPU seconds of `elman trace` and `elman runs` on a home of many runs, models and shards.

    .venv/bin/python bench/lineage.py [--runs 1000] [--models 1000] [--shards 10000] [--outputs 3]

The home is generated, with records of the real forms and small files. Timed is
`tasks.lineage.trace.trace` after imports, in CPU seconds of the process. Weights have --weights bytes; those
of the model traced are hashed whole.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

SOURCES = 20  # of each corpus
RUNS_A_CORPUS = 50


def sha256_of(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, value: Any) -> str:
    """Write JSON as the store does; return its sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    path.write_bytes(data)
    return sha256_of(data)


def _dataset(folder: Path, kind: str, config: Any, sources: list[Any], shards: int) -> str:
    """Write a dataset whose shards have one small file each; return the sha256 of its manifest."""
    entries, table = [], folder / "data"
    table.mkdir(parents=True)
    for number in range(shards):
        content = f"{folder.name} {number}".encode() * 40
        sha256, source = sha256_of(content), sources[number % len(sources)]
        name = f"data/{number:06}.{sha256[:16]}.parquet"
        (folder / name).write_bytes(content)
        file = {"path": name, "sha256": sha256, "bytes": len(content), "rows": 10}
        counts = {f"probability {n:02}": n for n in range(20)} | {"rows": 10, "records": 1}
        origin = {"name": source["name"], "sha256": source["sha256"], "number": number, "begin": 0, "end": 9}
        shard = {"id": f"{number:06}", "key": sha256, "files": {"data": file}, "counts": counts}
        entries.append({**shard, "source": {**origin, "sources": [source["sha256"]]}})
    manifest = {"format": 1, "kind": kind, "config": config, "code": "c", "sources": sources}
    rest = {"shards": entries, "exports": {}, "totals": {"rows": {"data": 10 * shards}}, "meta": {}}
    return _write(folder / "manifest.json", {**manifest, **rest})


def _run(home: Path, number: int, kind: str, **values: Any) -> str:
    """Write the record of a run; return its id."""
    run_id = f"20261130T{number:06}-{kind}-{number:08x}"
    folder = home / "runs" / run_id
    (folder / "artifacts").mkdir(parents=True)
    info = {"id": run_id, "kind": kind, "name": f"{kind} {number}", "started_ms": 1_700_000_000_000 + number}
    tags = {"elman.code": "c", "mlflow.source.git.commit": "f" * 40, **values.pop("tags", {})}
    _write(
        folder / "run.json", {**info, "status": "FINISHED", "pid": 1, "sent": True, "tags": tags, **values}
    )
    lines = (json.dumps([name, 0.5, 0, 1]) + "\n" for name in ("loss", "dev_f1", "test_f1"))
    (folder / "metrics.jsonl").write_text("".join(lines))
    return run_id


def make_home(
    home: Path, *, runs: int, models: int, shards: int, outputs: int, weights: int = 1 << 16
) -> None:
    """Generate a home: corpora, a training run and a model for each, outputs of the first models."""
    digests: dict[int, tuple[str, list[dict[str, str]]]] = {}
    for number in range(max(models, 1)):
        corpus = number // RUNS_A_CORPUS
        if corpus not in digests:
            sources = [
                {"name": f"{corpus}-{n}.conll", "sha256": sha256_of(b"%d %d" % (corpus, n)), "split": split}
                for n, split in enumerate((*["train"] * (SOURCES - 2), "dev", "test"))
            ]
            folder = home / "corpora" / f"corpus{corpus}"
            digests[corpus] = (_dataset(folder, "corpus-text", {}, sources, SOURCES), sources)
            _run(home, 500_000 + corpus, "ingest", datasets=[_used(folder, digests[corpus][0], "ingested")])
        digest, sources = digests[corpus]
        model = _model(home, number, f"corpus{corpus}", digest, sources, weights)
        if number < runs:
            used = _used(home / "corpora" / f"corpus{corpus}", digest, "training")
            _run(home, number, "train", datasets=[used], model={"folder": str(model)})
    for number in range(outputs):
        model = sorted((home / "models").iterdir())[number]
        passport = sha256_of((model / "passport.json").read_bytes())
        tagged = [{"name": f"in{n}.txt", "sha256": sha256_of(b"tagged %d" % n)} for n in range(100)]
        folder = home / "tagged" / f"out{number}"
        config = {"model": model.name, "passport": passport, "formats": ["parquet"]}
        manifest = _dataset(folder, "tagged-text", config, tagged, shards)
        tags = {"elman.model": model.name, "elman.manifest": manifest, "elman.output": str(folder)}
        _run(home, 600_000 + number, "tag", tags=tags, params={"model": model.name, "out": str(folder)})


def _used(folder: Path, digest: str, context: str) -> dict[str, Any]:
    counts = {"records": 1}
    return {
        "name": folder.name,
        "folder": str(folder),
        "digest": digest,
        "context": context,
        "counts": counts,
    }


def _model(
    home: Path, seed: int, corpus: str, digest: str, sources: list[dict[str, str]], weights: int
) -> Path:
    from elman.tasks.models.model_folder import version_of

    files = {"weights.safetensors": os.urandom(weights), "vocabulary.json": b"[]"}
    passport = {
        "kind": "text",
        "corpus": {"name": corpus, "digest": digest, "sources": sources},
        "preset": "fast",
        "seed": seed,
        "format": 1,
        "code": "c",
        "commit": "f" * 40,
        "files": {name: sha256_of(content) for name, content in files.items()},
        "vocabulary": sha256_of(files["vocabulary.json"]),
        **{"unit": "word", "tokenizer": {}, "types": ["PER"], "binary": None, "blocks": [], "network": {}},
        **{"pretrained": [], "fit": {}, "class_weights": {}, "best_epoch": 1, "eagerness": 0.0},
        **{"temperature": 1.0, "dev": {"f1": 0.5}, "notes": {}},
    }
    folder = home / "models" / version_of(passport)
    _write(folder / "passport.json", passport)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def main() -> None:
    """Generate the home and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, default in (("runs", 1000), ("models", 1000), ("shards", 10_000), ("outputs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--weights", type=int, default=1 << 16)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["ELMAN_HOME"] = folder
        make_home(home, **vars(asked))
        from elman.tasks.lineage.run_list import RunFilter, list_runs
        from elman.tasks.lineage.trace import trace

        model = sorted((home / "models").iterdir())[0].name
        names = {"an output": "out0", "a model": model, "a source": "0-0.conll"}
        print("| traced | CPU s | up | down | broken |\n| --- | ---: | ---: | ---: | ---: |")
        for what, name in names.items():
            begun = time.process_time()
            found = trace(name)
            spent = time.process_time() - begun
            counts = f"{len(found.up):,} | {len(found.down):,} | {len(found.problems)}"
            print(f"| {what} | {spent:.2f} | {counts} |", flush=True)
        begun = time.process_time()
        listed = list_runs(RunFilter(), 0)
        print(f"| runs: {listed.matching:,} listed | {time.process_time() - begun:.2f} | | | |")


if __name__ == "__main__":
    main()
