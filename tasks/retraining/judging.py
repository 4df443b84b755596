"""Judging of a challenger against the champion, and the decision with its reasons."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from elman.data.errors import BadInput
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.text.markdown import escaped
from elman.tasks.evaluation.answers import Answers, LabelledParts, training_entities
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.models.text_tagger import Tagger
from elman.tasks.retraining import history, promotion
from elman.tasks.retraining.corpus_tags import DIGEST
from elman.tasks.retraining.gate import Check, GateRules, Judgement, TestAnswers, judge_quality
from elman.tasks.retraining.gene_gate import gene_answers, judge_genes
from elman.tasks.retraining.history import Entry
from elman.tasks.retraining.infrastructure import canary, judge_infrastructure, odd_texts
from elman.tasks.retraining.promotion import JUDGED_BY, VERDICT, Decision, folder_of_version
from elman.tasks.retraining.score_gate import ScoreGate, judge_scores
from elman.tasks.runtime import mlflow_sync, registry
from elman.tasks.runtime.artifacts import publish_markdown
from elman.tasks.runtime.environment import temporary_parent
from elman.tasks.runtime.orchestration import task

OLD, NEW = "the champion's test documents", "the newest test documents"
NEVER_JUDGED = "never judged"  # verdict of a version that was registered and left


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """Version that was trained on the current state of a corpus.

    Attributes:
        version: its number, or "" if there is none.
        judged: True if it has a verdict.
        why: message for the user.
    """

    version: str = ""
    judged: bool = False
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Judgement of a challenger.

    Attributes:
        champion: the version it was compared with, or "" if there is none yet.
        judged_by: the version whose corpus gives the frozen test set.
        quality, infrastructure: of the two gates.
    """

    champion: str
    judged_by: str
    quality: Judgement
    infrastructure: Judgement

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of both gates."""
        return (*self.quality.checks, *self.infrastructure.checks)

    @property
    def passed(self) -> bool:
        """True if both gates are passed."""
        return self.quality.passed and self.infrastructure.passed

    @property
    def why(self) -> str:
        """Reasons in words."""
        if self.quality.passed and not self.infrastructure.passed:
            return self.infrastructure.why
        return self.quality.why or "the first model becomes champion"

    def metrics(self) -> dict[str, float]:
        """Metrics of the run in MLflow."""
        return self.quality.metrics() | self.infrastructure.metrics()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Verdict on a challenger: the entry of the history, and the judgement behind it."""

    entry: Entry
    judged: Judged

    @property
    def promoted(self) -> bool:
        """True if the challenger is champion now."""
        return self.entry.done

    @property
    def why(self) -> str:
        """Reason in words."""
        return self.entry.why

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        of_score = self.judged.quality.checks[:1]  # the first check compares the scores
        scores = {
            f"{side}_score": value
            for check in of_score
            for name, value in check.figures.items()
            for side in ("champion", "challenger")
            if name.startswith(f"{side}_")
        }
        return {
            "promoted": self.promoted,
            "why": self.why,
            "challenger": self.entry.version,
            "champion": self.entry.champion,
            "judged_by": self.judged.judged_by,
            **scores,
            "checks": [check.to_json() for check in self.judged.checks],
        }

    def markdown(self) -> str:
        """All checks with their reasons, for the page of the run."""
        lines = [f"{self.entry.action}: {escaped(self.why)}", "", "| check | passed | reason |"]
        lines += ["| --- | --- | --- |"]
        for check in self.judged.checks:
            lines.append(
                f"| {escaped(check.name)} | {'yes' if check.passed else 'no'} | {escaped(check.why)} |"
            )
        return "\n".join(lines) + "\n"


@task(task_run_name="find the challenger of {name}", tags=("registry",), retries=2, retry_delay_seconds=2)
def find_challenger(name: str, corpus: str) -> Challenger:
    """Find the version that was trained on the current state of the corpus."""
    mlflow_sync.send_pending()  # a training that ended while MLflow was down may be the one
    promotion.champion_of(name)  # a verdict that MLflow was not told yet is told now
    digest = Dataset.open(corpus_folder(corpus)).digest
    for version in reversed(registry.versions(name)):
        if version.tags.get(DIGEST) == digest:
            verdict = version.tags.get(VERDICT, "")
            judged = verdict not in ("", NEVER_JUDGED)
            why = f"nothing new since version {version.version}, which was {verdict}" if judged else ""
            return Challenger(version=version.version, judged=judged, why=why)
    return Challenger()


@task(task_run_name="mark unjudged versions of {name}", tags=("registry",), retries=2, retry_delay_seconds=2)
def mark_unjudged(name: str, challenger: str) -> list[str]:
    """Mark versions whose run ended before their verdict; return their numbers.

    Args:
        name: registered name.
        challenger: version that is about to be judged.
    """
    champion, left = promotion.champion_of(name), []
    for version in registry.versions(name):
        if version.version not in (champion, challenger) and not version.tags.get(VERDICT):
            registry.set_version_tag(name, version.version, VERDICT, NEVER_JUDGED)
            left.append(version.version)
    return left


@task(
    task_run_name="judge version {challenger} of {name}",
    tags=("registry",),
    retries=2,
    retry_delay_seconds=2,
)
def judge(name: str, challenger: str, corpus: str, rules: GateRules, gate: ScoreGate | None = None) -> Judged:
    """Judge a challenger by both gates.

    Args:
        name: registered name.
        challenger: its version.
        corpus: name or folder of the corpus it was trained on.
        rules: of the quality gate.
        gate: of models of another task than tagging.
    """
    champion = promotion.champion_of(name)
    folder, model = corpus_folder(corpus), folder_of_version(name, challenger)
    judged_by, quality = challenger, Judgement()
    if champion:
        judged_by = frozen_by(name, champion)
        old = folder_of_version(name, champion)
        frozen, dataset = contents_of(name, judged_by), Dataset.open(folder)
        if gate is None:
            quality = _quality(old, model, dataset, frozen, rules)
        else:
            quality = _quality_by_score(old, model, dataset, frozen, rules, gate)
    infrastructure = _infrastructure(name, challenger, folder)
    return Judged(champion=champion, judged_by=judged_by, quality=quality, infrastructure=infrastructure)


def _infrastructure(name: str, version: str, corpus: Path | None) -> Judgement:
    """Judge a version as MLflow has it, packaged, on texts of a corpus if it is here."""
    folder = folder_of_version(name, version)
    model = model_folder.read(folder)
    with tempfile.TemporaryDirectory(dir=temporary_parent(), prefix="packaged-") as scratch:
        if corpus is None:
            texts = odd_texts(model.kind, Path(scratch), model.family)
        else:
            texts = canary(corpus, model.kind, Path(scratch))
        packaged = Path(scratch) / "packaged"
        packaged.mkdir()
        return judge_infrastructure(folder, registry.download(name, version, packaged), texts)


def judge_by_hand(name: str, version: str) -> Judgement:
    """Judge a version that is promoted by hand: by the infrastructure gate alone.

    Args:
        name: registered name.
        version: its number.

    Raises:
        BadInput: there is no such version.
    """
    promotion.find_version(name, version)
    model = model_folder.read(folder_of_version(name, version))
    corpus = corpus_folder(model.passport.corpus.name)
    return _infrastructure(name, version, corpus if (corpus / MANIFEST).exists() else None)


def frozen_by(name: str, champion: str) -> str:
    """The version whose corpus gives the frozen test set."""
    for entry in reversed(history.read(name)):
        if entry.judged_by:
            return entry.judged_by
    tags = next(of.tags for of in registry.versions(name) if of.version == champion)
    return tags.get(JUDGED_BY, champion)


def contents_of(name: str, version: str) -> tuple[str, ...]:
    """The sha256 of the sources of a version's corpus."""
    passport = model_folder.read(folder_of_version(name, version)).passport
    return tuple(source["sha256"] for source in passport.corpus.sources)


def _quality(
    champion: Path, challenger: Path, corpus: Dataset, frozen: Sequence[str], rules: GateRules
) -> Judgement:
    models = [model_folder.read(folder) for folder in (champion, challenger)]
    if models[1].kind == "dna":
        return judge_genes(*gene_answers(champion, challenger, corpus, frozen), rules)
    taggers = [Tagger.of(model) for model in models]
    old = answers_of_both(taggers[0], taggers[1], corpus, frozen, OLD)
    if old is None:
        raise BadInput(
            f"labelled sentences in {OLD}",
            got="none",
            todo="Ingest labelled text `--as test`, or promote by hand: `elman promote NAME VERSION`.",
            source=corpus.folder,
        )
    later = [source["sha256"] for source in corpus.sources if source["sha256"] not in frozen]
    new = answers_of_both(taggers[0], taggers[1], corpus, later, NEW) if later else None
    trained_on = [training_entities(model.passport.corpus, corpus) for model in models]
    known = [frame for frame in trained_on if frame is not None]
    return judge_quality(old, new, pl.concat(known) if known else None, rules)


def _quality_by_score(
    champion: Path,
    challenger: Path,
    corpus: Dataset,
    frozen: Sequence[str],
    rules: GateRules,
    gate: ScoreGate,
) -> Judgement:
    later = [source["sha256"] for source in corpus.sources if source["sha256"] not in frozen]
    parts = [corpus.made_of(frozen), corpus.made_of(later)]
    old, new = gate.compare(champion, challenger, parts)
    if old is None:
        raise BadInput(
            "a test split in what the first champion was trained from",
            got="none",
            todo="Put its files back, or train and register a model under another name.",
            source=corpus.folder,
        )
    return judge_scores(old, new, gate.measure, rules)


def answers_of_both(
    champion: Tagger, challenger: Tagger, corpus: Dataset, contents: Sequence[str], name: str
) -> TestAnswers | None:
    """Answers of both models to the labelled test sentences of some sources; None if there are none.

    Args:
        champion, challenger: models of the corpus' token unit.
        corpus: that has the sources.
        contents: sha256 of the sources.
        name: of the test set in messages.
    """
    found = [_answers(tagger, corpus, contents) for tagger in (champion, challenger)]
    if found[0] is None or found[1] is None:
        return None
    return TestAnswers(
        name=name,
        sentences=found[0].sentences.select("document", "sentence"),
        gold=found[0].gold,
        champion=found[0].predicted,
        challenger=found[1].predicted,
    )


def _answers(tagger: Tagger, corpus: Dataset, contents: Sequence[str]) -> Answers | None:
    parts = [Answers.of(tagger, part) for part in LabelledParts(tagger, corpus, "test", contents)]
    return Answers.join(parts) if parts else None


def first_verdict(name: str, version: str) -> Verdict | None:
    """The verdict on a first version, which registering it has made champion; None if it has not."""
    entries = promotion.entries_of(name)
    if not entries or entries[-1].version != version or not entries[-1].done:
        return None
    nothing = Judgement()
    judged = Judged(champion="", judged_by=version, quality=nothing, infrastructure=nothing)
    return Verdict(entry=entries[-1], judged=judged)


@task(
    task_run_name="decide on version {challenger} of {name}",
    tags=("registry",),
    retries=2,
    retry_delay_seconds=2,
)
def decide(name: str, challenger: str, judged: Judged) -> Verdict:
    """Make the challenger champion if it passed both gates, and enter the decision in the history."""
    entry = promotion.change(
        Decision(
            name=name,
            version=challenger,
            judged_against=judged.champion,
            why=judged.why,
            checks=judged.checks,
            passed=judged.passed,
        )
    )
    verdict = Verdict(entry=entry, judged=judged)
    publish_markdown("verdict", verdict.markdown(), f"version {challenger} of {name}: {entry.action}")
    return verdict
