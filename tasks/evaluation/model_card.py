"""Model card, the description of a model in MLflow.

What comes from a corpus (names, types, licence, description) is shown as text, never as Markdown or HTML.
After Mitchell et al. (2019), "Model Cards for Model Reporting".
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from elman.data.metrics.entities import EntityScores, TypeScores
from elman.data.text.markdown import escaped, table
from elman.tasks.evaluation.reports import REPORT, Scores, scores_table
from elman.tasks.evaluation.text_analysis import ALL
from elman.tasks.evaluation.text_report import JSON
from elman.tasks.models import model_folder
from elman.tasks.models.passport import GenePassport, Passport, TextPassport
from elman.tasks.runtime.registry import ABOUT_CHAMPION, CHAMPION

FEW = 50  # entities; rates of a type with fewer move by several points from one test set to the next
_SHOWN_TYPES, _SHOWN_SOURCES = 20, 5


def model_card(
    folder: str,
    scores: Scores,
    about: Mapping[str, str] = MappingProxyType({}),
    *,
    files: Path | None = None,
    name: str | None = None,
) -> str:
    """Markdown description of a model: use, data, scores with intervals, calibration, limits.

    Args:
        folder: of the model.
        scores: by split.
        about: licence and description of its corpus, as far as they are given.
        files: folder of the run's files, with the reports of evaluations.
        name: under which it is registered, if it is.
    """
    loaded = model_folder.read(Path(folder))
    reports = {split: _report(files, split) for split in scores}
    parts = [
        f"**{loaded.version}** {_purpose(loaded.passport)}; preset {loaded.passport.preset}, "
        f"seed {loaded.passport.seed}.\n",
        "## How to use it\n",
        _usage(f"models:/{name}@{CHAMPION}" if name else loaded.version, loaded.kind, name is not None),
        "## Data\n",
        _data(loaded.passport, about),
        "## Scores\n",
        _scores(scores, reports),
        "## Calibration\n",
        _calibration(reports),
        "## Limits\n",
        "".join(f"- {line}\n" for line in _limits(loaded.passport, scores, reports)),
    ]
    return "\n".join(parts)


def _report(files: Path | None, split: str) -> dict[str, Any]:
    path = None if files is None else files / REPORT.format(split) / JSON
    report: dict[str, Any] = json.loads(path.read_bytes()) if path is not None and path.is_file() else {}
    return report


def _purpose(passport: Passport) -> str:
    if isinstance(passport, GenePassport):
        families = f" and tags {', '.join(map(escaped, passport.labels))}" if passport.labels else ""
        return f"finds coding regions of DNA on both strands{families}"
    if not isinstance(passport, TextPassport):
        raise TypeError(f"expected the passport of a tagger or a gene finder. Got {type(passport).__name__}")
    types = ", ".join(map(escaped, [passport.binary] if passport.binary else passport.types))
    return f"tags {types} in text tokenized by {passport.unit}"


def _usage(model: str, kind: str, registered: bool) -> str:
    example = "ATGAAACGCATTAGC" if kind == "dna" else "Sam Li and Tom date on Tuesday."
    lines = [f"    elman tag {model} FILES --out tagged\n"]
    if registered:
        lines.append(f'    mlflow.pyfunc.load_model("{model}").predict(["{example}"])\n')
        lines.append(f"\n{ABOUT_CHAMPION}\n")
    return "".join(lines)


def _data(passport: Passport, about: Mapping[str, str]) -> str:
    corpus = passport.corpus
    sources = ", ".join(escaped(source["name"]) for source in corpus.sources[:_SHOWN_SOURCES])
    more = len(corpus.sources) - _SHOWN_SOURCES
    rest = f" and {more} more" if more > 0 else ""
    said = [f"{name.capitalize()} of the corpus: {escaped(text)}\n\n" for name, text in about.items()]
    if "licence" not in about:
        said.append("No licence of the corpus is given.\n\n")
    return (
        f"Trained on corpus {escaped(corpus.name)} ({sources}{rest}), manifest {corpus.digest[:12]}.\n\n"
        f"{''.join(said)}"
    )


def _scores(scores: Scores, reports: Mapping[str, Mapping[str, Any]]) -> str:
    if not any("intervals" in report for report in reports.values()):
        return scores_table(scores)
    rows, drawn, left_out = [], "", 0
    for split, of_split in scores.items():
        if not isinstance(of_split, EntityScores):
            continue
        intervals = reports[split].get("intervals", {})
        drawn = reports[split].get("drawn", drawn)
        most = sorted(of_split.per_type, key=lambda kind: (-of_split.per_type[kind].support, kind))
        left_out = max(left_out, len(most) - _SHOWN_TYPES)
        shown: dict[str, EntityScores | TypeScores] = {ALL: of_split}
        shown |= {kind: of_split.per_type[kind] for kind in most[:_SHOWN_TYPES]}
        for kind, of in shown.items():
            f1 = intervals.get(kind, {}).get("f1")
            cells = [f"{100 * of.precision:.1f}", f"{100 * of.recall:.1f}", f"{100 * of.f1:.1f}"]
            cells[-1] += f" ({100 * f1['low']:.1f} to {100 * f1['high']:.1f})" if f1 else ""
            rows.append([f"{split}: {'all' if kind == ALL else kind}", *cells, f"{of.support:,}"])
    note = f" The {left_out} rarest types are left out." if left_out > 0 else ""
    return (
        table(["entities", "precision", "recall", "F1 (95 % interval)", "in gold"], rows)
        + f"\nIn %; an entity counts if span and type are right. Intervals: {drawn} drawn again.{note}\n"
    )


def _calibration(reports: Mapping[str, Mapping[str, Any]]) -> str:
    lines = []
    for split, report in reports.items():
        pair = report.get("calibration", {}).get(ALL)
        if pair and pair["after"]["count"]:
            lines.append(
                f"Expected calibration error on {split}: {pair['after']['error']:.3f} "
                f"({pair['before']['error']:.3f} before scaling), over "
                f"{pair['after']['count']:,} predicted entities.\n"
            )
    return "".join(lines) or "Not measured.\n"


def _limits(passport: Passport, scores: Scores, reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    split = "test" if "test" in scores else next(iter(scores), None)
    if split is None:
        yield "It was scored on nothing: the corpus has no labelled dev or test split."
        return
    if split != "test":
        yield "It was not scored on a test split; scores of dev are too high, for dev chose the weights."
    of_split = scores[split]
    if isinstance(of_split, EntityScores):
        few = [escaped(kind) for kind, of in of_split.per_type.items() if of.support < FEW]
        if few:
            listed = ", ".join(few[:_SHOWN_TYPES])
            yield f"Fewer than {FEW} {split} entities, so that rates say little: {listed}."
    groups = {row["group"]: row for row in reports[split].get("slices", {}).get("by_training", ())}
    if groups:
        shown = (f"{escaped(str(name))} {100 * row['recall']:.1f} % found" for name, row in groups.items())
        yield f"Entities by whether training had their text: {', '.join(shown)}."
    if isinstance(passport, TextPassport):
        yield "Scores hold for text like that of its corpus; elsewhere evaluate it first (`elman evaluate`)."
        yield "What it does not find stays in a text: it is no guarantee that names are taken out."
    else:
        yield "Scores hold for genomes like those of its corpus: no introns, no frameshifts."
