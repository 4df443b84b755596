"""Windows: logits and genes do not depend on how contigs are cut and batched."""

import gzip
from dataclasses import replace

import numpy as np
import pytest

from elman.data.genome.contigs import Contig
from elman.data.genome.nucleotides import encode_bases, encode_iupac
from elman.tasks.models import gene_finder, gene_presets, gene_windows


def test_genes_do_not_depend_on_what_is_tagged_together(finder, ecoli, monkeypatch):
    spans = ((0, 200), (500, 9000), (20_000, 25_000))
    parts = [Contig(str(i), ecoli.bases[i : i + size], None, "x", 0, 1) for i, size in spans]
    alone = [finder.tag_contig(part.bases, part.source, part.id) for part in parts]
    together = list(finder.tag_contigs(parts))
    monkeypatch.setattr(gene_windows, "_GROUP", 1000)
    monkeypatch.setattr(gene_windows, "_STEPS", 700)
    streamed = list(finder.tag_contigs(parts))
    exact = ["source", "contig", "start", "end", "strand", "phase", "label"]
    for one, two, three in zip(alone, together, streamed, strict=True):
        assert one.select(exact).equals(two.select(exact))
        assert one.select(exact).equals(three.select(exact))
        np.testing.assert_allclose(one["probability"], two["probability"], atol=1e-5)


def agreement(finder: gene_finder.GeneFinder, bases: str) -> float:
    """Share of the genes that windows and one window of all bases have in common."""
    whole = replace(finder, config=replace(finder.config, piece=len(bases) // 6 * 6 + 6))
    windows, one_window = (
        set(one.tag_contig(bases).select("start", "end", "strand").iter_rows()) for one in (finder, whole)
    )
    return len(windows & one_window) / len(windows | one_window)


def test_windows_give_the_genes_of_one_window(finder, ecoli):
    assert agreement(finder, ecoli.bases) > 0.98


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_windows_of_a_megabase_give_999_of_1000_genes_of_one_window(finder, corpora):
    path = corpora / "dna" / "ecoli_k12_mg1655" / "ecoli_k12_mg1655.fna.gz"
    with gzip.open(path, "rt") as lines:
        bases = "".join(line.strip() for line in lines if not line.startswith(">"))
    usual = replace(finder, config=replace(finder.config, piece=gene_presets.DnaConfig().piece))
    assert agreement(usual, bases[:1_000_000]) >= 0.999


def test_an_ambiguous_letter_changes_logits_less_than_an_unknown_one(finder, ecoli):
    letters = list(ecoli.bases[:12_000])
    for place in range(50, 12_000, 400):
        letters[place] = {"A": "R", "G": "R", "C": "Y", "T": "Y"}[letters[place]]
    certain, ambiguous = (
        finder.windows.logits([encode_iupac(b)])[0] for b in (ecoli.bases[:12_000], "".join(letters))
    )
    unknown = finder.windows.logits([encode_bases("".join(letters))])[0]
    assert np.abs(ambiguous - certain).mean() < np.abs(unknown - certain).mean()
