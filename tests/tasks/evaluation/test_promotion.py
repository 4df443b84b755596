"""Retraining: a challenger becomes champion only by being better on the champion's test documents."""

import json
from pathlib import Path

import pytest

from elman.data.errors import UsageError
from elman.flows.retrain import RetrainConfig, retrain
from elman.tasks.evaluation.promotion import JUDGED_BY, VERDICT
from elman.tasks.models import model_folder
from elman.tasks.runtime import mlflow_connection, registry

pytestmark = pytest.mark.heavy


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Sentences as CoNLL, a document a name."""
    lines, last = [], ""
    for document, _, line in rows:
        if document != last:
            lines.append("-DOCSTART-\tO\n")
            last = document
        lines += [item.replace("/", "\t") for item in line.rsplit("\n")[0].split()] + [""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def mislabelled(rows, *swaps):
    """The same sentences with wrong types."""
    out = []
    for document, split, line in rows:
        for old, new in swaps:
            line = line.replace(f"-{old}", f"-{new}")  # noqa: PLW2901
        out.append((document, split, line))
    return out


@pytest.fixture
def inbox(tmp_path) -> Path:
    return tmp_path / "inbox"


@pytest.fixture
def run(tracked_home, inbox):
    def run(**options):
        return retrain.fn(
            RetrainConfig(corpus="mail", sources=(inbox,), model="names", preset="fast", **options)
        ).to_json()

    return run


def champion() -> str:
    version = registry.champion("names")
    assert version is not None
    return version.version


def test_promotion_from_the_first_model_to_a_better_one(run, inbox, invented_rows):
    write(inbox / "a.train.conll", mislabelled(invented_rows(200, 1), ("PER", "LOC")))
    write(inbox / "a.test.conll", invented_rows(100, 2))
    first = run()
    assert (first["trained"], first["promoted"], first["why"]) == (
        True,
        True,
        "the first model becomes champion",
    )
    assert champion() == "1"

    again = run()
    assert (again["trained"], again["promoted"]) == (False, False)
    assert "nothing new since version 1, which was promoted" in again["why"]

    write(inbox / "b.train.conll", mislabelled(invented_rows(900, 3), ("PER", "ORG"), ("LOC", "PER")))
    worse = run()
    assert (worse["trained"], worse["promoted"]) == (True, False)
    assert worse["challenger_score"] < worse["champion_score"]
    assert champion() == "1"
    assert "which was kept out" in run()["why"]

    write(inbox / "c.train.conll", invented_rows(2500, 4))
    write(inbox / "a.test.conll", mislabelled(invented_rows(100, 5), ("PER", "LOC")))  # the name is not new
    better = run()
    assert (better["trained"], better["promoted"]) == (True, True)
    assert better["challenger_score"] > better["champion_score"]
    assert champion() == "3"
    tags = [version.tags for version in registry.versions("names")]
    assert [t[VERDICT] for t in tags] == ["promoted", "kept out", "promoted"]
    assert [t.get(JUDGED_BY) for t in tags] == ["1", None, "1"]
    judged = model_folder.read(registry.resolve_model("models:/names/1")).passport.corpus.sources
    assert [source["name"] for source in judged] == ["a.test.conll", "a.train.conll"]


def test_a_run_stopped_before_its_verdict_scores_without_training_again(run, inbox, invented_rows):
    write(inbox / "a.conll", invented_rows(60, 1))
    run()
    write(inbox / "c.conll", invented_rows(300, 3))
    done = run()
    client = mlflow_connection.connect().MlflowClient()
    client.delete_model_version_tag("names", done["challenger"], VERDICT)
    resumed = run()
    assert resumed["trained"] is False
    assert resumed["challenger"] == done["challenger"]
    assert json.dumps(resumed["why"])


@pytest.mark.parametrize("name", ["../x", "Names", "a b", "", "x" * 65])
def test_a_model_name_cannot_leave_its_folder(name):
    with pytest.raises(UsageError, match="expected --model"):
        RetrainConfig(corpus="mail", sources=(Path("x"),), model=name)
