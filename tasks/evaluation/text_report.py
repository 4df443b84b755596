"""Report of an evaluation of text: an HTML page, its pictures, Parquet tables and JSON.

The page answers in this order: how good, where wrong, can the probabilities be trusted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.metrics.intervals import RateIntervals
from elman.data.metrics.partial import SCHEMAS
from elman.data.metrics.thresholds import threshold_for
from elman.data.store.disk import atomic_write
from elman.tasks.evaluation import plots
from elman.tasks.evaluation.reports import PAGE, write_table
from elman.tasks.evaluation.text_analysis import ALL, WANTED, TextAnalysis
from elman.tasks.models.precision import TypeThreshold
from elman.tasks.runtime.html_page import html_table, page, picture, table, text

JSON = "report.json"
_SHOWN_MISTAKES, _SHOWN_DOCUMENTS, _SHOWN_TYPES = 300, 20, 20
_GROUPS = {
    "by_training": "By whether training had the entity's text",
    "by_length": "By length in tokens",
    "by_position": "By position of the first token in the sentence",
    "by_unknown": "By share of tokens that training did not have",
}
_OUTCOMES = {
    "correct": "span and type are right",
    "type": "the span is right, the type is not",
    "boundary": "the type is right, the span overlaps",
    "type and boundary": "the span overlaps, the type is another",
    "missed": "an entity of gold that nothing overlaps",
    "spurious": "a predicted entity that overlaps nothing",
}


def write_text_report(analysis: TextAnalysis, out: Path, curve: Path | None = None) -> Path:
    """Write the report of an evaluation.

    Args:
        analysis: of the evaluation.
        out: folder, made if it is absent.
        curve: picture of the learning curve, if there is one.

    Returns:
        the page, report.html; beside it report.json, the pictures and a Parquet file a table.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in analysis.tables().items():
        write_table(frame, out / f"{name}.parquet")
    plain = json.dumps(analysis.to_json(), ensure_ascii=False, indent=1) + "\n"
    atomic_write(out / JSON, plain.encode("utf-8", "backslashreplace"))
    _draw(analysis, out)
    pictures = {path.stem: path.read_bytes() for path in sorted(out.glob("*.png"))}
    if curve is not None and curve.is_file():
        pictures["learning_curve"] = curve.read_bytes()
    subject = analysis.subject
    title = f"{subject.model} on {subject.corpus}, {subject.split}"
    html = page(title, [f"<h1>{text(title)}</h1>", *_parts(analysis, pictures)])
    atomic_write(out / PAGE, html.encode("utf-8", "backslashreplace"))
    return out / PAGE


def _draw(analysis: TextAnalysis, out: Path) -> None:
    pair = analysis.calibration[ALL]
    if pair.after.count:
        plots.reliability(pair.before.bins, pair.after.bins, out / "reliability.png")
        plots.thresholds(analysis.curves, out / "precision_by_threshold.png")
    if analysis.confusion.height:
        sizes: Counter[str] = Counter()
        for gold, said, _, count in analysis.confusion.rows():
            sizes.update({kind: count for kind in (gold, said) if kind})
        names = sorted(kind for kind, _ in sizes.most_common(_SHOWN_TYPES))
        counts: Counter[tuple[str, str]] = Counter()
        for gold, said, _, count in analysis.confusion.rows():
            counts[gold, said] += count
        plots.confusion(counts, names, out / "confusion.png")


def _parts(analysis: TextAnalysis, pictures: Mapping[str, bytes]) -> Iterator[str]:
    for note in analysis.notes:
        yield f'<p class="note">{text(note)}</p>'
    yield "<h2>How good is it?</h2>"
    yield _scores(analysis)
    yield (
        "<p>Rates in %. An entity counts if its span and its type are right. In brackets the middle 95 % of "
        f"draws from {text(analysis.drawn)}: models whose intervals overlap widely may be equally good.</p>"
    )
    yield _partial(analysis)
    if "learning_curve" in pictures:
        yield picture(pictures["learning_curve"], "Loss and F1 on dev by epoch")
    yield "<h2>Where is it wrong?</h2>"
    yield from _wrong(analysis, pictures)
    yield "<h2>Can its probabilities be trusted?</h2>"
    yield from _trust(analysis, pictures)


def _scores(analysis: TextAnalysis) -> str:
    def row(name: str, of: RateIntervals, support: int, predicted: int) -> list[str]:
        return [name, str(of.precision), str(of.recall), str(of.f1), f"{support:,}", f"{predicted:,}"]

    scores = analysis.scores
    rows = [row(ALL, analysis.intervals[ALL], scores.support, scores.predicted)]
    for name, of in scores.per_type.items():
        rows.append(row(name, analysis.intervals[name], of.support, of.predicted))
    return table(["type", "precision", "recall", "F1", "in gold", "predicted"], rows)


def _partial(analysis: TextAnalysis) -> str:
    rows = [[name, *(_percent(of[schema].f1) for schema in SCHEMAS)] for name, of in analysis.partial.items()]
    return (
        "<h3>F1 by what counts as right</h3>"
        + table(["type", "span and type", "span", "overlap (half a point)", "overlap and type"], rows)
        + "<p>Far higher figures on the right mean wrong boundaries. A type's leave other types out.</p>"
    )


def _wrong(analysis: TextAnalysis, pictures: Mapping[str, bytes]) -> Iterator[str]:
    counts = dict(analysis.outcomes.rows())
    rows = [[name, f"{counts[name]:,}", meaning] for name, meaning in _OUTCOMES.items() if name in counts]
    yield table(["outcome", "entities", "meaning"], rows)
    if "confusion" in pictures:
        yield "<h3>Which types are taken for which</h3>"
        yield picture(pictures["confusion"], "Confusion between types, missed and spurious entities")
    for name, title in _GROUPS.items():
        if name in analysis.slices and analysis.slices[name].height:
            yield f"<h3>{text(title)}</h3>" + _groups(analysis.slices[name])
    documents = analysis.slices["by_document"]
    if documents.height > 1:
        missed = pl.col("support") + pl.col("predicted") - 2 * pl.col("correct")
        worst = documents.sort(missed, "group", descending=[True, False]).head(_SHOWN_DOCUMENTS)
        yield f"<h3>Documents with the most mistakes, of {documents.height:,}</h3>" + _groups(worst)
    yield from _mistakes(analysis.mistakes)


def _groups(groups: pl.DataFrame) -> str:
    rows = [
        [
            row["group"],
            *(_percent(row[name]) for name in ("precision", "recall", "f1")),
            f"{row['support']:,}",
            f"{row['predicted']:,}",
        ]
        for row in groups.to_dicts()
    ]
    return table(["", "precision", "recall", "F1", "in gold", "predicted"], rows)


def _mistakes(mistakes: pl.DataFrame) -> Iterator[str]:
    if mistakes.is_empty():
        return
    shown = mistakes.head(_SHOWN_MISTAKES)
    yield (
        f"<h3>Mistakes, the surest first: {shown.height:,} of {mistakes.height:,}</h3><p>Probability that "
        "the model gave its answer; of missed entities the mean of their tokens. All: mistakes.parquet.</p>"
    )
    rows = (
        [
            str(row["rank"]),
            text(row["outcome"]),
            f"{row['probability']:.3f}",
            _answer(row, "gold"),
            _answer(row, "predicted"),
            _context(row),
        ]
        for row in shown.iter_rows(named=True)
    )
    yield html_table(["", "outcome", "probability", "in gold", "predicted", "context"], rows, "words")


def _answer(row: Mapping[str, Any], side: str) -> str:
    if row[f"{side}_type"] is None:
        return ""
    place = f"{row[f'{side}_start']} to {row[f'{side}_end']}"
    return (
        f"<b>{text(row[f'{side}_type'])}</b> {text(row[f'{side}_text'])} <span class='place'>{place}</span>"
    )


def _context(row: Mapping[str, Any]) -> str:
    sides = [row["gold_text"], row["predicted_text"]]
    longest = max((side for side in sides if side is not None), key=len)
    place = f"{row['document']}, sentence {row['sentence']}"
    return (
        f"{text(row['before'])}<mark>{text(longest)}</mark>{text(row['after'])} "
        f'<span class="place">{text(place)}</span>'
    )


def _trust(analysis: TextAnalysis, pictures: Mapping[str, bytes]) -> Iterator[str]:
    if not analysis.calibration[ALL].after.count:
        yield "<p>No entity was predicted, so there is no probability to judge.</p>"
        return
    rows = [
        [name, f"{pair.after.count:,}", f"{pair.before.error:.3f}", f"{pair.after.error:.3f}"]
        for name, pair in analysis.calibration.items()
    ]
    yield table(["type", "predicted", "calibration error before scaling", "after scaling"], rows)
    yield (
        "<p>Expected calibration error, 15 bins of equal mass: 0.03 means that probabilities and shares of "
        "right entities differ by 3 points on average. Of few entities it is high by chance. Probabilities "
        f"are scaled by the temperature {analysis.subject.temperature:.3f}, and by type and length of "
        "entities; both are fitted on dev.</p>"
    )
    yield picture(pictures["reliability"], "Share of right entities against their probability")
    yield "<h3>Precision against threshold</h3>"
    yield picture(pictures["precision_by_threshold"], "Precision by threshold, and by recall")
    yield table(["type", *(f"{wanted:.0%} precise from" for wanted in WANTED)], _reached(analysis))
    yield "<p>Lowest probability from which on entities are that precise here, and the recall left.</p>"
    if analysis.from_dev:
        yield "<h3>Thresholds of <code>elman tag --precision</code></h3>"
        kinds = next(iter(analysis.from_dev.values()))
        rows = [[name, *(_held(found[name]) for found in analysis.from_dev.values())] for name in kinds]
        yield table(["type", *(f"--precision {wanted:g}" for wanted in analysis.from_dev)], rows)
        yield (
            "<p>Threshold that reached it on dev, and the precision, its lower bound of 90 % and the recall "
            f"from it on in {text(analysis.subject.split)}. A threshold stands if 50 entities of dev exceed "
            "it and its lower bound there is within 3 points.</p>"
        )


def _held(of: TypeThreshold) -> str:
    if of.dev.threshold is None:
        return f"none: {of.dev.why}"
    if of.test is None:
        return f"{of.dev.threshold:.3f}: nothing exceeds it here"
    rates = (of.test.precision, of.test.lower, of.test.recall)
    precision, lower, recall = (_percent(rate) for rate in rates)
    return f"{of.dev.threshold:.3f}: {precision} (from {lower}), recall {recall}"


def _reached(analysis: TextAnalysis) -> Iterator[list[str]]:
    for name, curve in analysis.curves.items():
        cells = []
        for wanted in WANTED:
            found = threshold_for(curve, wanted)
            if found.threshold is None:
                cells.append(found.why)
            else:
                recall = curve.filter(pl.col("threshold") == found.threshold)["recall"].item()
                cells.append(f"{found.threshold:.3f} (recall {_percent(recall)})")
        yield [name, *cells]


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}"
