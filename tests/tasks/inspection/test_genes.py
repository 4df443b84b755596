"""DNA is shown as its corpus or model sees it: one-hot rows, windows, and the classes the network gives."""

import json

import numpy as np
import pytest

from elman.data.errors import UsageError
from elman.data.genome.nucleotides import WINDOWS, encode_bases
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.inspection import genes
from elman.tasks.models.gene_finder import GeneFinder
from elman.tasks.models.model_folder import read


@pytest.fixture
def corpus(home, checkout):
    fixtures = checkout / "tests" / "fixtures"
    sources = (fixtures / "ecoli_100kb.fna.gz", fixtures / "ecoli_100kb.gff3.gz")
    ingest.fn(IngestConfig(sources=sources, name="ecoli"))
    return home / "corpora" / "ecoli"


def test_a_corpus_shows_its_first_gene_with_its_codon_positions(corpus):
    shown = genes.of_corpus(corpus, None)
    assert shown.bases == genes.LEADER
    assert shown.classes == ["+0", "+1", "+2"] * 22
    assert shown.origin == "contig U00096.3, bases 189 to 255 (0-based half-open)"


def test_one_hot_rows_run_a_c_g_t_and_the_other_strand_is_their_mirror(corpus):
    shown = genes.of_corpus(corpus, "ACGTN")
    assert shown.one_hot.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    both = shown.batch.one_hot(4)
    assert both.shape == (5, 2, 4)
    np.testing.assert_array_equal(both[:, 1], both[::-1, 0, ::-1])


def test_windows_are_the_bases_around_each_slot_and_their_table_rows(corpus):
    shown = genes.of_corpus(corpus, "AAAAAAAAAC")
    assert shown.words(0) == ["--AAAA", "-AAAAA", "AAAAAA", "AAAAAA", "AAAAAA", "AAAAAA"]
    unknown = WINDOWS - 1
    assert shown.windows[0].tolist() == [
        unknown,
        WINDOWS + unknown,
        *(WINDOWS * slot for slot in (2, 3, 4, 5)),
    ]
    assert shown.words(1)[0] == "AAAAAC"
    assert shown.windows[1, 0] == 1


def test_a_model_shows_the_class_of_each_base_with_its_probability(gene_model):
    model = read(gene_model)
    finder = GeneFinder.load(gene_model)
    shown = genes.of_model(model, None)
    chances = genes.probabilities(finder.params, encode_bases(genes.LEADER))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    assert len(shown.classes) == len(shown.probabilities) == len(genes.LEADER)
    assert shown.shapes == {name: value.shape for name, value in finder.params.items()}
    assert shown.genes == finder.tag_raw(genes.LEADER)


def test_everything_shown_has_a_json_form(corpus, gene_model):
    for shown in (genes.of_corpus(corpus, None), genes.of_model(read(gene_model), "ACGTN")):
        value = json.loads(json.dumps(shown.to_json()))
        assert len(value["one_hot"]) == len(shown.bases)


@pytest.mark.parametrize("bad", ["", "ACGJ", "A" * (genes.MOST_BASES + 1)])
def test_what_is_no_dna_is_a_usage_error(bad):
    with pytest.raises(UsageError, match="expected a TEXT of 1 to 600 bases"):
        genes.checked(bad)
