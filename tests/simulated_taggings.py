"""Simulated taggings: entities found by two taggers of known quality, in easy and in hard documents."""

import numpy as np
import polars as pl

from elman.data.metrics.intervals import units_of

SENTENCES = 5  # a document


def simulated(rng: np.random.Generator, f1: tuple[float, float], entities: int, same: float = 0.8):
    """Answers of two taggers of expected F1 `f1` on the same gold entities.

    Documents of SENTENCES sentences have four entities on average and their own difficulty. An entity that is
    not found is missed or found with wrong ends, one time in two each; as many spurious ones as missed ones
    keep precision and recall alike. The taggers decide by the same draw on a share `same` of the entities.

    Returns:
        sentences (document, sentence), gold, and the predicted entities of the two taggers.
    """
    documents = max(2, entities // 4)
    of = np.sort(rng.integers(0, documents, entities))
    sentence = of * SENTENCES + rng.integers(0, SENTENCES, entities)
    hard = rng.normal(0, 0.08, documents)
    shared, own = rng.random(entities), rng.random((2, entities))
    together, ends = rng.random(entities) < same, rng.random(entities) < 0.5
    sentences = pl.DataFrame(
        {
            "document": [f"d{n:05d}" for n in range(documents) for _ in range(SENTENCES)],
            "sentence": list(range(SENTENCES)) * documents,
        }
    )
    start = np.arange(entities) * 10
    kind = np.where(rng.random(entities) < 0.7, "PER", "LOC")
    gold = _entities(sentence, start, kind)
    found = []
    for tagger in range(2):
        draw = np.where(together, shared, own[tagger])
        right = draw < np.clip(f1[tagger] + hard[of], 0, 1)
        moved = ~right & ends
        spurious = rng.permutation(np.flatnonzero(~right & ~ends))
        found.append(
            pl.concat(
                [
                    _entities(sentence[right], start[right], kind[right]),
                    _entities(sentence[moved], start[moved] + 1, kind[moved]),
                    _entities(sentence[spurious], start[spurious] + 5, kind[spurious]),
                ]
            )
        )
    return sentences, gold, found[0], found[1]


def _entities(sentence, start, kind) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "sequence": sentence.astype(np.int64),
            "start": start.astype(np.int64),
            "end": start.astype(np.int64) + 2,
            "type": pl.Series(kind.tolist(), dtype=pl.String),
        }
    )


def counted(sentences, gold, predicted):
    """Counts of documents, (1, U, 3), as `paired_bootstrap` takes them."""
    from elman.data.metrics.paired_bootstrap import entity_counts

    return entity_counts(units_of(sentences), gold, predicted)[None]
