"""Promotion of a challenger to champion: both are scored on the same frozen test documents.

Names, aliases and verdicts are stored in MLflow's registry. The test set is the test split of the sources of
the first champion's corpus, identified by content; each later champion inherits it, so scores stay comparable
when the corpus grows and files are renamed.
"""

from pathlib import Path
from typing import Any

from elman.data.store.dataset import Dataset
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_sync, registry
from elman.tasks.runtime.orchestration import task

DIGEST, VERDICT, JUDGED_BY = "elman.corpus", "elman.verdict", "elman.judged_by"


def corpus_tags(folder: Path) -> dict[str, str]:
    """Tags of a registered version that tell `find_challenger` which corpus it was trained on."""
    return {DIGEST: Dataset.open(folder).digest}


@task
def find_challenger(name: str, corpus: str) -> dict[str, Any]:
    """Find the version that was trained on the current state of the corpus.

    Returns:
        challenger: its number or ""; judged: True if it has a verdict; why: message for the user.
    """
    mlflow_sync.send_pending()  # a training that ended while MLflow was down may be the one
    digest = Dataset.open(corpus_folder(corpus)).digest
    for version in reversed(registry.versions(name)):
        if version.tags.get(DIGEST) == digest:
            verdict = version.tags.get(VERDICT, "")
            why = f"nothing new since version {version.version}, which was {verdict}" if verdict else ""
            return {"challenger": version.version, "judged": bool(verdict), "why": why}
    return {"challenger": "", "judged": False, "why": ""}


@task
def judge(name: str, challenger: str, corpus: str) -> dict[str, Any]:
    """Score champion and challenger on the frozen test documents.

    Returns:
        champion: its version, or "" if there is none yet; judged_by: the version whose corpus gives the test
        set; champion_score and challenger_score as from `tasks.evaluation.text.headline`.
    """
    from elman.tasks.evaluation.text import headline

    champion = registry.champion(name)
    if champion is None or champion.version == challenger:
        return {"champion": "", "judged_by": challenger}
    judged_by = champion.tags.get(JUDGED_BY, champion.version)
    contents = [
        source["sha256"]
        for source in model_folder.read(_folder(name, judged_by)).passport["corpus"]["sources"]
    ]
    scores = {
        f"{role}_score": headline(_folder(name, version), corpus, contents)
        for role, version in (("champion", champion.version), ("challenger", challenger))
    }
    return {"champion": champion.version, "judged_by": judged_by, **scores}


def _folder(name: str, version: str) -> Path:
    return registry.resolve_model(f"models:/{name}/{version}")


@task
def decide(name: str, challenger: str, scores: dict[str, Any]) -> dict[str, Any]:
    """Move the `champion` alias if the challenger is better, and record the verdict with its reason.

    Returns:
        promoted, why, challenger, and the result of `judge`.
    """
    if not scores["champion"]:
        promoted, why = True, "the first model becomes champion"
    else:
        new, old = scores["challenger_score"], scores["champion_score"]
        promoted = new > old
        relation = "above" if promoted else "not above"
        why = f"challenger {new:.4f} is {relation} champion {old:.4f} on the champion's test documents"
    if promoted:
        registry.set_version_tag(name, challenger, JUDGED_BY, scores["judged_by"])
        registry.promote(name, challenger, why)
    registry.set_version_tag(name, challenger, VERDICT, "promoted" if promoted else "kept out")
    return {"promoted": promoted, "why": why, "challenger": challenger, **scores}
