"""Training a gene finder on annotated genomes, and a network of families where their genes are labelled_proteins."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl

from elman.data.corpus.contig_pieces import stretches_of
from elman.data.errors import BadInput
from elman.data.genome.amino_acids import labelled_proteins
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.contigs import PSEUDOGENE
from elman.data.genome.nucleotides import (
    STEP,
    encode_bases,
    frame_labels,
    reverse_complement,
    start_sites,
    step_rows,
)
from elman.data.genome.training_windows import AnnotatedStretch, WindowBatch, reads_tga, training_windows
from elman.data.store.dataset import Dataset
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.both_strands import StrandFit, TrainingBatch, fit
from elman.tasks.models.gene_finder import GeneFinder, load_model
from elman.tasks.models.gene_presets import DnaConfig, dna_preset
from elman.tasks.models.protein_families import (
    WEIGHTS,
    FamilyTagger,
    Protein,
    fit_families,
    whole_gene_labels,
)
from elman.tasks.runtime.orchestration import task

if TYPE_CHECKING:
    from elman.rnn.networks.architecture import Architecture

MOST_FAMILIES = 100
_MEGABASE = 1_000_000


def annotated_stretches(corpus: Path, split: str = "train") -> list[AnnotatedStretch]:
    """The annotated stretches of one split of a corpus.

    Raises:
        BadInput: none is annotated.
    """
    found = stretches_of(corpus, split)
    out = [annotated_stretch(one.bases, one.features, one.start) for one in found if one.features is not None]
    if not any((one.labels > 0).any() for one in out):
        raise BadInput(
            f"annotated genomes in the {split} split",
            got="none",
            todo="Ingest FASTA together with its GFF3, or GenBank: `elman ingest FOLDER --name CORPUS`.",
            source=corpus,
        )
    return out


def annotated_stretch(bases: str, features: pl.DataFrame, start: int = 0) -> AnnotatedStretch:
    """A stretch with its truth; features are rows of schema.FEATURE in contig coordinates."""
    codes = encode_bases(bases)
    where = features, start, len(codes)
    labels = frame_labels(*where, CDS)
    return AnnotatedStretch(codes, labels, start_sites(*where, CDS), reads_tga(codes, labels))


def updates(stretches: list[AnnotatedStretch], config: DnaConfig) -> int:
    """How many updates a training makes."""
    bases = sum(len(stretch.codes) for stretch in stretches)
    wanted = min(max(config.passes * bases, config.least * _MEGABASE), config.most * _MEGABASE)
    return max(int(wanted / (config.batch * config.crop)), 1)


def fit_dna(
    stretches: list[AnnotatedStretch],
    config: DnaConfig,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Train a gene finder.

    Args:
        stretches: of genomes, with their truth.
        config: how.
        seed: of everything left to chance.
        on_step: is given the number of updates done and the loss of the last.

    Returns:
        its weights, by name.
    """
    batches = training_windows(
        stretches, batch=config.batch, length=config.crop, rewrite=config.rewrite, seed=seed
    )
    how = StrandFit(
        steps=updates(stretches, config), learning_rate=config.learning_rate, begins=config.begins
    )
    return fit(config.network, how, map(_to_batch, batches), seed=seed, on_step=on_step)


def _to_batch(windows: WindowBatch) -> TrainingBatch:
    """Time first, in steps."""
    B, L = windows.labels.shape
    T = L // STEP
    return TrainingBatch(
        step_rows(windows.codes).transpose(1, 0, 2),
        step_rows(reverse_complement(windows.codes)).transpose(1, 0, 2),
        windows.labels.reshape(B, T, STEP).transpose(1, 0, 2),
        windows.starts.reshape(B, T, STEP, 2).transpose(1, 0, 2, 3),
    )


def families_and_proteins(corpus: Path, split: str = "train") -> tuple[list[str], list[Protein]]:
    """The families of a split of a corpus, by code point, and of each gene residues and IOB2 numbers."""
    found = [stretch for stretch in stretches_of(corpus, split) if stretch.features is not None]
    known = {label for s in found if s.features is not None for label in s.features["label"].unique()}
    labels = sorted(known - {CDS, PSEUDOGENE})
    if len(labels) > MOST_FAMILIES:
        raise BadInput(
            f"at most {MOST_FAMILIES} families",
            got=f"{len(labels)}, {', '.join(labels[:3])} ...",
            todo="Ingest with a --label that names those wanted, or a file of them.",
            source=corpus,
        )
    genes: list[Protein] = []
    for stretch in found if labels else ():
        assert stretch.features is not None
        codes = encode_bases(stretch.bases)
        code = 4 if reads_tga(codes, frame_labels(stretch.features, stretch.start, len(codes), CDS)) else 11
        genes += labelled_proteins(codes, stretch.features, stretch.start, labels, CDS, code)
    return labels, genes


def model_files(finder: GeneFinder) -> dict[str, bytes]:
    """Contents of a model folder, by file name."""
    vocabulary = {"kind": "dna", "unit": "base", "classes": ["none", "+0", "+1", "+2", "-0", "-1", "-2"]}
    files = {
        "weights.safetensors": to_bytes(finder.params, cast("Architecture", finder.config.network)),
        "vocabulary.json": (json.dumps(vocabulary, indent=1, sort_keys=True) + "\n").encode(),
    }
    return files if finder.families is None else {**files, WEIGHTS: finder.families.to_bytes()}


@task
def train_dna(corpus: str, name: str, preset: str, seed: int, genes: str | None = None) -> dict[str, Any]:
    """Train a gene finder, and families where there are any, and write the model folder.

    Args:
        corpus: folder of the corpus; its training split is learned from.
        name: what it is called.
        preset: of PRESETS.
        seed: of everything left to chance.
        genes: folder of a model whose gene finder is taken instead of training one.

    Returns:
        model: the folder; updates, loss (of the last hundred), parameters, labels, history for every hundred
        updates.
    """
    from elman.tasks.models.model_folder import read, write
    from elman.tasks.runtime.console import print_status, progress

    config, dataset, costs = dna_preset(preset), Dataset.open(Path(corpus)), list[float]()
    version = None
    labels, proteins = families_and_proteins(Path(corpus))
    if genes is not None:
        known = load_model(read(Path(genes)))
        params, version = known.params, known.version
        config = replace(known.config, families=config.families)
    else:
        truth = annotated_stretches(Path(corpus))
        steps = updates(truth, config)
        with progress("training", steps * config.batch * config.crop, "bases") as advance:

            def on_step(step: int, cost: float) -> None:
                costs.append(cost)
                advance(config.batch * config.crop)

            params = fit_dna(truth, config, seed, on_step)
    families = None
    if labels:
        print_status(f"families: {', '.join(labels)}; {len(proteins):,} genes")

        def on_epoch(line: dict[str, float]) -> None:
            print_status(f"epoch {int(line['epoch'])}: loss {line['loss']:.4f}, {line['seconds']:.1f} s")

        weights = fit_families(proteins, labels, config.families, seed, on_epoch)
        families = FamilyTagger(tuple(labels), whole_gene_labels(proteins, labels), *weights)
    passport = {
        "kind": "dna",
        "corpus": {"name": name, "digest": dataset.digest, "sources": dataset.manifest.get("sources", [])},
        "preset": preset,
        "seed": seed,
        "config": config.to_json(),
        "network": config.network.to_dict(),
        "genes": version,
        "labels": labels,
        "whole": list(families.whole) if families else [],
    }
    folder = write(passport, model_files(GeneFinder(params, config, "", families)))
    size = config.network.size() + (families.network.size() if families else 0)
    history = [
        {"step": float(i + 100), "loss": float(np.mean(costs[i : i + 100]))}
        for i in range(0, len(costs), 100)
    ]
    return {
        "model": str(folder),
        "updates": len(costs),
        "loss": float(np.mean(costs[-100:])) if costs else None,
        "parameters": size,
        "labels": labels,
        "history": history,
    }
