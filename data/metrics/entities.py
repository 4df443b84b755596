"""Entity scores by conlleval's rule: an entity counts if its span and its type are exact.

Precision, recall and F1 over all entities (micro) and per type, as conlleval.pl (CoNLL-2000) and seqeval
count them; a figure whose denominator is zero is 0.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from elman.data.text.tags import spans


def rates(correct: int, predicted: int, gold: int) -> dict[str, float]:
    """Precision, recall and F1 from counts, 0 to 1."""
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def entity_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Score predicted IOB2 tags against gold ones, sentence by sentence.

    Args:
        gold: tags of each sentence.
        predicted: tags of each sentence, as many.

    Returns:
        precision, recall, f1 (micro); macro_f1, the mean over types; accuracy of tokens; support, entities in
        gold; predicted; correct; per_type: type -> precision, recall, f1, support, predicted, correct.
    """
    right, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    tokens = same = 0
    for number, (truth, guess) in enumerate(zip(gold, predicted, strict=True)):
        if len(truth) != len(guess):
            raise ValueError(
                f"sentence {number}: expected {len(truth)} predicted tags, one a token. Got {len(guess)}"
            )
        tokens += len(truth)
        same += sum(a == b for a, b in zip(truth, guess, strict=True))
        a, b = set(spans(truth)), set(spans(guess))
        wanted.update(kind for _, _, kind in a)
        found.update(kind for _, _, kind in b)
        right.update(kind for _, _, kind in a & b)
    per_type = {
        kind: {
            **rates(right[kind], found[kind], wanted[kind]),
            "support": wanted[kind],
            "predicted": found[kind],
            "correct": right[kind],
        }
        for kind in sorted(wanted | found)
    }
    return {
        **rates(right.total(), found.total(), wanted.total()),
        "macro_f1": sum(scores["f1"] for scores in per_type.values()) / len(per_type) if per_type else 0.0,
        "accuracy": same / tokens if tokens else 0.0,
        "support": wanted.total(),
        "predicted": found.total(),
        "correct": right.total(),
        "per_type": per_type,
    }
