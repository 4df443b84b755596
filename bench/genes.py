# ruff: noqa: E402  (thread pools are limited before they are loaded)
"""Compare a model, Prodigal (by pyrodigal) and a rule on one genome; see README.md.

The model is a folder, or is trained on other genomes (`--train-on`) and nothing else.
"""

import os

for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[pool] = "1"

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyrodigal

from elman.data.formats.common.options import Options
from elman.data.genome.contigs import PSEUDOGENE, Contig
from elman.data.genome.genetic_code import codon_tables
from elman.data.genome.nucleotides import codons_of, encode_bases
from elman.data.metrics.genes import score_intervals
from elman.data.sources.reading import collect_sources, read
from elman.data.store import schema
from elman.tasks.models.gene_finder import GeneFinder
from elman.tasks.models.gene_presets import dna_preset
from elman.tasks.runtime.console import progress
from elman.tasks.training.genes import annotated_stretch, fit_dna, updates, with_spacing

FEATURES = pl.Schema({"contig": pl.String, **dict(schema.FEATURE.to_schema())})
Called = list[tuple[str, int, int, str]]  # contig, start, end, strand; 0-based half-open
LEAST = 300  # bases of an open reading frame that the rule takes for a gene


def genome(path: Path) -> tuple[list[Contig], pl.DataFrame]:
    """Contigs of a folder or file, and their annotated genes."""
    items, _ = collect_sources([path], family="dna")
    contigs = [record for item in items for record in read(item, Options()) if isinstance(record, Contig)]
    rows = [
        (contig.id, f.start, f.end, f.strand, f.label, f.phase, f.id)
        for contig in contigs
        for f in contig.features or ()
    ]
    return contigs, pl.DataFrame(rows, schema=FEATURES, orient="row")


def trained(folders: Sequence[Path], seed: int) -> GeneFinder:
    """A gene finder of the default preset, trained on these genomes alone."""
    truth = []
    for contigs, features in map(genome, folders):
        truth += [
            annotated_stretch(contig.bases, features.filter(pl.col("contig") == contig.id).drop("contig"))
            for contig in contigs
        ]
    config = with_spacing(dna_preset("default"), truth)
    with progress("training", updates(truth, config) * config.batch * config.crop, "bases") as advance:
        step = config.batch * config.crop
        params = fit_dna(truth, config, seed, lambda number, loss: advance(step))
    return GeneFinder(params, config, "bench")


def by_rule(contigs: Sequence[Contig], code: int) -> Called:
    """Every open reading frame of LEAST bases or more, from its first start codon."""
    is_start, is_stop = codon_tables(code)
    genes = []
    for contig in contigs:
        codes = encode_bases(contig.bases)
        for strand, bases in (("+", codes), ("-", np.where(codes < 4, 3 - codes, codes)[::-1])):
            words = codons_of(np.ascontiguousarray(bases))
            for frame in range(3):
                mine = words[frame::3]
                starts, stops = np.flatnonzero(is_start[0, mine]), np.flatnonzero(is_stop[0, mine])
                first = np.searchsorted(starts, np.concatenate([[0], stops + 1])[: len(stops)])
                for at, stop in zip(first.tolist(), stops.tolist(), strict=True):
                    if at < len(starts) and starts[at] < stop and 3 * (stop + 1 - starts[at]) >= LEAST:
                        low, high = frame + 3 * int(starts[at]), frame + 3 * stop + 3
                        if strand == "-":
                            low, high = contig.length - high, contig.length - low
                        genes.append((contig.id, low, high, strand))
    return genes


def by_prodigal(contigs: Sequence[Contig], code: int, *, meta: bool) -> Called:
    """Prodigal's genes: trained on the genome itself, or by the models it comes with."""
    finder = pyrodigal.GeneFinder(meta=meta)
    raw = [contig.bases.encode() for contig in contigs]
    if not meta:
        finder.train(*raw, translation_table=code)
    return [
        (contig.id, gene.begin - 1, gene.end, "+" if gene.strand > 0 else "-")
        for contig, bases in zip(contigs, raw, strict=True)
        for gene in finder.find_genes(bases)
    ]


def by_model(finder: GeneFinder, contigs: Sequence[Contig]) -> Called:
    """The genes of a model."""
    return [
        row
        for frame in finder.tag_contigs(contigs)
        for row in frame.select("contig", "start", "end", "strand").iter_rows()
    ]


def main() -> None:
    """Run all on one genome, in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genome", type=Path, help="folder or file with sequence and annotation")
    parser.add_argument("model", type=Path, nargs="?", help="model folder; not trained on this genome")
    parser.add_argument("--train-on", type=Path, nargs="+", help="folders of genomes, in place of a model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--code", type=int, default=11, help="genetic code of NCBI")
    parser.add_argument("--passes", type=int, default=3, help="runs of each; the median time counts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if (options.model is None) == (options.train_on is None):
        parser.error("expected either a model folder or --train-on")
    contigs, truth = genome(options.genome)
    began = time.process_time()
    finder = GeneFinder.load(options.model) if options.model else trained(options.train_on, options.seed)
    training = time.process_time() - began
    finder = finder.of_code(options.code)
    bases = sum(contig.length for contig in contigs)
    by_model(finder, [Contig("warm", contigs[0].bases[:300_000], None, "", 0, 1)])  # kernels are compiled
    ways: dict[str, Callable[[], Called]] = {
        "Elman": lambda: by_model(finder, contigs),
        "Prodigal, single": lambda: by_prodigal(contigs, options.code, meta=False),
        "Prodigal, meta": lambda: by_prodigal(contigs, options.code, meta=True),
        f"every ORF of {LEAST} bases": lambda: by_rule(contigs, options.code),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    called: dict[str, Called] = {}
    for _ in range(options.passes):
        for name, way in ways.items():
            began = time.process_time()
            called[name] = way()
            seconds[name].append(time.process_time() - began)
    lengths = {contig.id: contig.length for contig in contigs}
    rows = []
    for name, some in called.items():
        frame = pl.DataFrame(some, schema=["contig", "start", "end", "strand"], orient="row")
        scores = score_intervals(truth, frame.with_columns(label=pl.lit("CDS")), lengths).to_json()
        rows.append(
            {
                "finder": name,
                **{key: scores["per_strand"][key] for key in ("precision", "recall", "mcc")},
                **{key: scores["gene"][key] for key in ("stop_recall", "stop_precision", "exact_recall")},
                "mb_per_cpu_s": bases / 1e6 / statistics.median(seconds[name]),
            }
        )
    if options.json:
        json.dump({"genome": options.genome.name, "bases": bases, "rows": rows}, sys.stdout)
        return
    pseudo = truth.filter(pl.col("label") == PSEUDOGENE).height
    print(f"{options.genome.name}: {bases:,} bases, {len(truth) - pseudo:,} parts of genes; bases per strand")
    print(f"made ready in {training:.0f} CPU seconds\n")
    print("| finder | precision | recall | MCC | stop recall | stop precision | both ends | Mb / CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        name, *values, speed = row.values()
        print("| " + " | ".join([str(name), *(f"{value:.4f}" for value in values), f"{speed:.2f}"]) + " |")


if __name__ == "__main__":
    main()
