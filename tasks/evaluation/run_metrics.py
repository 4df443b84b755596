"""Metrics of a run in MLflow: SPLIT_NAME for all entities or bases, SPLIT_NAME/TYPE for a type.

Rates lie from 0 to 1. Names that end in `_s`, `_mib` and `_per_s` carry seconds, MiB and rates.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from elman.data.metrics.genes import GeneScores
from elman.tasks.evaluation.reports import REPORT, Scores, flat_scores
from elman.tasks.evaluation.text_analysis import ALL
from elman.tasks.evaluation.text_report import JSON

RATES = ("precision", "recall", "f1")
GENE_RATES = ("stop_precision", "stop_recall", "exact_precision", "exact_recall")
_FORBIDDEN = re.compile(r"[^\w.\- :]")
_STRANDS = {"CDS +": "CDS forward", "CDS -": "CDS reverse"}
_LONGEST = 200  # characters of a type in a name, of 250 that MLflow takes


def score_metrics(scores: Scores, out: Path) -> dict[str, float]:
    """Metrics of scores.

    Args:
        scores: by split.
        out: folder of the run's files; where it has the report of a split, its intervals and calibration
            error are metrics, too.

    Returns:
        `test_f1`, `test_f1/PER`, `test_f1_low`, `test_calibration_error`, ... by name.
    """
    metrics = flat_scores(scores)
    for split, of_split in scores.items():
        of_types = of_split.per_type
        for name, of in zip(metric_names([*of_types]), of_types.values(), strict=True):
            metrics |= {f"{split}_{rate}/{name}": float(getattr(of, rate)) for rate in RATES}
        if isinstance(of_split, GeneScores):
            genes = of_split.gene.to_json()
            metrics |= {f"{split}_gene_{rate}": genes[rate] for rate in GENE_RATES}
        metrics |= {f"{split}_{name}": value for name, value in _of_report(out / REPORT.format(split) / JSON)}
    return metrics


def metric_names(types: Sequence[str]) -> Iterator[str]:
    """Each type as a part of a metric's name; two types never get the same."""
    taken: set[str] = set()
    for kind in types:
        name = base = _FORBIDDEN.sub("_", _STRANDS.get(kind, kind))[:_LONGEST].strip(". ") or "_"
        number = 1
        while name in taken:
            number += 1
            name = f"{base}:{number}"
        taken.add(name)
        yield name


def _of_report(path: Path) -> Iterator[tuple[str, float]]:
    """Bounds of F1 and calibration error of a report of text."""
    if not path.is_file():
        return
    report = json.loads(path.read_bytes())
    interval = report.get("intervals", {}).get(ALL, {}).get("f1")
    if interval:
        yield "f1_low", interval["low"]
        yield "f1_high", interval["high"]
    calibration = report.get("calibration", {}).get(ALL, {}).get("after")
    if calibration and calibration["count"]:
        yield "calibration_error", calibration["error"]
