"""`elman diff`: settings, data, F1 by type with significance, and the sentences that differ."""

import json
import shutil
from dataclasses import replace

import pytest

from elman.flows import cli
from elman.flows.tag import TagConfig, tag
from elman.flows.train import TrainConfig, train

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def made_and_other(made_once, tmp_path_factory):
    """A copy of the home with a better model of the same corpus, and an output of it."""
    home = tmp_path_factory.mktemp("diff") / "home"
    shutil.copytree(made_once.home, home)
    for record in (home / "runs").glob("*/run.json"):  # their paths are those of the copy
        record.write_text(record.read_text().replace(str(made_once.home), str(home)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        trained = train.fn(TrainConfig(corpus="letters", preset="fast", epochs=12, seed=3))
        out = home.parent / "tagged-again"
        page = made_once.sources / "page.txt"
        tag.fn(TagConfig(model=trained.model, sources=(page,), out=out, workers=0))
    return replace(made_once, home=home), trained.model.rpartition("/")[2], out


@pytest.fixture
def made(made_and_other, monkeypatch):
    """The home of both models."""
    monkeypatch.setenv("ELMAN_HOME", str(made_and_other[0].home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made_and_other[0]


@pytest.fixture
def other(made_and_other):
    """The second model, and its output."""
    return made_and_other[1:]


def compared(capsys, *arguments: str) -> dict:
    assert cli.main(["diff", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_two_models(made, other, capsys):
    found = compared(capsys, made.model.name, other[0])
    settings = {of["name"]: (of["a"], of["b"]) for of in found["settings"]}
    assert settings["seed"] == (0, 3)
    assert settings["fit.epochs"] == (1, 12)
    assert "preset" not in settings
    assert found["data"] == {"same": 3, "only_a": [], "only_b": []}
    every = found["models"]["types"][0]
    scored = [json.loads((made.home / "models" / name / "passport.json").read_text()) for name in other[:1]]
    assert scored[0]["dev"]["f1"] > 0.5
    assert every["b"] > every["a"]
    assert every["low"] <= every["difference"] <= every["high"]
    assert every["difference"] == pytest.approx(every["b"] - every["a"])
    assert every["significant"]
    assert {of["type"] for of in found["models"]["types"]} == {"all types", "LOC", "PER"}
    assert found["models"]["differing"] >= len(found["models"]["differing_sentences"]) > 0
    first = found["models"]["differing_sentences"][0]
    assert first["a"] != first["b"]
    assert first["text"]


def test_scores_are_those_of_evaluate(made, other, capsys):
    every = compared(capsys, made.model.name, other[0])["models"]["types"][0]
    assert cli.main(["evaluate", other[0], "letters", "--json"]) == 0
    assert every["b"] == pytest.approx(json.loads(capsys.readouterr().out)["f1"])


def test_a_model_differs_from_itself_in_nothing(made, other, capsys):
    found = compared(capsys, "models:/names/1", made.model.name)
    assert found["settings"] == []
    assert "models" not in found
    assert "both are of one model" in found["notes"][0]


def test_two_runs_have_their_metrics(made, other, capsys):
    runs = [path.name for path in sorted((made.home / "runs").glob("*-train-*"))]
    found = compared(capsys, *runs)
    assert found["metrics"]["test_f1"]["a"] != found["metrics"]["test_f1"]["b"]
    assert "models" in found
    assert {"run.seed", "run.epochs"} <= {of["name"] for of in found["settings"]}


def test_two_outputs_agree_by_type(made, other, capsys):
    found = compared(capsys, str(made.out), str(other[1]))
    every, *types = found["outputs"]["types"]
    for name in ("both", "only_a", "only_b"):
        assert every[name] == sum(of[name] for of in types)
    assert every["only_a"] + every["only_b"] > 0
    assert found["outputs"]["differing"] > 0
    assert compared(capsys, str(made.out), str(made.out))["outputs"]["types"][0]["agreement_f1"] == 1
    assert cli.main(["diff", str(made.out), str(other[1])]) == 0
    assert "Sentences where they differ" in capsys.readouterr().out


@pytest.mark.parametrize("pair", [("letters", "letters"), ("models:/names/1", "run")])
def test_what_cannot_be_compared_is_a_usage_error(made, capsys, pair):
    run = next((made.home / "runs").glob("*-tag-*")).name
    assert cli.main(["diff", *(run if name == "run" else name for name in pair)]) == 2
    assert "expected" in capsys.readouterr().err
