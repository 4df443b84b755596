"""Facts of a thing, as its passport, manifest or record holds them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elman.tasks.lineage.checks import head_of
from elman.tasks.lineage.graph import CACHE, CORPUS, MODEL, OUTPUT, RUN, VERSION, Graph, Key
from elman.tasks.lineage.home_files import ModelFile
from elman.tasks.lineage.manifests import ManifestHead
from elman.tasks.lineage.run_list import score_of, state_of
from elman.tasks.models.model_folder import WEIGHTS
from elman.tasks.runtime.run_record import CODE, GIT_COMMIT, RunRecord

_CONFIG = ("unit", "types", "binary", "blocks", "network", "fit", "class_weights", "config", "labels")


def facts_of(graph: Graph, key: Key) -> dict[str, str]:
    """Facts by their names; those without a value are left out."""
    if key.kind == MODEL and (model := graph.files.models.get(key.id)):
        facts = _of_model(model)
    elif key.kind in (CORPUS, OUTPUT, CACHE) and (head := head_of(graph, key)):
        facts = _of_dataset(head)
    elif key.kind == RUN and (run := next((of for of in graph.files.runs if of.id == key.id), None)):
        facts = _of_run(run)
    elif key.kind == VERSION:
        version = next(of for of in graph.files.versions if of.uri == key.id)
        facts = iter([("aliases", ", ".join(version.aliases)), ("model", version.model)])
    else:
        facts = iter(())
    return {name: _plain(value) for name, value in facts if value not in (None, "", [], {})}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _of_model(model: ModelFile) -> Iterator[tuple[str, Any]]:
    values = model.values
    yield "folder", str(model.folder)
    yield "passport", model.sha256
    yield "kind", values["kind"]
    yield "preset", values["preset"]
    yield "seed", values["seed"]
    yield "code", values.get("code")
    yield "commit", values.get("commit")
    yield "corpus", f"{model.corpus['name']}, manifest {model.corpus['digest']}"
    yield "vocabulary", values.get("vocabulary") or values["files"].get("vocabulary.json")
    yield "weights", values["files"].get(WEIGHTS)
    yield from ((name, values.get(name)) for name in _CONFIG)
    dev = values.get("dev") or {}
    yield "dev F1", dev.get("f1")


def _of_dataset(head: ManifestHead) -> Iterator[tuple[str, Any]]:
    yield "folder", str(head.folder)
    yield "kind", head.kind
    yield "manifest", head.digest
    yield "code", head.values.get("code")
    yield "config", head.config
    totals = head.values.get("totals") or {}
    yield "rows", totals.get("rows")
    yield "sources", len(head.sources)
    yield from ((name, head.values.get("meta", {}).get(name)) for name in ("licence", "description"))


def _of_run(run: RunRecord) -> Iterator[tuple[str, Any]]:
    info = run.info
    yield "folder", str(Path(run.folder))
    yield "kind", info.kind
    yield "name", info.name
    yield "state", state_of(run)
    yield "code", info.tags.get(CODE)
    yield "commit", info.tags.get(GIT_COMMIT)
    yield from ((name, value) for name, value in info.params.items())
    score = score_of(run)
    yield (score[0], f"{score[1]:.4f}") if score else ("score", None)
    yield "MLflow run", info.mlflow_run_id
