"""The gate of gene finders: what is better on the test genomes passes; what is equal or worse does not."""

import numpy as np
import pytest

from elman.data.store.dataset import Dataset
from elman.tasks.retraining.gate import GateRules
from elman.tasks.retraining.gene_gate import GeneAnswers, gene_answers, judge_genes

QUICK = GateRules(rounds=200)
BLOCK = 40_000  # bases on both strands of a block


def blocks(rng: np.random.Generator, count: int, missed: float, coding: float = 0.45) -> np.ndarray:
    """Outcomes of blocks of which so many coding bases are missed, and half as many falsely called."""
    gold = (rng.normal(coding, 0.05, count).clip(0.05, 0.9) * BLOCK).astype(np.int64)
    fn = (gold * rng.normal(missed, missed / 3, count).clip(0, 1)).astype(np.int64)
    fp = (fn * rng.uniform(0.4, 0.6, count)).astype(np.int64)
    tp = gold - fn
    return np.stack([tp, fp, fn, BLOCK - tp - fp - fn], axis=-1)


def answers(seed: int, champion: float, challenger: float, count: int = 100, **families) -> GeneAnswers:
    rng = np.random.default_rng(seed)
    sides = [{"CDS": blocks(rng, count, missed)} for missed in (champion, challenger)]
    for label, pair in families.items():
        for side, missed in zip(sides, pair, strict=True):
            side[label] = blocks(np.random.default_rng(7), count, missed, 0.05)
    return GeneAnswers(name="the genomes", champion=sides[0], challenger=sides[1])


def failed(verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


@pytest.mark.heavy
def test_a_gene_finder_beside_itself_gives_the_same_answers_on_every_block(write_finder, finder, gene_corpus):
    folder = write_finder(finder)
    old, new = gene_answers(folder, folder, Dataset.open(gene_corpus), ())
    assert new is None
    assert len(old.champion["CDS"]) >= 10
    assert judge_genes(old, new, QUICK).why.startswith("the same answers as the champion's: MCC 0.")


def test_fewer_bases_missed_is_better():
    verdict = judge_genes(answers(1, 0.10, 0.05), None, QUICK)
    assert verdict.passed
    assert verdict.why.startswith("better: MCC 0.9")


def test_the_same_answers_are_refused():
    given = answers(2, 0.1, 0.1)
    same = GeneAnswers(name="the genomes", champion=given.champion, challenger=given.champion)
    assert judge_genes(same, None, QUICK).why.startswith("the same answers as the champion's: MCC")


def test_equal_finders_are_promoted_no_more_often_than_the_level_says():
    """100 pairs of equal expected MCC, whose seeds differ by what training them again does."""
    noise = np.random.default_rng(3).normal(0, QUICK.seed_noise, (100, 2))
    verdicts = [
        judge_genes(answers(100 + n, 0.1 + one, 0.1 + other), None, QUICK)
        for n, (one, other) in enumerate(noise)
    ]
    assert sum(verdict.passed for verdict in verdicts) <= 100 * QUICK.level + 3


def test_a_worse_one_is_refused():
    verdict = judge_genes(answers(4, 0.05, 0.12), None, QUICK)
    assert failed(verdict) == ["MCC", "bases of CDS"]
    assert verdict.why.startswith("not better: MCC")


def test_a_family_that_got_worse_is_a_reason_to_refuse():
    verdict = judge_genes(answers(5, 0.1, 0.05, transporters=(0.1, 0.2), kinases=(0.1, 0.1)), None, QUICK)
    assert failed(verdict) == ["bases of transporters"]


def test_old_genomes_that_got_worse_are_a_reason_to_refuse():
    old, new = answers(6, 0.05, 0.08, 40), answers(7, 0.3, 0.05, 100)
    verdict = judge_genes(old, new, QUICK)
    assert failed(verdict) == ["old test genomes"]
    assert verdict.checks[0].passed


@pytest.mark.parametrize("count", [0, 1, 9])
def test_without_genomes_to_speak_of_nothing_is_promoted(count):
    verdict = judge_genes(answers(8, 0.2, 0.05, count), None, QUICK)
    assert not verdict.passed
    assert verdict.why.startswith(f"too few test genomes: {count} blocks of them, 10 are needed")
