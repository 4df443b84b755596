"""Family tagger: a motif planted in random genes is found on either strand, whatever is tagged together."""

from dataclasses import replace

import numpy as np
import pytest

from elman.data.genome.gene_decoder import Gene
from elman.data.genome.genetic_code import residue_table
from elman.data.genome.nucleotides import codons_of, encode_bases
from elman.tasks.models import protein_families
from elman.tasks.models.passport import CorpusOrigin, GenePassport

MOTIF = np.array([5, 15, 5, 8, 5, 6, 8, 16, 2, 9, 1, 18], np.uint8)
CODONS = {  # one for each residue
    residue: "ACGT"[w // 16] + "ACGT"[w // 4 % 4] + "ACGT"[w % 4]
    for w, residue in enumerate(residue_table(11)[0, :64].tolist())
}


def gene_of(rng: np.random.Generator, planted: bool) -> tuple[np.ndarray, np.ndarray]:
    residues = rng.integers(0, 20, int(rng.integers(40, 80))).astype(np.uint8)
    target = np.zeros(len(residues), np.int32)
    if planted:
        at = int(rng.integers(5, len(residues) - 20))
        residues[at : at + len(MOTIF)] = MOTIF
        target[at : at + len(MOTIF)] = [1] + [2] * (len(MOTIF) - 1)
    return residues, target


@pytest.fixture(scope="module")
def tagger() -> protein_families.FamilyTagger:
    rng = np.random.default_rng(0)
    genes = [gene_of(rng, number % 2 == 0) for number in range(300)]
    config = protein_families.FamilyConfig(
        hidden=16, embedding=8, others=1.0, epochs=5, batch=8, learning_rate=0.01
    )
    return protein_families.FamilyTagger(
        ("fam",), (), *protein_families.fit_families(genes, ["fam"], config, seed=0)
    )


@pytest.fixture
def bases() -> tuple[str, int]:
    """A gene with the motif from its 10th residue on, and how long it is."""
    residues = np.concatenate([np.arange(10), MOTIF, np.arange(19, -1, -1)]).astype(np.uint8)
    text = "".join(CODONS[residue] for residue in residues.tolist())
    return text, len(text)


def matches_of(tagger, text, *genes):
    words = codons_of(encode_bases(text))
    batches = tagger.by_batch(lambda low, high: words[low:high], genes, 11)
    return [match for _, matches in batches for match in matches]


def test_a_family_is_found_where_it_lies_on_either_strand(tagger, bases):
    text, size = bases
    mirrored = text[::-1].translate(str.maketrans("ACGT", "TGCA"))
    (forward,) = matches_of(tagger, "AC" + text, Gene(2, 2 + size, "+", 0, 1.0, 0))
    (reverse,) = matches_of(tagger, mirrored + "AC", Gene(0, size, "-", 0, 1.0, 0))
    assert forward[:5] == (32, 68, "+", "fam", 0)
    assert reverse[:5] == (size - 66, size - 30, "-", "fam", 0)
    assert forward.probability == pytest.approx(reverse.probability, abs=1e-6)
    assert forward.probability > 0.5


def test_matches_do_not_depend_on_what_is_tagged_together(tagger, bases, monkeypatch):
    text, size = bases
    genes = [Gene(0, size, "+", 0, 1.0, 0), Gene(0, 2, "+", 0, 1.0, 3), Gene(size, 2 * size, "+", 0, 1.0, 0)]
    together = matches_of(tagger, text * 2, *genes)
    monkeypatch.setattr(protein_families, "_TOGETHER", 1)
    assert [match[:5] for match in matches_of(tagger, text * 2, *genes)] == [match[:5] for match in together]
    assert len(together) == 2


def test_a_match_at_the_cut_off_end_of_its_gene_is_partial(tagger, bases):
    text, _ = bases
    cut = text[: 3 * (10 + len(MOTIF))]
    (match,) = matches_of(tagger, cut, Gene(0, len(cut), "+", 0, 1.0, 2))
    assert (match.end, match.partial) == (len(cut), 2)


def test_a_file_of_weights_gives_the_same_tagger(tagger, bases):
    text, size = bases
    origin = CorpusOrigin(name="c", digest="d", sources=[])
    passport = GenePassport(corpus=origin, preset="fast", seed=0, config={}, labels=["fam"])
    again = protein_families.FamilyTagger.of(passport, tagger.to_bytes())
    gene = Gene(0, size, "+", 0, 1.0, 0)
    assert matches_of(again, text, gene) == matches_of(tagger, text, gene)


def test_whole_gene_labels_are_those_that_cover_their_genes():
    part, whole = np.array([0, 1, 2, 0], np.int32), np.array([3, 4, 4, 4], np.int32)
    genes = [(np.zeros(4, np.uint8), target) for target in (part, whole, np.zeros(4, np.int32))]
    assert protein_families.whole_gene_labels(genes, ["domain", "product"]) == ("product",)


def test_a_whole_gene_label_covers_the_gene_or_is_dropped(tagger, bases):
    text, size = bases
    whole = replace(tagger, whole=("fam",))
    (match,) = matches_of(whole, text, Gene(0, size, "+", 0, 1.0, 0))
    assert match[:4] == (0, size, "+", "fam")
    long = text + CODONS[3] * 300  # of which the motif is but a small part
    assert matches_of(tagger, long, Gene(0, len(long), "+", 0, 1.0, 0))
    assert not matches_of(whole, long, Gene(0, len(long), "+", 0, 1.0, 0))


def test_a_whole_gene_label_needs_the_least_mean_probability(tagger, bases):
    text, size = bases
    gene = Gene(0, size, "+", 0, 1.0, 0)
    (part,) = matches_of(tagger, text, gene)
    whole = replace(tagger, whole=("fam",), least=0.2)
    (match,) = matches_of(whole, text, gene)
    assert match[:4] == (0, size, "+", "fam")
    assert 0.2 <= match.probability < part.probability  # the motif is a part of the gene
    assert not matches_of(replace(whole, least=0.9), text, gene)
    assert matches_of(replace(tagger, least=0.9), text, gene) == [part]
    assert matches_of(whole, "ACGT") == []


def test_copies_with_exchanges_are_of_genes_with_a_family_and_as_often_of_others():
    rng = np.random.default_rng(0)
    genes = [gene_of(rng, number % 2 == 0) for number in range(200)]
    config = protein_families.FamilyConfig(copies=3, exchanged=0.5)
    made = protein_families._with_copies(genes, config, rng)
    assert len(made) == 4 * 100 + 100
    lengths = {len(residues) for residues, _ in genes}
    assert {len(residues) for residues, _ in made} <= lengths
    originals = {residues.tobytes() for residues, _ in genes}
    changed = [(residues.tobytes() not in originals, target.any()) for residues, target in made]
    shares = [np.mean([new for new, planted in changed if bool(planted) is side]) for side in (True, False)]
    assert shares == [pytest.approx(0.75, abs=0.05), pytest.approx(0.75, abs=0.12)]


def test_no_genes_have_no_matches(tagger):
    assert matches_of(tagger, "ACGT") == []
