"""Expected calibration error of models on a split, by type: unscaled, by temperature alone, fully scaled.

    python -m bench.calibration ncbi-disease MODEL ... --split test

15 bins of equal mass over the predicted entities. Temperature and scaling were fitted on dev when each model
was trained. "by chance" is the error that probabilities without fault would show with as many entities.
"""

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np

from elman.data.metrics.alignment import CORRECT, align
from elman.data.metrics.calibration import calibration
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.models.text_tagger import Tagger

ALL = "all types"
DRAWS = 200


def errors(tagger: Tagger, corpus: Dataset, split: str) -> dict[str, list[float]]:
    """By type: entities, and the errors without scaling, by temperature alone, scaled, and by chance."""
    alone = replace(tagger, passport=replace(tagger.passport, entity_scaling={}))
    parts = [
        Answers.join([Answers.of(of, part) for part in LabelledParts(of, corpus, split, ())])
        for of in (tagger, alone)
    ]
    scaled, half = (answers.predicted for answers in parts)
    aligned = align(parts[0].gold, scaled).filter(outcome=CORRECT)
    right = np.isin(np.arange(scaled.height), aligned["predicted"].to_numpy())
    rng, found = np.random.default_rng(0), {}
    for name in (ALL, *tagger.types):
        rows = np.ones(scaled.height, bool) if name == ALL else (scaled["type"] == name).to_numpy()
        chance, of = scaled["surety"].to_numpy()[rows], right[rows]
        drawn = [calibration(chance, rng.random(len(chance)) < chance).error for _ in range(DRAWS)]
        columns = (scaled["unscaled"], half["surety"], scaled["surety"])
        kinds = [calibration(column.to_numpy()[rows], of).error for column in columns]
        found[name] = [float(rows.sum()), *kinds, float(np.mean(drawn))]
    return found


def main() -> None:
    """Print a Markdown table of the mean over the models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    corpus, rows = Dataset.open(corpus_folder(options.corpus)), defaultdict(list)
    for name in options.models:
        tagger = Tagger.load(model_folder.resolve(name))
        for kind, figures in errors(tagger, corpus, options.split).items():
            rows[kind].append(figures)
    print("| type | predicted | unscaled | temperature alone | scaled | by chance |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind, figures in rows.items():
        mean, spread = np.mean(figures, axis=0), np.std(figures, axis=0)
        cells = [
            f"{mean[0]:,.0f}",
            *(f"{a:.4f} ± {b:.4f}" for a, b in zip(mean[1:4], spread[1:4], strict=True)),
        ]
        print(f"| {kind} | {' | '.join(cells)} | {mean[4]:.4f} |")


if __name__ == "__main__":
    main()
