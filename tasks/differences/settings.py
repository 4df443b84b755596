"""Differences in configuration, data and scores of two models, runs or outputs, by their records."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.tasks.lineage.checks import head_of
from elman.tasks.lineage.graph import MODEL, OUTPUT, RUN, Graph, Key
from elman.tasks.runtime.run_record import CODE, GIT_COMMIT, RunRecord

_OF_MODEL = (
    *("kind", "preset", "seed", "code", "commit", "unit", "types", "binary", "blocks", "network", "fit"),
    *(
        "class_weights",
        "tokenizer",
        "vocabulary",
        "config",
        "labels",
        "genes",
        "warm_start",
        "best_epoch",
        "temperature",
    ),
    "eagerness",
)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting that differs; None where one side does not have it."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True, kw_only=True)
class DataDifference:
    """Sources of two models or outputs, by content.

    Attributes:
        same: sources of both.
        only_a, only_b: names of the others.
    """

    same: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def model_of(graph: Graph, key: Key) -> str | None:
    """Version of the model that a thing is, made, used, or was tagged by."""
    if key.kind == MODEL:
        return key.id
    made = [link.made.id for link in graph.down[key] if link.made.kind == MODEL and key.kind == RUN]
    used = [link.of.id for link in graph.up[key] if link.of.kind == MODEL]
    return next(iter([*made, *used]), None)


def settings_of(graph: Graph, key: Key) -> dict[str, Any]:
    """Settings by flat names: network.hidden, run.epochs, output.formats, ..."""
    flat: dict[str, Any] = {}
    name = model_of(graph, key)
    model = graph.files.models.get(name or "")
    if model:
        values = {item: model.values[item] for item in _OF_MODEL if item in model.values}
        flat |= dict(_flat("", {**values, "corpus": model.corpus["digest"]}))
    elif name:
        flat["model"] = name
    if key.kind == RUN:
        run = run_of(graph, key)
        code = {name: run.info.tags.get(tag) for name, tag in (("code", CODE), ("commit", GIT_COMMIT))}
        flat |= dict(_flat("run", {**run.info.params, **code}))
    if key.kind == OUTPUT and (head := head_of(graph, key)):
        flat |= dict(_flat("output", {**head.config, "code": head.values.get("code")}))
    return flat


def run_of(graph: Graph, key: Key) -> RunRecord:
    """Record of a run."""
    return next(run for run in graph.files.runs if run.id == key.id)


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, Mapping):
            yield from _flat(path, value)
        else:
            yield path, list(value) if isinstance(value, tuple) else value


def different(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Settings that differ, by name."""
    names = sorted({*a, *b})
    return tuple(
        Setting(name=name, a=a.get(name), b=b.get(name)) for name in names if a.get(name) != b.get(name)
    )


def data_difference(graph: Graph, a: Key, b: Key) -> DataDifference:
    """Compare sources: of outputs what they tag, of models and runs what was learnt from."""
    of_a, of_b = (_sources(graph, key) for key in (a, b))
    name = graph.names.get
    return DataDifference(
        same=len(of_a & of_b),
        only_a=tuple(sorted(name(of, of) for of in of_a - of_b)),
        only_b=tuple(sorted(name(of, of) for of in of_b - of_a)),
    )


def _sources(graph: Graph, key: Key) -> set[str]:
    model = model_of(graph, key)
    place = key if key.kind == OUTPUT or model is None else Key(MODEL, model)
    return {link.of.id for link in graph.up[place] if link.of.kind == "source"}


def metrics_of(graph: Graph, key: Key) -> dict[str, float]:
    """Last values of the metrics of a run, or of the run that made a model."""
    run = key if key.kind == RUN else None
    if key.kind == MODEL:
        run = next((link.of for link in graph.up[key] if link.of.kind == RUN), None)
    if run is None:
        return {}
    return {name: value for name, value, _, _ in run_of(graph, run).rows()}


def folder_of(graph: Graph, model: str | None) -> Path | None:
    """Folder of a model that is there."""
    found = graph.files.models.get(model or "")
    return found.folder if found else None
