"""Report of silver labels: how they agree with gold ones, and where not."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.corpus.silver import SilverCorpus
from elman.data.metrics.alignment import CORRECT, align
from elman.data.metrics.entities import TypeScores
from elman.data.metrics.mistakes import mistakes
from elman.data.store.dataset import Dataset
from elman.data.store.disk import atomic_write
from elman.data.text.tags import spans
from elman.tasks.evaluation.reports import write_table
from elman.tasks.evaluation.shown_tables import MOST_ROWS, add_shown_table
from elman.tasks.runtime.console import print_status

FOLDER = "silver"  # among the files of a run
_ENTITIES = pl.Schema(
    {
        "sequence": pl.Int64,  # number of the sentence
        "start": pl.Int64,  # visible characters of the sentence, 0-based half-open
        "end": pl.Int64,
        "type": pl.String,
        "document": pl.String,
        "sentence": pl.Int32,
        "char_start": pl.Int64,  # into the gold document
        "char_end": pl.Int64,
        "text": pl.String,
        "surety": pl.Float64,  # score of the silver sentence; null in gold
    }
)


@dataclass(frozen=True)
class SilverAgreement:
    """Silver labels of gold training and dev sentences, scored as if a tagger had given them.

    Attributes:
        sentences: that both corpora label.
        overall: scores of all entities.
        per_type: of each type.
        disagreements: see `data.metrics.mistakes.mistakes`; silver is what was predicted.
    """

    sentences: int
    overall: TypeScores
    per_type: dict[str, TypeScores]
    disagreements: pl.DataFrame

    @classmethod
    def of(cls, corpus: SilverCorpus) -> "SilverAgreement | None":
        """Compare labels on the sentences of training and dev that both have; None if there are none."""
        both = corpus.in_both()
        if both.is_empty():
            return None
        true, given = _entities(both, ""), _entities(both, "_silver")
        aligned = align(true, given)
        texts = both.select(
            sequence=pl.int_range(pl.len(), dtype=pl.Int64), sentence_text="text", sentence_start="start"
        )
        right = given["type"].gather(aligned.filter(pl.col("outcome") == CORRECT)["predicted"])
        tables = [dict(kinds.value_counts().iter_rows()) for kinds in (right, given["type"], true["type"])]
        per_type = {
            kind: TypeScores.of(*(table.get(kind, 0) for table in tables))
            for kind in sorted(tables[1].keys() | tables[2].keys())
        }
        overall = TypeScores.of(*(sum(table.values()) for table in tables))
        return cls(both.height, overall, per_type, mistakes(true, given, aligned, texts))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the disagreements."""
        per_type = {kind: asdict(scores) for kind, scores in self.per_type.items()}
        return {"sentences": self.sentences, "overall": asdict(self.overall), "per_type": per_type}


def report_silver(gold: Path, silver: Path, out: Path) -> SilverAgreement | None:
    """Compare silver labels with gold ones where both label a sentence; print the scores, write the mistakes.

    Args:
        gold: folder of the corpus that is trained on.
        silver: folder of the corpus of silver labels.
        out: folder of the run's files, which gets `silver/agreement.json`, `disagreements.parquet` and the
            first of these as a table that MLflow shows.

    Returns:
        the agreement on sentences of training and dev; None if no sentence is in both corpora.

    Raises:
        BadInput: as `SilverCorpus`.
    """
    agreement = SilverAgreement.of(SilverCorpus(Dataset.open(gold), Dataset.open(silver)))
    if agreement is None:
        print_status("silver: no training or dev sentence in both corpora, so its labels are not compared.")
        return None
    print_status(
        f"silver: {agreement.sentences:,} gold sentences labelled: {_shown(agreement.overall)}; "
        + ", ".join(f"{kind} {_shown(of)}" for kind, of in agreement.per_type.items())
    )
    folder, table = out / FOLDER, agreement.disagreements
    folder.mkdir(exist_ok=True)
    atomic_write(folder / "agreement.json", json.dumps(agreement.to_json(), indent=1).encode())
    write_table(table, folder / "disagreements.parquet")
    shown = table.head(MOST_ROWS)
    add_shown_table(out, f"{FOLDER}/disagreements.json", shown.columns, shown.rows())
    return agreement


def _shown(of: TypeScores) -> str:
    return f"precision {of.precision:.3f}, recall {of.recall:.3f}"


def _entities(both: pl.DataFrame, side: str) -> pl.DataFrame:
    """Entities of one side, as `data.metrics.alignment` takes them.

    Args:
        both: of `SilverCorpus.in_both`.
        side: suffix of the columns.
    """
    rows: list[tuple[Any, ...]] = []
    names = ("text", "start", "token_start", "token_end", "tags")
    own = both.select(f"{name}{side}" for name in names)
    gold = both.select("document", "sentence", "text", "start", "score_silver")
    for number, (labelled, of_gold) in enumerate(zip(own.iter_rows(), gold.iter_rows(), strict=True)):
        text, start, begins, ends, tags = labelled
        document, sentence, gold_text, gold_start, score = of_gold
        before = _visible_before(text)
        characters = np.flatnonzero(np.diff(_visible_before(gold_text)))  # places of the visible ones
        for a, b, kind in spans(tags):
            begin, end = int(before[begins[a] - start]), int(before[ends[b - 1] - start])
            low, high = int(characters[begin]), int(characters[end - 1]) + 1
            place = (document, sentence, gold_start + low, gold_start + high, gold_text[low:high])
            rows.append((number, begin, end, kind, *place, score if side else None))
    return pl.DataFrame(rows, schema=_ENTITIES, orient="row")


def _visible_before(text: str) -> np.ndarray:
    """(n + 1,) visible characters before each character of a text, and in all of it."""
    return np.concatenate([[0], np.cumsum([not c.isspace() for c in text])])
