"""Quality gate of gene finders: a paired bootstrap of MCC by blocks of the test genomes, and floors.

A challenger passes if its MCC on bases is better at the level, with the noise of seeds, and neither coding
regions, a protein family nor the old test genomes got worse. Rules are those of the gate of text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput
from elman.data.genome.annotation_rules import CDS
from elman.data.metrics.genes import block_counts, mcc_of
from elman.data.metrics.paired_bootstrap import paired_bootstrap
from elman.data.metrics.rates import rates
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.genes import GeneCalls, call_genes
from elman.tasks.evaluation.run_metrics import metric_names
from elman.tasks.retraining.gate import Check, GateRules, Judgement, better, rate_floor

Blocks = npt.NDArray[np.int64]  # (U, 4): tp, fp, fn, tn of blocks of bases
FEWEST_BLOCKS = 10  # of the test genomes
SMALLEST, LARGEST = 2_000, 20_000  # bases of a block; 30 blocks at least where the genomes are large enough
FEWEST_BASES = 10_000  # of a family in the annotation, from which it is judged


@dataclass(frozen=True, kw_only=True)
class GeneAnswers:
    """Outcomes of champion and challenger on the bases of the same genomes.

    Attributes:
        name: of the test set in messages.
        champion, challenger: blocks by label, `CDS` and the families that both models have.
    """

    name: str
    champion: Mapping[str, Blocks]
    challenger: Mapping[str, Blocks]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the blocks."""
        return tuple(self.champion)

    def joined(self, other: "GeneAnswers | None") -> "GeneAnswers":
        """These genomes and others."""
        if other is None:
            return self
        sides = [
            {label: np.concatenate([one[label], more[label]]) for label in self.labels}
            for one, more in (
                (self.champion, other.champion),
                (self.challenger, other.challenger),
            )
        ]
        return GeneAnswers(name=f"{self.name} and {other.name}", champion=sides[0], challenger=sides[1])


def gene_answers(
    champion: Path, challenger: Path, corpus: Dataset, frozen: Sequence[str]
) -> tuple[GeneAnswers, GeneAnswers | None]:
    """Outcomes on the frozen test genomes, and on those that came later, if there are any.

    Args:
        champion, challenger: folders of the models.
        corpus: that has the genomes.
        frozen: sha256 of the sources of the frozen ones.

    Raises:
        BadInput: no annotated contig of the frozen ones is in the test split.
    """
    later = [source["sha256"] for source in corpus.sources if source["sha256"] not in frozen]

    def answers(name: str, contents: Sequence[str]) -> GeneAnswers:
        calls = [call_genes(folder, corpus.folder, "test", contents) for folder in (champion, challenger)]
        labels = (CDS, *(label for label in calls[0].families if label in calls[1].families))
        sides = [{label: _blocks(of, label) for label in labels} for of in calls]
        return GeneAnswers(name=name, champion=sides[0], challenger=sides[1])

    old = answers("the champion's test genomes", frozen)
    if not later:
        return old, None
    try:
        return old, answers("the newest test genomes", later)
    except BadInput:  # what came later is for training, or not annotated
        return old, None


def _blocks(calls: GeneCalls, label: str) -> Blocks:
    size = min(max(sum(calls.lengths.values()) // 30, SMALLEST), LARGEST)
    return block_counts(calls.truth, calls.predicted, calls.lengths, label, size)


def judge_genes(old: GeneAnswers, new: GeneAnswers | None, rules: GateRules) -> Judgement:
    """Judge a challenger; arguments as of `gate.judge_quality`."""
    both = old.joined(new)
    checks = [_better(both, rules)]
    for label, name in zip(both.labels, metric_names(list(both.labels)), strict=True):
        gold = both.champion[label]
        if label == CDS or int(gold[:, 0].sum() + gold[:, 2].sum()) >= FEWEST_BASES:
            checks.append(_label_not_worse(both, label, name, rules))
    if new is not None:
        sides = old.champion[CDS], old.challenger[CDS]
        found = paired_bootstrap(sides[0][None], sides[1][None], rules.rounds, rate=mcc_of)
        mcc = _mcc(sides[0]), _mcc(sides[1])
        checks.append(rate_floor("old test genomes", "MCC", mcc, found, rules.old_drop, rules))
    return Judgement(checks=tuple(checks))


def _mcc(blocks: Blocks) -> float:
    return float(mcc_of(blocks.sum(axis=0)))


def _better(answers: GeneAnswers, rules: GateRules) -> Check:
    """Test of MCC over coding bases."""
    before, after = answers.champion[CDS], answers.challenger[CDS]
    found = paired_bootstrap(
        before[None], after[None], rules.rounds, seed_noise=rules.seed_noise, rate=mcc_of
    )
    champion, challenger = _mcc(before), _mcc(after)
    shown = (
        f"MCC {challenger:.4f} against {champion:.4f} on {answers.name} ({len(before):,} blocks), a "
        f"difference of {found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"
    )
    too_few = ""
    if len(before) < FEWEST_BLOCKS:
        too_few = f"too few test genomes: {len(before)} blocks of them, {FEWEST_BLOCKS} are needed"
    figures = {"champion_mcc": champion, "challenger_mcc": challenger, "mcc_gain_p": found.p}
    check = Check(name="MCC", passed=False, why=shown, figures=figures)
    return better(check, found, rules, same=bool((before == after).all()), too_few=too_few)


def _label_not_worse(answers: GeneAnswers, label: str, name: str, rules: GateRules) -> Check:
    """Floor of the F1 of bases of a label."""
    sides = [_as_f1(blocks[label]) for blocks in (answers.champion, answers.challenger)]
    found = paired_bootstrap(sides[0][None], sides[1][None], rules.rounds)
    both = float(rates(sides[0].sum(axis=0))[2]), float(rates(sides[1].sum(axis=0))[2])
    check = rate_floor(f"bases of {label}", "F1", both, found, rules.type_drop, rules)
    return Check(
        name=check.name, passed=check.passed, why=check.why, figures={f"f1_gain/{name}": found.difference}
    )


def _as_f1(blocks: Blocks) -> Blocks:
    """Counts of correct, predicted and gold bases."""
    tp, fp, fn, _ = blocks.T
    return np.stack([tp, tp + fp, tp + fn], axis=-1)
