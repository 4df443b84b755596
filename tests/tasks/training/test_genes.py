"""Training of gene finders: the same seed gives the same model folder, with any number of threads."""

from pathlib import Path

from elman.data.store.dataset import Dataset
from elman.tasks.models import gene_finder, gene_presets
from elman.tasks.training import genes


def test_the_same_seed_gives_the_same_model_folder_whatever_the_number_of_threads(
    gene_corpus, home, monkeypatch
):
    tiny = gene_presets.DnaConfig(hidden=16, least=0.2, most=0.2)
    monkeypatch.setattr(gene_presets, "PRESETS", {"default": tiny})
    first = genes.train_dna(str(gene_corpus), "ecoli", "default", 3, workers=2)
    weights = (Path(first.model) / "weights.safetensors").read_bytes()
    second = genes.train_dna(str(gene_corpus), "ecoli", "default", 3, workers=1)
    assert first.model == second.model
    assert (Path(second.model) / "weights.safetensors").read_bytes() == weights
    loaded = gene_finder.GeneFinder.load(Path(first.model))
    assert loaded.config == tiny
    assert Dataset.open(gene_corpus).digest in (Path(first.model) / "passport.json").read_text()
