"""`elman clean`: what nothing refers to is listed, removed on request, and nothing else ever is."""

import json
import shutil

import pytest

from elman.flows import cli
from elman.flows.train import TrainConfig, train
from elman.tasks.runtime.run_record import MadeModel

pytestmark = pytest.mark.heavy


@pytest.fixture
def own(made, tmp_path, monkeypatch):
    """A copy of the made home, in which a second model was trained that is not registered."""
    home = tmp_path / "home"
    shutil.copytree(made.home, home)
    for record in (home / "runs").glob("*/run.json"):  # their paths are those of the copy
        record.write_text(record.read_text().replace(str(made.home), str(home)))
    monkeypatch.setenv("ELMAN_HOME", str(home))
    trained = train.fn(TrainConfig(corpus="letters", preset="fast", epochs=1, seed=7))
    return home, home / "models" / trained.model.rpartition("/")[2]


def cleaned(capsys, *arguments: str) -> dict:
    assert cli.main(["clean", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_is_dry_unless_it_is_told(own, capsys):
    home, model = own
    before = sorted(home.rglob("*"))
    found = cleaned(capsys, "--keep", "0")
    assert str(model) in [entry["path"] for entry in found["unused"]]
    assert not found["removed"]
    assert [path for path in before if not path.exists()] == []
    assert cli.main(["clean", "--keep", "0"]) == 0
    assert "Nothing was removed: say --remove." in capsys.readouterr().out


def test_a_registered_model_and_what_it_came_from_stay(own, made, capsys):
    home, model = own
    found = cleaned(capsys, "--keep", "0", "--remove")
    kinds = sorted(entry["kind"] for entry in found["unused"])
    assert kinds == ["model", "run"]
    assert not model.exists()
    assert (home / "models" / made.model.name).is_dir()
    runs = [json.loads(path.read_text())["kind"] for path in (home / "runs").glob("*/run.json")]
    assert sorted(runs) == ["ingest", "tag", "train"]
    assert cli.main(["trace", made.model.name]) == 0
    capsys.readouterr()
    assert cleaned(capsys, "--keep", "0")["unused"] == []
    assert list((home / "tmp").glob("clean-*")) == []


def test_the_newest_runs_keep_their_models(own, capsys):
    _, model = own
    assert cleaned(capsys, "--keep", "1", "--remove")["unused"] == []
    assert model.is_dir()


def test_of_each_kind_the_newest_stay(old_run, capsys):
    runs = [old_run("evaluate", day) for day in range(4)] + [old_run("check", 9)]
    found = cleaned(capsys, "--keep", "2", "--remove")
    assert [entry["path"] for entry in found["unused"]] == [str(run.folder) for run in runs[:2]]
    assert [run.folder.exists() for run in runs] == [False, False, True, True, True]


def test_a_run_with_its_parts_stays_or_goes_as_a_whole(old_run, capsys):
    parent = old_run("ladder", 1)
    part = old_run("rung", 2, parent=parent.id)
    assert cleaned(capsys, "--keep", "1")["unused"] == []
    old_run("ladder", 3)
    old_run("rung", 4)
    unused = {entry["path"] for entry in cleaned(capsys, "--keep", "1")["unused"]}
    assert unused == {str(parent.folder), str(part.folder)}


def test_runs_that_mlflow_does_not_have_yet_stay(old_run, capsys):
    old_run("train", 1).save(sent=False)
    old_run("train", 2)
    assert cleaned(capsys, "--keep", "1")["unused"] == []


def test_nothing_is_removed_while_a_run_goes_on(old_run, capsys):
    old_run("train", 1)
    old_run("train", 2)
    going = old_run("tag", 3)
    going.save(status="RUNNING", started_ms=9_999_999_999_999)
    assert cli.main(["clean", "--keep", "1", "--remove"]) == 5
    assert going.id in capsys.readouterr().err


def test_a_record_that_cannot_be_read_stops_it(old_run, capsys):
    run = old_run("train", 1)
    old_run("train", 2)
    (run.folder / "run.json").write_text("no")
    assert cli.main(["clean", "--keep", "0", "--remove"]) == 4
    assert str(run.folder / "run.json") in capsys.readouterr().err
    assert run.folder.exists()


def test_models_stay_where_the_registry_is_no_file(own, capsys, monkeypatch):
    _, model = own
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    found = cleaned(capsys, "--keep", "0")
    assert str(model) not in [entry["path"] for entry in found["unused"]]
    assert "all models stay" in found["notes"][0]


def test_crashes_and_checkpoints_of_no_run_go(home, old_run, capsys):
    (home / "crashes").mkdir(parents=True)
    for name in ("1", "2", "3"):
        (home / "crashes" / f"{name}.txt").write_text("x")
    (home / "training" / "abc").mkdir(parents=True)
    unused = cleaned(capsys, "--keep", "2")["unused"]
    assert [(entry["kind"], entry["path"].rpartition("/")[2]) for entry in unused] == [
        ("checkpoint", "abc"),
        ("crash", "1.txt"),
    ]
    old_run("train", 1).save(status="KILLED")
    assert [entry["kind"] for entry in cleaned(capsys, "--keep", "2")["unused"]] == ["crash"]


def test_an_output_named_from_an_unknown_folder_keeps_its_model(home, old_run, capsys):
    (home / "models" / "m").mkdir(parents=True)
    passport = {"corpus": {"name": "c", "digest": "d", "sources": []}, "files": {}, "preset": "p", "seed": 0}
    (home / "models" / "m" / "passport.json").write_text(json.dumps(passport))
    run = old_run("train", 1, model=MadeModel(folder=str(home / "models" / "m")))
    tagging = old_run("tag", 2, params={"model": "m", "out": "somewhere/else"})
    found = cleaned(capsys, "--keep", "0")
    assert found["unused"] == []
    assert "1 runs of `tag`" in found["notes"][0]
    tagging.save(params={"model": "m", "out": "/somewhere/else"})
    unused = {entry["path"] for entry in cleaned(capsys, "--keep", "0")["unused"]}
    assert unused == {str(run.folder), str(tagging.folder), str(home / "models" / "m")}
