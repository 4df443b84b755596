"""Evaluation of a model on the labelled sentences or genomes of a corpus."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import DNA, TEXT
from elman.data.errors import BadInput
from elman.data.metrics.entities import EntityScores
from elman.data.metrics.genes import GeneScores
from elman.data.metrics.registry import main_score
from elman.data.store.dataset import Dataset
from elman.tasks.evaluation.answers import Answers, LabelledParts, training_entities
from elman.tasks.evaluation.reports import LEARNING_CURVE, REPORT
from elman.tasks.evaluation.text_analysis import Subject, analyse
from elman.tasks.evaluation.text_report import write_text_report
from elman.tasks.models import model_folder
from elman.tasks.models.precision import Curves, read_curves
from elman.tasks.models.scoring import score_tags
from elman.tasks.models.tag_set import by_sentence
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.runtime.orchestration import task


def evaluate_text(
    tagger: Tagger,
    corpus: Dataset,
    split: str = "test",
    contents: Sequence[str] = (),
    report: Path | None = None,
    dev_curves: Curves | None = None,
) -> EntityScores:
    """Score a tagger on the tokens of a corpus.

    Args:
        tagger: the model; a binary one is scored on its type.
        corpus: a corpus of text.
        split: train, dev, test or all.
        contents: sha256 of sources; only sentences from these, if any.
        report: folder of the run's files, in which `evaluation_SPLIT/` is written with an error analysis.
        dev_curves: precision by threshold on dev, for the report.

    Returns:
        scores, with the numbers of sentences, tokens and unlabelled (skipped) sentences as counts.

    Raises:
        BadInput: no labelled sentence in the split, or the corpus has another token unit than the model.
    """
    unit, expected = corpus.meta["unit"], tagger.passport.unit
    if unit != expected:
        raise BadInput(
            f"a corpus tokenized by {expected}, as the model was trained",
            got=f"one tokenized by {unit}",
            todo=f"Ingest it again with --unit {expected}.",
            source=corpus.folder,
        )
    gold: list[list[str]] = []
    predicted: list[list[str]] = []
    answers: list[Answers] = []
    parts = LabelledParts(tagger, corpus, split, contents)
    for part in parts:
        predicted += by_sentence(tagger.tags, part.tagged.tags, part.offsets)
        gold += part.frame["tags"].to_list()
        if report is not None:
            answers.append(Answers.of(tagger, part))
    if not gold:
        raise BadInput(
            f"labelled sentences in the {split} split",
            got=f"none ({parts.unlabelled} without labels)",
            todo="Give --split dev or --split all, or ingest labelled text `--as test`.",
            source=corpus.folder,
        )
    counts = {"sentences": len(gold), "tokens": sum(map(len, gold)), "unlabelled": parts.unlabelled}
    scores = replace(score_tags(gold, predicted, tagger.tags, tagger.binary), counts=counts)
    if report is not None:
        subject = Subject(
            model=tagger.version,
            types=tagger.types,
            temperature=tagger.passport.temperature,
            corpus=corpus.folder.name,
            split=split,
            dev_curves=dev_curves or {},
        )
        training = training_entities(tagger.passport.corpus, corpus)
        analysis = analyse(Answers.join(answers), scores, training, subject)
        write_text_report(analysis, report / REPORT.format(split), report / LEARNING_CURVE)
    return scores


@task(task_run_name="score {folder} on {split} of {corpus}", tags=("evaluation",))
def evaluate_model(
    folder: str,
    corpus: str,
    split: str = "test",
    contents: tuple[str, ...] = (),
    report: str | None = None,
) -> EntityScores | GeneScores:
    """Score a model folder on a split of a corpus; both of text, or both of DNA.

    Args:
        folder: of the model.
        corpus: folder of the corpus.
        split: train, dev, test or all.
        contents: sha256 of sources; only these, if any.
        report: folder of the run's files, for the error analysis.

    Raises:
        BadInput: model and corpus are of different kinds, or nothing is labelled in the split.
    """
    loaded, dataset = model_folder.read(Path(folder)), Dataset.open(Path(corpus))
    check_kind(dataset, DNA if loaded.kind == "dna" else TEXT, todo="Name one that fits the model.")
    if loaded.kind == "dna":
        from elman.tasks.evaluation.genes import evaluate_dna

        return evaluate_dna(folder, corpus, split, contents, report)
    out = None if report is None else Path(report)
    curves = None if out is None else read_curves(loaded).get("dev")
    return evaluate_text(Tagger.of(loaded), dataset, split, contents, out, curves)


def headline(folder: Path, corpus: str, contents: Sequence[str] = ()) -> float:
    """Score by which champion and challenger are compared: entity F1, or per-strand MCC for DNA."""
    from elman.tasks.ingest.corpus_names import corpus_folder

    scores = evaluate_model(str(folder), str(corpus_folder(corpus)), "test", tuple(contents))
    score = main_score("text" if isinstance(scores, EntityScores) else "dna")
    return float(scores.to_json()[score.headline])
