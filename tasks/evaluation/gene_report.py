"""Report of an evaluation of genes: an HTML page, Parquet tables and JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from elman.data.metrics.gene_errors import EXACT, MISSED, OUTCOMES, SPURIOUS, START, GeneErrors
from elman.data.metrics.genes import GeneScores
from elman.data.store.disk import atomic_write
from elman.tasks.evaluation.reports import PAGE, write_table
from elman.tasks.runtime.html_page import page, picture, table, text

_SHOWN = 200  # genes of each kind, and contigs
_MEANING = {
    EXACT: "both ends are right",
    START: "the stop codon is right, the start is another",
    MISSED: "no predicted gene has this stop codon",
    SPURIOUS: "no gene of the annotation has this stop codon",
}


def write_gene_report(
    title: str, scores: GeneScores, errors: GeneErrors, out: Path, pictures: Sequence[Path] = ()
) -> Path:
    """Write the report of an evaluation.

    Args:
        title: model, corpus and split.
        scores: of the split.
        errors: gene by gene.
        out: folder, made if it is absent.
        pictures: PNG files to show, if they exist.

    Returns:
        the page, report.html; beside it report.json and a Parquet file a table.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in errors.tables().items():
        write_table(frame, out / f"{name}.parquet")
    plain = {
        "title": title,
        "scores": scores.to_json(),
        "outcomes": dict(errors.genes["outcome"].value_counts().sort("outcome").rows()),
        **{name: frame.to_dicts() for name, frame in errors.tables().items() if name != "genes"},
    }
    atomic_write(out / "report.json", (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode())
    shown = {path.stem: path.read_bytes() for path in pictures if path.is_file()}
    html = page(title, [f"<h1>{text(title)}</h1>", *_parts(scores, errors, shown)])
    atomic_write(out / PAGE, html.encode("utf-8", "backslashreplace"))
    return out / PAGE


def _parts(scores: GeneScores, errors: GeneErrors, pictures: Mapping[str, bytes]) -> Iterator[str]:
    if not scores.gene.truth:
        yield (
            '<p class="note">Expected annotated genes (CDS). Got none, so recall is 0 and says nothing. '
            "Evaluate on contigs whose GFF3 or GenBank annotation has CDS features.</p>"
        )
    yield "<h2>How good is it?</h2>"
    rates = [
        [name, *(f"{100 * rate:.2f}" for rate in (of.precision, of.recall, of.f1)), f"{of.mcc:.4f}"]
        for name, of in {"bases of both strands": scores.per_strand, **scores.per_type}.items()
    ]
    yield table(["", "precision, %", "recall, %", "F1, %", "MCC"], rates)
    gene = scores.gene.to_json()
    yield table(
        ["genes", "annotated", "predicted", "precision, %", "recall, %"],
        [
            [
                name,
                f"{gene['truth']:,}",
                f"{gene['predicted']:,}",
                *(f"{100 * gene[key]:.2f}" for key in keys),
            ]
            for name, keys in (
                ("same stop codon", ("stop_precision", "stop_recall")),
                ("both ends", ("exact_precision", "exact_recall")),
            )
        ],
    )
    for name, png in pictures.items():
        yield picture(png, name.replace("_", " "))
    yield "<h2>Where is it wrong?</h2>"
    counts = dict(errors.genes["outcome"].value_counts().rows())
    yield table(
        ["outcome", "genes", "meaning"],
        [[name, f"{counts[name]:,}", _MEANING[name]] for name in OUTCOMES if name in counts],
    )
    yield "<h3>By length, bases from end to end</h3>" + _counts(errors.by_length)
    yield "<h3>By start codon of the annotation</h3>" + _counts(errors.by_codon)
    yield "<h3>Predicted starts by their distance in bases</h3>" + _counts(errors.shifts)
    yield from _contigs(scores)
    for outcome, heading in ((MISSED, "Missed genes"), (SPURIOUS, "Spurious genes"), (START, "Other starts")):
        yield from _genes(errors.genes.filter(outcome=outcome), heading)


def _counts(frame: pl.DataFrame) -> str:
    head = ["", *frame.columns[1:]]
    return table(head, ([row[0], *(f"{count:,}" for count in row[1:])] for row in frame.rows()))


def _contigs(scores: GeneScores) -> Iterator[str]:
    worst = sorted(scores.contigs, key=lambda of: (of.bases.mcc, of.contig))[:_SHOWN]
    yield f"<h3>Contigs, the worst first: {len(worst):,} of {len(scores.contigs):,}</h3>"
    rows = []
    for of in worst:
        genes = of.genes.to_json()
        rates = (f"{100 * genes[key]:.1f}" for key in ("stop_recall", "exact_recall"))
        rows.append([of.contig, f"{of.length:,}", f"{of.bases.mcc:.4f}", f"{genes['truth']:,}", *rates])
    yield table(["contig", "bases", "MCC", "genes", "stops found, %", "both ends, %"], rows)


def _genes(genes: pl.DataFrame, heading: str) -> Iterator[str]:
    if genes.is_empty():
        return
    longest = genes.sort("length", "contig", descending=[True, False]).head(_SHOWN)
    yield f"<h3>{heading}, the longest first: {longest.height:,} of {genes.height:,}</h3>"
    columns = ("true_start", "true_end", "predicted_start", "predicted_end", "length", "start_codon", "shift")
    rows = (
        [row["contig"], row["strand"], *("" if row[name] is None else str(row[name]) for name in columns)]
        for row in longest.iter_rows(named=True)
    )
    yield table(["contig", "strand", *(name.replace("_", " ") for name in columns)], rows)
