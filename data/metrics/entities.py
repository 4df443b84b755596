"""Entity scores by conlleval's rule: an entity counts if its span and its type are exact.

Precision, recall and F1 over all entities (micro) and per type, as conlleval.pl (CoNLL-2000) and seqeval
count them; a figure whose denominator is zero is 0.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from elman.data.metrics.rates import rates
from elman.data.metrics.registry import Score, register
from elman.data.text.tags import Span, spans

Tags = Sequence[Sequence[str]]  # tags of each sentence


@dataclass(frozen=True, kw_only=True)
class TypeScores:
    """Scores of one entity type: rates from 0 to 1, entities in gold, predicted and correct."""

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int
    correct: int

    @classmethod
    def of(cls, correct: int, predicted: int, gold: int) -> "TypeScores":
        """Scores from counts."""
        precision, recall, f1 = rates([correct, predicted, gold]).tolist()
        return cls(
            precision=precision, recall=recall, f1=f1, support=gold, predicted=predicted, correct=correct
        )


@dataclass(frozen=True, kw_only=True)
class EntityScores:
    """Scores of the entities of a split.

    Attributes:
        precision, recall, f1: over all entities (micro), 0 to 1.
        macro_f1: mean F1 over types.
        accuracy: of tokens.
        support, predicted, correct: numbers of entities; support are those in gold.
        per_type: scores of each type, by code point.
        counts: sentences, tokens and unlabelled sentences of the evaluated split, if counted.
        more: results of further registered scores, by name.
    """

    precision: float
    recall: float
    f1: float
    macro_f1: float
    accuracy: float
    support: int
    predicted: int
    correct: int
    per_type: Mapping[str, TypeScores]
    counts: Mapping[str, int] = field(default_factory=dict)
    more: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        counts, more = plain.pop("counts"), plain.pop("more")
        return {**plain, **counts, **more}


def matches(gold: Tags, predicted: Tags) -> Iterator[tuple[set[Span], set[Span]]]:
    """Entities of each sentence, in gold and predicted.

    Raises:
        ValueError: a sentence has another number of predicted tags than of tokens.
    """
    for number, (truth, guess) in enumerate(zip(gold, predicted, strict=True)):
        if len(truth) != len(guess):
            raise ValueError(
                f"sentence {number}: expected {len(truth)} predicted tags, one a token. Got {len(guess)}"
            )
        yield set(spans(truth)), set(spans(guess))


def entity_scores(gold: Tags, predicted: Tags) -> EntityScores:
    """Score predicted IOB2 tags against gold ones, sentence by sentence.

    Args:
        gold: tags of each sentence.
        predicted: tags of each sentence, as many.
    """
    right, called, wanted = Counter[str](), Counter[str](), Counter[str]()
    for truth, guess in matches(gold, predicted):
        wanted.update(kind for _, _, kind in truth)
        called.update(kind for _, _, kind in guess)
        right.update(kind for _, _, kind in truth & guess)
    per_type = {
        kind: TypeScores.of(right[kind], called[kind], wanted[kind]) for kind in sorted(wanted | called)
    }
    overall = TypeScores.of(right.total(), called.total(), wanted.total())
    tokens = sum(map(len, gold))
    same = sum(a == b for pair in zip(gold, predicted, strict=True) for a, b in zip(*pair, strict=True))
    return EntityScores(
        precision=overall.precision,
        recall=overall.recall,
        f1=overall.f1,
        macro_f1=sum(scores.f1 for scores in per_type.values()) / len(per_type) if per_type else 0.0,
        accuracy=same / tokens if tokens else 0.0,
        support=overall.support,
        predicted=overall.predicted,
        correct=overall.correct,
        per_type=per_type,
    )


register(Score(name="entities", family="text", compute=entity_scores, headline="f1"))
