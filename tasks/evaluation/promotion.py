"""Promotion of a challenger to champion: both are scored on the same frozen test documents.

Names, aliases and verdicts are stored in MLflow's registry. The test set is the test split of the sources of
the first champion's corpus, identified by content; each later champion inherits it, so scores stay comparable
when the corpus grows and files are renamed.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elman.data.corpus.about import about_in
from elman.data.store.dataset import Dataset
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync, registry
from elman.tasks.runtime.orchestration import task

DIGEST, VERDICT, JUDGED_BY = "elman.corpus", "elman.verdict", "elman.judged_by"


def corpus_tags(folder: Path) -> dict[str, str]:
    """Tags of a registered version that tell `find_challenger` which corpus it was trained on."""
    corpus = Dataset.open(folder)
    about = {f"elman.corpus.{name}": text for name, text in about_in(corpus.meta).items()}
    return {DIGEST: corpus.digest, **about}


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
class CandidateScores:
    """Scores of champion and challenger on the frozen test documents.

    Attributes:
        champion: its version, or "" if there is none yet; then there are no scores.
        judged_by: the version whose corpus gives the test set.
        champion_score, challenger_score: of `tasks.evaluation.text.headline`.
    """

    champion: str
    judged_by: str
    champion_score: float | None = None
    challenger_score: float | None = None

    def metrics(self) -> dict[str, float]:
        """Metrics of the run in MLflow."""
        both = {"champion_score": self.champion_score, "challenger_score": self.challenger_score}
        return {name: score for name, score in both.items() if score is not None}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Verdict on a challenger, with its reason."""

    promoted: bool
    why: str
    challenger: str
    scores: CandidateScores

    @property
    def champion(self) -> str:
        """Version that is champion after the verdict."""
        return self.challenger if self.promoted else self.scores.champion

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; scores only if there are any."""
        scores = {name: value for name, value in asdict(self.scores).items() if value is not None}
        return {"promoted": self.promoted, "why": self.why, "challenger": self.challenger, **scores}


@task(task_run_name="find the challenger of {name}", tags=("registry",), retries=2, retry_delay_seconds=2)
def find_challenger(name: str, corpus: str) -> Challenger:
    """Find the version that was trained on the current state of the corpus."""
    mlflow_sync.send_pending()  # a training that ended while MLflow was down may be the one
    digest = Dataset.open(corpus_folder(corpus)).digest
    for version in reversed(registry.versions(name)):
        if version.tags.get(DIGEST) == digest:
            verdict = version.tags.get(VERDICT, "")
            why = f"nothing new since version {version.version}, which was {verdict}" if verdict else ""
            return Challenger(version=version.version, judged=bool(verdict), why=why)
    return Challenger()


@task(
    task_run_name="score version {challenger} of {name} and the champion",
    tags=("registry",),
    retries=2,
    retry_delay_seconds=2,
)
def judge(name: str, challenger: str, corpus: str) -> CandidateScores:
    """Score champion and challenger on the frozen test documents."""
    from elman.tasks.evaluation.text import headline

    champion = registry.champion(name)
    if champion is None or champion.version == challenger:
        return CandidateScores(champion="", judged_by=challenger)
    judged_by = champion.tags.get(JUDGED_BY, champion.version)
    contents = [
        source["sha256"] for source in model_folder.read(_folder(name, judged_by)).passport.corpus.sources
    ]
    return CandidateScores(
        champion=champion.version,
        judged_by=judged_by,
        champion_score=headline(_folder(name, champion.version), corpus, contents),
        challenger_score=headline(_folder(name, challenger), corpus, contents),
    )


def _folder(name: str, version: str) -> Path:
    return registry.resolve_model(f"models:/{name}/{version}")


@task(
    task_run_name="decide on version {challenger} of {name}",
    tags=("registry",),
    retries=2,
    retry_delay_seconds=2,
)
def decide(name: str, challenger: str, scores: CandidateScores) -> Verdict:
    """Move the `champion` alias if the challenger is better, and record the verdict with its reason."""
    new, old = scores.challenger_score, scores.champion_score
    if new is None or old is None:
        promoted, why = True, "the first model becomes champion"
    else:
        promoted = new > old
        relation = "above" if promoted else "not above"
        why = f"challenger {new:.4f} is {relation} champion {old:.4f} on the champion's test documents"
    if promoted:
        registry.set_version_tag(name, challenger, JUDGED_BY, scores.judged_by)
        registry.promote(name, challenger, why)
    registry.set_version_tag(name, challenger, VERDICT, "promoted" if promoted else "kept out")
    return Verdict(promoted=promoted, why=why, challenger=challenger, scores=scores)
