"""Label Studio: exported tasks as a JSON array, in its JSON and its JSON-MIN form.

Format: https://labelstud.io/guide/task_format. A task is a document; its text is the value of `data.text`,
or of the only string of `data` (JSON), or of the key `text` (JSON-MIN). Of several annotations the first that
was not cancelled is gold. Predictions are not, except where a task has no key for annotations: `elman tag`
writes such tasks, Label Studio never exports them.
"""

import re
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

from elman.data.formats.common.given_spans import GivenSpan, spans_of
from elman.data.formats.common.json_array import documents_of_array
from elman.data.formats.common.json_labels import NOT_GOLD
from elman.data.formats.common.lines import LONGEST_RECORD
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import BadRecord, Document, Flat, Place, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.common.span_documents import REASONS, document_of
from elman.data.formats.registry import Head, Opener, TextFormat, register
from elman.data.formats.text.jsonl import json_value

ADVICE = "Export the project from Label Studio as JSON or JSON-MIN."
GIVEN = ("annotations", "completions", "predictions")  # the first that a task has counts
_SHOWN = 200  # bytes of what is no array

_TOKENS = re.compile(rb'"(tokens|words|tokenized_text)"\s*:\s*\[\s*"')  # of records of tokens


def read(
    opener: Opener, source: str, options: Options, slice_: Slice | None = None
) -> Iterator[Document | Flat | Quarantined]:
    """Read the tasks of a file; see `data.formats.registry.TextReader`."""
    yield from documents_of_array(opener, source, partial(_document, options=options), "task")


def _document(place: Place, *, options: Options) -> Document | Flat:
    task = json_value(place.raw)
    if not isinstance(task, dict):
        raise BadRecord("no-text", f"expected a task. Got {type(task).__name__}", ADVICE)
    text = _text_of(task)
    results = _results_of(task, place)
    if results is None and task.get("annotations", task.get("completions")):
        options.report.counts[NOT_GOLD] += 1
    spans = None
    if results is not None:
        spans = spans_of(map(_label, results), text, place, options, ADVICE)
    return document_of(place, _id_of(task), text, spans, options, ADVICE)


def _id_of(task: dict[str, Any]) -> Any:
    """The id of a task, or of its data; None if it has none."""
    data = task.get("data")
    return task.get("id", data.get("id") if isinstance(data, dict) else None)


def _text_of(task: dict[str, Any]) -> Any:
    """The text of a task, None if there is none or several."""
    data = task.get("data", task)
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("text"), str):
        return data["text"]
    strings = [value for value in data.values() if isinstance(value, str)] if "data" in task else []
    return strings[0] if len(strings) == 1 else None


def _results_of(task: dict[str, Any], place: Place) -> list[dict[str, Any]] | None:
    """Labelled regions of a task; None where nobody has annotated it."""
    if "data" not in task:  # JSON-MIN: {"text": ..., "label": [{"start", "end", "labels"}], ...}
        given = next((value for value in task.values() if _are_regions(value)), None)
        return given if given is not None else ([] if "annotator" in task else None)
    annotations: Any = next((task[key] for key in GIVEN if key in task), [])
    if not isinstance(annotations, list):
        raise BadRecord("invalid-spans", "expected a list of annotations. Got something else", ADVICE)
    done = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]
    if len(done) > 1:
        warnings.warn(
            f"{place.source}:{place.line}: {len(done)} annotations of one task; the first is read.",
            stacklevel=2,
        )
    if not done:
        return None
    results = [result for result in done[0].get("result", []) if isinstance(result, dict)]
    return [
        result["value"]
        for result in results
        if result.get("type", "labels") in ("labels", "hypertextlabels")
        and isinstance(result.get("value"), dict)
    ]


def _are_regions(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(v, dict) and "labels" in v for v in value)
    )


def _label(value: dict[str, Any]) -> GivenSpan:
    """Label of a region; a region of several types has none that could be learned."""
    labels = value.get("labels", value.get("hypertextlabels"))
    one = labels[0] if isinstance(labels, list) and len(labels) == 1 else labels
    return GivenSpan(value.get("start"), value.get("end"), one, value.get("text"))


def _matches(head: Head) -> bool:
    beginning = head.raw.lstrip()[:4096]
    if not beginning.startswith(b"["):
        return False
    json_form = b'"data"' in beginning or b'"annotations"' in head.raw
    min_form = b'"labels"' in head.raw and _TOKENS.search(head.raw) is None
    return beginning[1:].lstrip().startswith(b"{") and (json_form or min_form)


register(
    TextFormat(
        name="label_studio",
        rank=45,
        matches=_matches,
        read=read,
        own_ids=True,
        title="Label Studio",
        record="a task",
        notes="exports as JSON and JSON-MIN; the first annotation that was not cancelled is gold",
        hint="Label Studio's JSON",
        reasons={
            "invalid-json": "a file that is no JSON array of objects to its end",
            "too-long": f"a task of more than {LONGEST_RECORD >> 20} MiB",
            **REASONS,
        },
    ),
)
