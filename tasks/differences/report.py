"""Report of `elman diff`: what two models, runs or outputs differ in, and how it reads on a terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elman.data.errors import BadInput, UsageError
from elman.tasks.differences import settings
from elman.tasks.differences.entities import (
    Agreement,
    DifferingSentence,
    OutputDifference,
    ScoredDifference,
    TypeDifference,
    compare_models,
    compare_outputs,
)
from elman.tasks.differences.settings import DataDifference, Setting
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.inspection.render import table
from elman.tasks.lineage.graph import MODEL, OUTPUT, RUN, VERSION, Graph, Key, build
from elman.tasks.lineage.home_files import read_home
from elman.tasks.lineage.names import find, place_of
from elman.tasks.runtime.console import printable

_LONGEST = 60  # characters of a setting
_MOST_NAMES = 10


@dataclass(frozen=True, kw_only=True)
class Report:
    """Result of `elman diff`.

    Attributes:
        a, b: what is compared.
        settings: that differ.
        data: sources of both.
        metrics: recorded ones that both have and that differ, name to values.
        models: of the labelled sentences; None where nothing could be tagged.
        outputs: of the entities of two outputs of text.
        notes: what is not compared, and why.
    """

    a: str
    b: str
    settings: tuple[Setting, ...]
    data: DataDifference
    metrics: Mapping[str, tuple[float, float]]
    models: ScoredDifference | None = None
    outputs: OutputDifference | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `models` and `outputs` only where they were compared."""
        entities = {"models": self.models.to_json()} if self.models else {}
        outputs = {"outputs": self.outputs.to_json()} if self.outputs else {}
        return {
            "a": self.a,
            "b": self.b,
            "settings": [{"name": of.name, "a": of.a, "b": of.b} for of in self.settings],
            "data": self.data.to_json(),
            "metrics": {name: {"a": a, "b": b} for name, (a, b) in self.metrics.items()},
            **entities,
            **outputs,
            "notes": list(self.notes),
        }


def compare(a: str, b: str, corpus: str | None, split: str, most: int) -> Report:
    """Compare two things of one kind.

    Args:
        a, b: ids, as `elman trace` takes them.
        corpus: labelled corpus that both models tag; that of the first model if None.
        split: of the corpus.
        most: sentences to show.

    Raises:
        BadInput: an id means nothing, or several things.
        UsageError: the two cannot be compared.
    """
    places = [place for name in (a, b) if (place := place_of(name)) is not None]
    graph = build(read_home(places))
    keys = [_comparable(graph, name) for name in (a, b)]
    if len({key.kind for key in keys}) > 1:
        raise UsageError(
            f"expected two models, two runs or two outputs. Got a {keys[0].kind}, a {keys[1].kind}."
        )
    of_a, of_b = (settings.metrics_of(graph, key) for key in keys)
    metrics = {name: (of_a[name], of_b[name]) for name in of_a if name in of_b and of_a[name] != of_b[name]}
    notes: list[str] = []
    outputs = _outputs(graph, keys, most, notes) if keys[0].kind == OUTPUT else None
    models = None if keys[0].kind == OUTPUT else _models(graph, keys, corpus, split, most, notes)
    return Report(
        a=keys[0].id,
        b=keys[1].id,
        settings=settings.different(*(settings.settings_of(graph, key) for key in keys)),
        data=settings.data_difference(graph, *keys),
        metrics=metrics,
        models=models,
        outputs=outputs,
        notes=tuple(notes),
    )


def _comparable(graph: Graph, name: str) -> Key:
    """The model, run or output that an id means; a registered version stands for its model."""
    named = find(graph, name)
    key = named.keys[0]
    if key.kind == VERSION:
        key = next(link.of for link in graph.up[key])
    if key.kind not in (MODEL, RUN, OUTPUT) or len(named.keys) > 1:
        raise UsageError(f"expected a model, a run or an output. Got {name!r}, a {key.kind}.")
    return key


def _models(
    graph: Graph, keys: list[Key], corpus: str | None, split: str, most: int, notes: list[str]
) -> ScoredDifference | None:
    names = [settings.model_of(graph, key) for key in keys]
    folders = [settings.folder_of(graph, name) for name in names]
    if folders[0] is None or folders[1] is None:
        notes.append("Entities are not compared: a run without a model, or a model that is gone.")
        return None
    if names[0] == names[1]:
        notes.append("Entities are not compared: both are of one model.")
        return None
    files = graph.files.models
    if "dna" in {files[str(name)].values["kind"] for name in names}:
        notes.append("Genes are not compared one by one; `elman evaluate` scores a model on a corpus.")
        return None
    if corpus is None:
        of = files[str(names[0])].corpus
        folder = graph.corpus_of(of["name"], of["digest"])
        if folder is None:
            notes.append(
                f"Entities are not compared: the corpus {of['name']} is not here. Name one with --on."
            )
            return None
    else:
        folder = corpus_folder(corpus)
    try:
        return compare_models(Path(folders[0]), Path(folders[1]), folder, split, most)
    except BadInput as error:
        if corpus is not None:
            raise
        notes.append(f"Entities are not compared: {error}")
        return None


def _outputs(graph: Graph, keys: list[Key], most: int, notes: list[str]) -> OutputDifference | None:
    heads = [graph.files.outputs[Path(key.id)] for key in keys]
    if {head.kind for head in heads} != {"tagged-text"}:
        notes.append("Only outputs of text are compared entity by entity.")
        return None
    of_a, of_b = ({entry["name"]: entry["sha256"] for entry in head.sources} for head in heads)
    common = sorted(name for name, sha256 in of_a.items() if of_b.get(name) == sha256)
    if not common:
        notes.append("Entities are not compared: no source is in both outputs with the same content.")
        return None
    return compare_outputs(Path(keys[0].id), Path(keys[1].id), common, most)


def text_of(report: Report) -> str:
    """The report for a terminal."""
    return "\n".join(printable(line.rstrip()) if line else "" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"a: {report.a}"
    yield f"b: {report.b}"
    yield from ("", "Configuration")
    rows = [(of.name, _cut(of.a), _cut(of.b)) for of in report.settings]
    yield from table(("setting", "a", "b"), rows) if rows else ["   the same"]
    data = report.data
    yield from ("", "Data", f"   {data.same:,} sources in both")
    for side, names in (("a", data.only_a), ("b", data.only_b)):
        if names:
            more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
            yield f"   only {side}: {', '.join(names[:_MOST_NAMES])}{more}"
    shown = {name: of for name, of in report.metrics.items() if not name.startswith("system/")}
    if shown:
        yield from ("", "Recorded metrics")
        values = [(name, f"{a:.4f}", f"{b:.4f}", f"{b - a:+.4f}") for name, (a, b) in sorted(shown.items())]
        yield from table(("metric", "a", "b", "b - a"), values)
    if report.models:
        yield from _models_lines(report.models)
    if report.outputs:
        yield from _outputs_lines(report.outputs)
    if report.notes:
        yield from ("", *report.notes)


def _cut(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _models_lines(of: ScoredDifference) -> Iterator[str]:
    yield from ("", f"F1 on {of.split} of {of.corpus}: {of.sentences:,} sentences, {of.drawn} drawn")
    yield from table(("type", "gold", "a", "b", "b - a", "95 %", ""), [_type_row(row) for row in of.types])
    yield from _sentences(of.differing, of.shown)


def _type_row(of: TypeDifference) -> tuple[str, ...]:
    drawn = of.difference
    return (
        of.type,
        f"{of.gold:,}",
        f"{100 * of.a:.1f}",
        f"{100 * of.b:.1f}",
        f"{100 * drawn.difference:+.1f}",
        f"{100 * drawn.low:+.1f} to {100 * drawn.high:+.1f}",
        "significant" if of.significant else "",
    )


def _outputs_lines(of: OutputDifference) -> Iterator[str]:
    yield from ("", f"Entities of {of.sources:,} sources that both have")
    head = ("type", "both", "only a", "only b", "agreement F1")
    yield from table(head, [_agreement_row(row) for row in of.types])
    yield from _sentences(of.differing, of.shown)


def _agreement_row(of: Agreement) -> tuple[str, ...]:
    return (of.type, f"{of.both:,}", f"{of.only_a:,}", f"{of.only_b:,}", f"{100 * of.f1:.1f}")


def _sentences(count: int, shown: tuple[DifferingSentence, ...]) -> Iterator[str]:
    yield from ("", f"Sentences where they differ: {count:,}" + (", the first:" if shown else ""))
    for of in shown:
        yield f"   {of.document}, sentence {of.sentence}{': ' if of.text else ''}{of.text}"
        sides = (
            [("a", of.a), ("b", of.b)] if of.gold is None else [("gold", of.gold), ("a", of.a), ("b", of.b)]
        )
        yield from (f"      {side:<4}  {'; '.join(named) or '-'}" for side, named in sides)
