# ruff: noqa: E402  (thread pools are limited before they are loaded)
"""Compare a family tagger with HMMER (by pyhmmer) in the genes of one genome; see README.md.

Both learn from the labelled proteins of other genomes and nothing else. HMMER's profiles are made of them by
jackhmmer: a protein, and those of its family that it finds, until none is left without a profile.
"""

import os

for pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[pool] = "1"

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyhmmer
from pyhmmer.easel import Alphabet, DigitalSequenceBlock, TextSequence
from pyhmmer.plan7 import HMM

from elman.data.formats.common.options import Options
from elman.data.genome.amino_acids import labelled_proteins
from elman.data.genome.annotation_rules import CDS, AnnotationRule, parse_rules
from elman.data.genome.contigs import Contig
from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genetic_code import AMINO_ACIDS, residue_table, translate
from elman.data.genome.nucleotides import encode_bases
from elman.data.metrics.genes import score_intervals
from elman.data.sources.reading import collect_sources, read
from elman.data.store import schema
from elman.tasks.models.gene_finder import GeneFinder
from elman.tasks.models.gene_presets import dna_preset
from elman.tasks.models.gene_windows import UnrolledContig
from elman.tasks.models.protein_families import FamilyTagger, Protein, fit_families, whole_gene_labels
from elman.tasks.training.genes import annotated_stretch

FEATURES = pl.Schema({"contig": pl.String, **dict(schema.FEATURE.to_schema())})
CALLED = ["contig", "start", "end", "strand", "label"]
E_VALUE = 1e-5  # of a gene, or of a domain, that HMMER gives a family
LETTERS = np.array([*AMINO_ACIDS, "*"])
ALPHABET = Alphabet.amino()
Row = tuple[str, int, int, str, str]


def genome(path: Path, rules: Sequence[AnnotationRule]) -> tuple[list[Contig], pl.DataFrame]:
    """Contigs of a folder or file, and their labelled features."""
    items, _ = collect_sources([path], family="dna")
    options = Options(labels=tuple(rules))
    contigs = [record for item in items for record in read(item, options) if isinstance(record, Contig)]
    rows = [
        (contig.id, f.start, f.end, f.strand, f.label, f.phase, f.id)
        for contig in contigs
        for f in contig.features or ()
    ]
    return contigs, pl.DataFrame(rows, schema=FEATURES, orient="row")


def proteins_of(contigs: Sequence[Contig], features: pl.DataFrame, labels: Sequence[str]) -> list[Protein]:
    """Annotated genes as residues and IOB2 numbers."""
    out = []
    for contig in contigs:
        own = features.filter(pl.col("contig") == contig.id).drop("contig")
        code = 4 if annotated_stretch(contig.bases, own).tga else 11
        out += labelled_proteins(encode_bases(contig.bases), own, 0, labels, CDS, code)
    return out


def genes_of(
    contigs: Sequence[Contig], features: pl.DataFrame, finder: GeneFinder | None
) -> list[list[Gene]]:
    """Genes of each contig: found by a model, or annotated ones of one part."""
    if finder is None:
        coding = features.filter(pl.col("label") == CDS)
        whole = coding.filter(pl.col("id").count().over("contig", "id") <= 1)
        frames = [whole.filter(pl.col("contig") == contig.id) for contig in contigs]
        frames = [f.with_columns(partial=0, probability=1.0).sort("start", "end") for f in frames]
    else:
        frames = [frame.filter(pl.col("label") == CDS) for frame in finder.tag_contigs(contigs)]
    columns = ["start", "end", "strand", "phase", "probability", "partial"]
    return [[Gene(*row) for row in frame.select(columns).iter_rows()] for frame in frames]


def by_elman(tagger: FamilyTagger, contigs: Sequence[Contig], genes: list[list[Gene]]) -> Iterator[Row]:
    """Families by a tagger."""
    for contig, own in zip(contigs, genes, strict=True):
        for _, matches in tagger.by_batch(UnrolledContig(contig).codons, own, 11):
            for match in matches:
                yield contig.id, match.start, match.end, match.strand, match.label


def training_sequences(proteins: Sequence[Protein], labels: Sequence[str]) -> dict[str, list[str]]:
    """Proteins, or their parts, of each family, in letters."""
    out: dict[str, list[str]] = {label: [] for label in labels}
    for residues, target in proteins:
        kind = np.where(target > 0, (target - 1) // 2, -1)
        edges = np.flatnonzero((target % 2 == 1) | (np.diff(kind, prepend=-1) != 0))
        for first, last in zip(edges, np.append(edges[1:], len(kind)), strict=False):
            letters = "".join(LETTERS[residues[first:last]]).rstrip("*").replace("*", "X")
            if kind[first] >= 0 and letters:
                out[labels[kind[first]]].append(letters)
    return out


def profiles_of(sequences: Sequence[str], label: str) -> list[HMM]:
    """Profiles that find every one of the sequences of a family."""
    names = [f"{label}:{i}".encode() for i in range(len(sequences))]
    texts = [TextSequence(name=n, sequence=s) for n, s in zip(names, sequences, strict=True)]
    block = DigitalSequenceBlock(ALPHABET, [text.digitize(ALPHABET) for text in texts])
    left = dict(zip(names, block, strict=True))
    out = []
    while left:
        name = next(iter(left))
        *_, last = pyhmmer.hmmer.jackhmmer(
            left.pop(name), block, max_iterations=3, checkpoints=True, cpus=1
        ).__next__()
        last.hmm.name = f"{label}:{len(out)}".encode()
        out.append(last.hmm)
        for hit in last.hits.included:
            left.pop(hit.name if isinstance(hit.name, bytes) else hit.name.encode(), None)
    return out


def by_hmmer(
    profiles: Sequence[HMM], contigs: Sequence[Contig], genes: list[list[Gene]], whole: Sequence[str]
) -> Iterator[Row]:
    """Families by profiles: genes, or domains of labels that are none of whole genes, up to E_VALUE."""
    texts, places = [], {}
    for contig, own in zip(contigs, genes, strict=True):
        start, end, phase = (np.array([gene[i] for gene in own], np.int64) for i in (0, 1, 3))
        reverse = np.array([gene.strand == "-" for gene in own], bool)
        codons = UnrolledContig(contig).codons(0, contig.length)
        made = translate(codons, start, end, reverse, phase, residue_table(11))
        for i, gene in enumerate(own):
            letters = "".join(LETTERS[made.residues[made.offsets[i] : made.offsets[i + 1]]])
            name = f"{len(texts)}"
            places[name] = contig.id, gene
            texts.append(TextSequence(name=name.encode(), sequence=letters.rstrip("*").replace("*", "X")))
    block = DigitalSequenceBlock(ALPHABET, [text.digitize(ALPHABET) for text in texts if len(text.sequence)])
    best: dict[str, tuple[float, Row]] = {}
    for profile, hits in zip(profiles, pyhmmer.hmmer.hmmsearch(profiles, block, cpus=1), strict=True):
        name = profile.name if isinstance(profile.name, str) else profile.name.decode()
        label = name.rpartition(":")[0]
        for hit in hits:
            contig_id, gene = places[hit.name if isinstance(hit.name, str) else hit.name.decode()]
            if label in whole:
                row = (contig_id, gene.start, gene.end, gene.strand, label)
                if hit.evalue <= E_VALUE and hit.evalue < best.get(str(gene), (1.0, row))[0]:
                    best[str(gene)] = hit.evalue, row
                continue
            for domain in hit.domains:
                if domain.i_evalue <= E_VALUE:
                    first, last = 3 * (domain.env_from - 1) + gene.phase, 3 * domain.env_to + gene.phase
                    low, high = gene.start + first, gene.start + last
                    if gene.strand == "-":
                        low, high = gene.end - last, gene.end - first
                    yield contig_id, low, high, gene.strand, label
    yield from (row for _, row in best.values())


def main() -> None:
    """Learn from some genomes, look in another, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("genome", type=Path, help="folder or file with sequence and annotation")
    parser.add_argument("--train-on", type=Path, nargs="+", required=True, help="folders of genomes")
    parser.add_argument("--label", action="append", required=True, help="as of elman ingest")
    parser.add_argument(
        "--genes", type=Path, help="model folder whose genes are looked at; annotated ones if not given"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rules = parse_rules(options.label)
    labels = sorted({rule.label for rule in rules if rule.label} - {CDS})
    training = [protein for path in options.train_on for protein in proteins_of(*genome(path, rules), labels)]
    contigs, truth = genome(options.genome, rules)
    finder = GeneFinder.load(options.genes) if options.genes else None
    genes = genes_of(contigs, truth, finder)
    whole, config = whole_gene_labels(training, labels), dna_preset("default").families
    began = time.process_time()
    network = fit_families(training, labels, config, options.seed)
    tagger = FamilyTagger(tuple(labels), whole, *network, config.least)
    print(f"Elman: {len(training):,} genes, learned in {time.process_time() - began:.0f} CPU seconds")
    began = time.process_time()
    profiles = [
        hmm
        for label, some in training_sequences(training, labels).items()
        for hmm in profiles_of(some, label)
    ]
    print(f"HMMER: {len(profiles)} profiles, made in {time.process_time() - began:.0f} CPU seconds\n")
    list(by_elman(tagger, contigs, [own[:20] for own in genes]))  # kernels are compiled
    bases, lengths = sum(c.length for c in contigs) / 1e6, {c.id: c.length for c in contigs}
    print("| family | by | precision | recall | F1 | Mb / CPU s |\n| --- | --- | ---: | ---: | ---: | ---: |")
    for name in ("Elman", "HMMER"):
        began = time.process_time()
        rows = list(
            by_elman(tagger, contigs, genes) if name == "Elman" else by_hmmer(profiles, contigs, genes, whole)
        )
        rate = bases / (time.process_time() - began)
        frame = pl.DataFrame(rows, schema=CALLED, orient="row")
        for label in labels:
            found = score_intervals(truth, frame, lengths, label).per_strand
            scores = " | ".join(f"{value:.3f}" for value in (found.precision, found.recall, found.f1))
            print(f"| {label} | {name} | {scores} | {rate:.2f} |")


if __name__ == "__main__":
    main()
