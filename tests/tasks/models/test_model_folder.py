"""A model folder is the same for the same seed, and believed only as its passport describes it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from elman.data.errors import BadInput, IntegrityError
from elman.rnn.networks.weights import article, from_bytes
from elman.tasks.models import model_folder
from elman.tasks.models.passport import CorpusOrigin, GenePassport


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    """A copy of a model folder to spoil."""
    return Path(shutil.copytree(trained["model"], tmp_path / Path(trained["model"]).name))


def test_the_same_seed_gives_the_same_bytes(trained, names, train_in, tmp_path):
    again = train_in(tmp_path, names)
    assert Path(again["model"]).name == Path(trained["model"]).name
    assert contents(Path(again["model"])) == contents(Path(trained["model"]))


def test_another_seed_gives_another_version(trained, names, train_in, tmp_path):
    other = train_in(tmp_path, names, seed=1, overrides={"epochs": 1})
    assert Path(other["model"]).name.startswith("names-fast-s1-")
    assert (
        contents(Path(other["model"]))[model_folder.WEIGHTS]
        != contents(Path(trained["model"]))[model_folder.WEIGHTS]
    )


def test_the_version_is_the_folder_s_name_wherever_it_lies(folder):
    moved = folder.rename(folder.parent / "elsewhere")
    assert model_folder.read(moved).version == folder.name


def test_the_passport_names_inputs_code_and_settings_and_no_time(folder, names):
    passport = json.loads((folder / model_folder.PASSPORT).read_text())
    assert passport["corpus"]["name"] == "names"
    assert len(passport["corpus"]["digest"]) == len(passport["code"]) == len(passport["vocabulary"]) == 64
    assert passport["types"] == ["LOC", "PER"]
    assert passport["dev"]["f1"] > 0.5
    assert set(passport["files"]) == {model_folder.WEIGHTS, model_folder.VOCABULARY, "precision.json"}
    assert not {"time", "date", "started", "seconds", "run", "run_id"} & set(passport)


@pytest.mark.parametrize("name", [model_folder.WEIGHTS, model_folder.VOCABULARY])
def test_a_flipped_bit_is_refused_and_the_file_named(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(IntegrityError, match=name):
        model_folder.read(folder)


@pytest.mark.parametrize("name", [model_folder.WEIGHTS, model_folder.VOCABULARY])
def test_a_missing_file_is_refused_and_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(IntegrityError, match=name):
        model_folder.read(folder)


@pytest.mark.parametrize("name", ["model.pkl", "notes.txt", ".hidden"])
def test_a_file_more_is_refused_and_named(folder, name):
    (folder / name).write_bytes(b"x")
    with pytest.raises(IntegrityError, match=name):
        model_folder.read(folder)


@pytest.mark.parametrize("spoil", ["{", "[]", "{}", '{"files": {}, "format": "new"}'])
def test_what_is_no_passport_is_refused(folder, spoil):
    (folder / model_folder.PASSPORT).write_text(spoil)
    with pytest.raises(IntegrityError, match=model_folder.PASSPORT):
        model_folder.read(folder)


def test_an_edited_passport_does_not_go_by_the_old_name(folder):
    passport = json.loads((folder / model_folder.PASSPORT).read_text())
    passport["corpus"]["name"] = "another"
    (folder / model_folder.PASSPORT).write_text(json.dumps(passport))
    with pytest.raises(IntegrityError, match="another-fast-s0"):
        model_folder.read(folder)


def test_a_passport_cannot_name_files_outside_its_folder(folder):
    (folder.parent / "secret").write_bytes(b"x")
    passport = json.loads((folder / model_folder.PASSPORT).read_text())
    passport["files"]["../secret"] = passport["files"][model_folder.WEIGHTS]
    (folder / model_folder.PASSPORT).write_text(json.dumps(passport))
    moved = folder.rename(folder.parent / "m")
    with pytest.raises(IntegrityError, match="secret"):
        model_folder.read(moved)


def test_a_model_of_a_newer_format_is_bad_input(folder):
    passport = json.loads((folder / model_folder.PASSPORT).read_text())
    passport["format"] = model_folder.FORMAT + 1
    (folder / model_folder.PASSPORT).write_text(json.dumps(passport))
    with pytest.raises(BadInput, match="newer Elman"):
        model_folder.read(folder)


def test_a_failed_write_leaves_no_folder(home, monkeypatch):
    def fail(path, data):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(model_folder, "atomic_write", fail)
    origin = CorpusOrigin(name="c", digest="d", sources=[])
    passport = GenePassport(corpus=origin, preset="p", seed=0, config={})
    with pytest.raises(OSError, match="No space left"):
        model_folder.write(passport, {model_folder.WEIGHTS: b"w"})
    assert not [path for path in (home / "models").iterdir() if not path.name.startswith(".")]


def test_a_model_is_found_by_folder_by_name_and_by_run(trained, tracked_home):
    from elman.tasks.runtime import run_record

    folder = Path(trained["model"])
    assert model_folder.resolve(str(folder)) == folder
    shutil.copytree(folder, tracked_home / "models" / folder.name)
    assert model_folder.resolve(folder.name) == tracked_home / "models" / folder.name
    run = run_record.start("train", "t", {})
    run.log_model(folder)
    assert model_folder.resolve(run.id) == folder


@pytest.mark.parametrize("name", ["./nowhere", "some/where", "models:/nobody@champion", "nothing"])
def test_a_model_that_is_nowhere_is_bad_input(tracked_home, name):
    with pytest.raises(BadInput, match="nobody" if ":" in name else "model"):
        model_folder.resolve(name)


def test_the_article_preset_has_the_article_s_matrices(names, train_in, tmp_path):
    fitted = train_in(tmp_path, names, preset="article", overrides={"epochs": 1})
    params, network, _ = from_bytes(model_folder.read(Path(fitted["model"])).files[model_folder.WEIGHTS])
    matrices = article(params, network)
    assert matrices.Waa.shape == (100, 100)
    assert matrices.Wax.shape == (100, 10_000)
    assert matrices.Wa.shape == (100, 10_100)
    np.testing.assert_array_equal(matrices.Wa, np.hstack([matrices.Waa, matrices.Wax]))


def test_loading_a_model_imports_neither_prefect_nor_mlflow(trained, checkout):
    code = (
        "import sys, elman\n"
        f"print(elman.load({trained['model']!r}).tag('Kalason met Tibeson in Molaburg .'))\n"
        "assert not {'mlflow', 'prefect', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "type='LOC'" in done.stdout
