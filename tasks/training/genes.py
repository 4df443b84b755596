"""Training a gene finder on annotated genomes, and a family tagger where their genes have families."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.errors import BadInput
from elman.data.genome.amino_acids import labelled_proteins
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import NEITHER
from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genome_model import collect_starts
from elman.data.genome.nucleotides import (
    CLASSES,
    IGNORE,
    STEP,
    encode_bases,
    frame_labels,
    reverse_complement,
    start_sites,
    step_rows,
)
from elman.data.genome.training_windows import AnnotatedStretch, WindowBatch, reads_tga, training_windows
from elman.data.starts.spacing import shares_of
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Params
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.both_strands import StrandFit, TrainingBatch, fit
from elman.tasks.models.gene_finder import GeneFinder, load_model
from elman.tasks.models.gene_presets import DnaConfig, dna_preset
from elman.tasks.models.passport import CorpusOrigin, GenePassport
from elman.tasks.models.protein_families import (
    WEIGHTS,
    FamilyTagger,
    Protein,
    fit_families,
    whole_gene_labels,
)
from elman.tasks.runtime.console import print_status, progress
from elman.tasks.runtime.environment import cores
from elman.tasks.runtime.orchestration import task
from elman.tasks.training.failures import training_failures
from elman.tasks.training.fitted import FittedGenes

if TYPE_CHECKING:
    from elman.rnn.networks.architecture import Architecture

MOST_FAMILIES = 100
CUT_EDGE = 60  # bases around the ends of neighbours whose labels are in doubt, where an annotation was cut
_MEGABASE = 1_000_000


def annotated_stretches(corpus: Path, split: str = "train") -> list[AnnotatedStretch]:
    """Annotated stretches of one split of a corpus.

    Raises:
        BadInput: the split has no annotated gene.
    """
    out = [
        annotated_stretch(stretch.bases, stretch.features, stretch.start)
        for stretch in stretches_of(corpus, split)
        if stretch.features is not None
    ]
    if not any((stretch.labels > 0).any() for stretch in out):
        raise BadInput(
            f"annotated genomes in the {split} split",
            got="none",
            todo="Ingest FASTA together with its GFF3, or GenBank: `elman ingest FOLDER --name CORPUS`.",
            source=corpus,
        )
    return out


def annotated_stretch(bases: str, features: pl.DataFrame, start: int = 0) -> AnnotatedStretch:
    """A stretch with its labels; features are rows of schema.FEATURE in contig coordinates.

    Of an annotation without any overlap bases around the ends of close neighbours have no label: it was cut
    there, or the overlapping genes were left out.
    """
    codes = encode_bases(bases)
    labels = frame_labels(features, start, len(codes), CDS)
    starts = start_sites(features, start, len(codes), CDS)
    tga = reads_tga(codes, labels)
    genes = _whole_genes(features, start, len(codes))
    spacing = collect_starts(codes, genes, np.ones(len(genes), bool), 4 if tga else 11).distances
    if spacing.without_overlaps:
        for before, gene in pairwise(genes):
            if gene.start - before.end < CUT_EDGE:
                doubtful = slice(max(before.end - CUT_EDGE, 0), gene.start + CUT_EDGE)
                labels[doubtful], starts[doubtful] = IGNORE, False
    return AnnotatedStretch(codes, labels, starts, tga, spacing)


def _whole_genes(features: pl.DataFrame, start: int, length: int) -> list[Gene]:
    """Genes of one part that lie within a stretch, by start, in its coordinates."""
    inside = (pl.col("start") >= start) & (pl.col("end") <= start + length) & (pl.col("label") == CDS)
    whole = features.filter(pl.col("id").count().over("id") <= 1, inside).sort("start", "end")
    rows = whole.select("start", "end", "strand").iter_rows()
    return [Gene(low - start, high - start, strand, 0, 1.0, 0) for low, high, strand in rows]


def with_spacing(config: DnaConfig, stretches: Sequence[AnnotatedStretch]) -> DnaConfig:
    """The config with the distances between genes of the annotated genomes, which a new genome begins from.

    As it is if they have too few neighbours.
    """
    shares = shares_of([stretch.spacing for stretch in stretches if stretch.spacing is not None])
    if shares is None:
        return config
    adapt = replace(config.adapt, spacing_starts=shares[0], spacing_others=shares[1])
    return replace(config, adapt=adapt)


def updates(stretches: list[AnnotatedStretch], config: DnaConfig) -> int:
    """Number of updates of a training."""
    bases = sum(len(stretch.codes) for stretch in stretches)
    wanted = min(max(config.passes * bases, config.least * _MEGABASE), config.most * _MEGABASE)
    return max(int(wanted / (config.batch * config.crop)), 1)


def fit_dna(
    stretches: list[AnnotatedStretch],
    config: DnaConfig,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
    *,
    workers: int | None = None,
) -> Params:
    """Train the network of a gene finder.

    Args:
        stretches: annotated genomes.
        config: of the network and the training.
        seed: of all random draws.
        on_step: receives the number of updates done and the loss of the last.
        workers: threads, by default one a core; the weights do not depend on how many.

    Returns:
        weights, by name.
    """
    windows = training_windows(
        stretches, batch=config.batch, length=config.crop, rewrite=config.rewrite, seed=seed
    )
    how = StrandFit(
        steps=updates(stretches, config),
        learning_rate=config.learning_rate,
        start_weight=config.begins,
    )
    return fit(
        config.network,
        how,
        map(_to_batch, windows),
        seed=seed,
        workers=workers or cores(),
        on_step=on_step,
    )


def _to_batch(windows: WindowBatch) -> TrainingBatch:
    """Windows as the network reads them: time steps first."""
    B, L = windows.labels.shape
    T = L // STEP
    return TrainingBatch(
        step_rows(windows.codes).transpose(1, 0, 2),
        step_rows(reverse_complement(windows.codes)).transpose(1, 0, 2),
        windows.labels.reshape(B, T, STEP).transpose(1, 0, 2),
        windows.starts.reshape(B, T, STEP, 2).transpose(1, 0, 2, 3),
    )


def families_and_proteins(corpus: Path, split: str = "train") -> tuple[list[str], list[Protein]]:
    """Families of a split of a corpus, by code point, and the residues and IOB2 numbers of its genes.

    Raises:
        BadInput: more families than MOST_FAMILIES.
    """
    stretches = [stretch for stretch in stretches_of(corpus, split) if stretch.features is not None]
    known = {label for s in stretches if s.features is not None for label in s.features["label"].unique()}
    labels = sorted(known - {CDS, *NEITHER})
    if len(labels) > MOST_FAMILIES:
        raise BadInput(
            f"at most {MOST_FAMILIES} families",
            got=f"{len(labels)}, {', '.join(labels[:3])} ...",
            todo="Ingest with a --label that names those wanted, or a file of them.",
            source=corpus,
        )
    genes: list[Protein] = []
    for stretch in stretches if labels else ():
        assert stretch.features is not None
        codes = encode_bases(stretch.bases)
        code = 4 if reads_tga(codes, frame_labels(stretch.features, stretch.start, len(codes), CDS)) else 11
        genes += labelled_proteins(codes, stretch.features, stretch.start, labels, CDS, code)
    return labels, genes


def model_files(finder: GeneFinder) -> dict[str, bytes]:
    """Contents of a model folder, by file name."""
    vocabulary = {"kind": "dna", "unit": "base", "classes": list(CLASSES)}
    files = {
        "weights.safetensors": to_bytes(finder.params, cast("Architecture", finder.config.network)),
        "vocabulary.json": (json.dumps(vocabulary, indent=1, sort_keys=True) + "\n").encode(),
    }
    return files if finder.families is None else {**files, WEIGHTS: finder.families.to_bytes()}


@task(task_run_name="fit {preset} to {name}, seed {seed}", tags=("training",))
def train_dna(
    corpus: str, name: str, preset: str, seed: int, genes: str | None = None, workers: int | None = None
) -> FittedGenes:
    """Train a gene finder, and its family tagger if the corpus has families, and write the model folder.

    Args:
        corpus: folder of the corpus, whose training split is used.
        name: of the corpus.
        preset: of PRESETS.
        seed: of all random draws.
        genes: folder of a model whose gene finder is reused instead of training one.
        workers: threads, by default one a core; the weights do not depend on how many.
    """
    from elman.tasks.models.model_folder import read, write

    config, dataset = dna_preset(preset), Dataset.open(Path(corpus))
    labels, proteins = families_and_proteins(Path(corpus))
    losses, bases_per_s = list[float](), 0
    if genes is None:
        stretches, began = annotated_stretches(Path(corpus)), time.monotonic()
        config = with_spacing(config, stretches)
        version, params = None, _fit(stretches, config, seed, losses, workers)
        bases_per_s = round(len(losses) * config.batch * config.crop / (time.monotonic() - began))
    else:
        known = load_model(read(Path(genes)))
        version, params, config = known.version, known.params, replace(known.config, families=config.families)
    families = _fit_families(labels, proteins, config, seed) if labels else None
    passport = GenePassport(
        corpus=CorpusOrigin(name=name, digest=dataset.digest, sources=dataset.manifest.get("sources", [])),
        preset=preset,
        seed=seed,
        config=config.to_json(),
        network=config.network.to_dict(),
        genes=version,
        labels=labels,
        whole=families.whole if families else (),
    )
    folder = write(passport, model_files(GeneFinder(params, config, "", families)))
    return FittedGenes(
        model=str(folder),
        updates=len(losses),
        loss=float(np.mean(losses[-100:])) if losses else None,
        parameters=config.network.size() + (families.network.size() if families else 0),
        labels=labels,
        history=[
            {"step": float(i + 100), "loss": float(np.mean(losses[i : i + 100]))}
            for i in range(0, len(losses), 100)
        ],
        bases_per_s=bases_per_s,
    )


def _fit(
    stretches: list[AnnotatedStretch],
    config: DnaConfig,
    seed: int,
    losses: list[float],
    workers: int | None,
) -> Params:
    """`fit_dna` with a progress bar; the loss of each update is appended to `losses`."""
    bases = config.batch * config.crop
    with progress("training", updates(stretches, config) * bases, "bases") as advance:

        def on_step(step: int, loss: float) -> None:
            losses.append(loss)
            advance(bases)

        with training_failures():
            return fit_dna(stretches, config, seed, on_step, workers=workers)


def _fit_families(labels: list[str], proteins: list[Protein], config: DnaConfig, seed: int) -> FamilyTagger:
    print_status(f"families: {', '.join(labels)}; {len(proteins):,} genes")

    def on_epoch(line: dict[str, float]) -> None:
        print_status(f"epoch {int(line['epoch'])}: loss {line['loss']:.4f}, {line['seconds']:.1f} s")

    with training_failures():
        weights, network = fit_families(proteins, labels, config.families, seed, on_epoch)
    whole, least = whole_gene_labels(proteins, labels), config.families.least
    return FamilyTagger(tuple(labels), whole, weights, network, least)
