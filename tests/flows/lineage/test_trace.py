"""`elman trace`: the whole chain both ways, offline; what does not fit is named; bad ids are explained."""

import json
import random
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset
from elman.flows import cli
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.lineage.trace import trace
from elman.tasks.training.text import TrainRequest, encode_corpus, fit_tagger

pytestmark = pytest.mark.heavy


def traced(capsys, *arguments: str, code: int = 0) -> dict:
    assert cli.main(["trace", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def ways(steps: list[dict]) -> set[tuple[str, str, str]]:
    return {(step["kind"], step["name"], step["relation"]) for step in steps}


def test_an_output_is_traced_to_its_sources(made, capsys):
    found = traced(capsys, str(made.out))
    chain = ways(found["came_from"])
    assert {
        ("model", made.model.name, "tagged by"),
        ("source", "page.txt", "tags"),
        ("source", "train.conll", "learnt from"),
        ("source", "dev.conll", "chosen by"),
        ("source", "test.conll", "scored on"),
        ("corpus", "letters", "trained on"),
        ("run", "letters fast s0", "is made by"),
        ("run", "letters", "is made by"),
        ("run", f"tagged by {made.model.name}", "is made by"),
    } == chain
    assert {step["state"] for step in found["came_from"] if step["kind"] in ("model", "corpus")} == {"fits"}
    assert found["broken"] == []


def test_a_row_names_its_text_its_source_and_its_model(made, capsys):
    found = traced(capsys, f"{made.out}#0")
    assert found["facts"]["model"] == made.model.name
    assert ("source", "page.txt", "was found in") in ways(found["came_from"])
    assert ("source", "train.conll", "learnt from") in ways(found["came_from"])


def test_a_model_has_its_registered_version_and_its_outputs(made, capsys):
    found = traced(capsys, made.model.name)
    assert ("registered version", "models:/names/1", "registers") in ways(found["used_for"])
    assert ("output", "tagged", "tagged by") in ways(found["used_for"])
    passport = json.loads((made.model / "passport.json").read_text())
    assert found["facts"]["weights"] == passport["files"]["weights.safetensors"]
    assert found["facts"]["vocabulary"] == passport["vocabulary"]
    assert found["facts"]["commit"] == passport["commit"]
    assert json.loads(found["facts"]["network"]) == passport["network"]


@pytest.mark.parametrize("name", ["models:/names/1", "models:/names@champion"])
def test_a_registered_version_leads_to_its_model(made, capsys, name):
    found = traced(capsys, name)
    assert ("model", made.model.name, "registers") in ways(found["came_from"])
    assert found["facts"]["aliases"] == "champion"


@pytest.mark.parametrize("name", ["train.conll", "path"])
def test_which_models_learnt_from_a_file(made, capsys, name):
    found = traced(capsys, str(made.sources / "train.conll") if name == "path" else name)
    used = ways(found["used_for"])
    assert ("model", made.model.name, "learnt from") in used
    assert ("output", "tagged", "tagged by") in used
    assert ("registered version", "models:/names/1", "registers") in used
    assert {kind for kind, *_ in used} == {"corpus", "cache", "model", "run", "registered version", "output"}
    assert cli.main(["trace", "train.conll"]) == 0
    assert f"Learnt from it: {made.model.name}." in capsys.readouterr().out


def test_a_model_that_was_only_scored_on_a_file_did_not_learn_from_it(made, capsys):
    found = traced(capsys, "test.conll")
    assert ("model", made.model.name, "scored on") in ways(found["used_for"])
    assert "output" not in {step["kind"] for step in found["used_for"]}
    assert cli.main(["trace", "test.conll"]) == 0
    assert "No model here learnt from it" in capsys.readouterr().out


def test_a_document_of_a_corpus(made, capsys):
    documents = Dataset.open(made.home / "corpora" / "letters").scan("documents").collect()
    document = documents.filter(source="train.conll")["document"][0]
    found = traced(capsys, f"letters#{document}")
    assert found["facts"]["split"] == "train"
    assert ("model", made.model.name, "learnt from") in ways(found["used_for"])


def test_a_file_that_nothing_holds(made, capsys, tmp_path):
    other = tmp_path / "train.conll"
    other.write_text("other O\n\n")
    found = traced(capsys, str(other))
    assert found["used_for"] == []
    assert "another content" in found["facts"]["same name"]


def test_files_in_a_folder_and_in_an_archive_are_found_by_their_content(made, capsys, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", made.sources, "train.conll")
    for place in (made.sources, Path(archive)):
        assert ("model", made.model.name, "learnt from") in ways(traced(capsys, str(place))["used_for"])


def test_the_drawing_is_well_formed_and_escaped(made, capsys, tmp_path):
    picture = tmp_path / "trace.svg"
    traced(capsys, str(made.out), "--svg", str(picture))
    root = ET.fromstring(picture.read_text())
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "train.conll" in texts
    assert made.out.name in texts


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "which is none of these"),
        ("2", "which is none of these"),
        ("letters#none", "expected a document of the corpus"),
        ("tagged#99999", "expected the number of a row"),
        ("tagged#x", "expected the number of a row"),
        ("names#1", "which is none of these"),
    ],
)
def test_an_id_that_means_nothing(made, capsys, name, message):
    assert cli.main(["trace", name.replace("tagged", str(made.out))]) == 3
    assert message in capsys.readouterr().err


def test_an_id_that_means_several_things(made, capsys):
    assert cli.main(["trace", "2026"]) in (0, 3)
    capsys.readouterr()
    shutil.copytree(made.out, made.home / "tagged" / "letters")
    try:
        assert cli.main(["trace", "letters"]) == 3
        error = capsys.readouterr().err
    finally:
        shutil.rmtree(made.home / "tagged")
    assert "which means 2: corpus" in error
    assert "output" in error


def test_a_run_whose_files_are_gone(made, capsys):
    (run,) = (made.home / "runs").glob("*-train-*")
    hidden = run.parent.parent / "hidden"
    (run / "artifacts").rename(hidden)
    try:
        found = traced(capsys, run.name, code=4)
    finally:
        hidden.rename(run / "artifacts")
    assert [of["path"] for of in found["broken"]] == [str(run / "artifacts")]
    assert "Got none" in found["broken"][0]["message"]


def test_a_model_that_is_gone(made, capsys):
    hidden = made.home / "hidden"
    made.model.rename(hidden)
    try:
        found = traced(capsys, str(made.out), code=4)
    finally:
        hidden.rename(made.model)
    assert str(made.model) in {of["path"] for of in found["broken"]}


def changeable(made) -> list[Path]:
    files = [*made.model.iterdir(), *made.out.rglob("*.parquet"), made.out / "manifest.json"]
    return sorted([*files, made.home / "corpora" / "letters" / "manifest.json"])


def names_change(made, path: Path) -> bool:
    """Trace from the output and from what the file is of; true if each names the file."""
    at = [str(made.out)]
    codes = []
    for name in at:
        try:
            found = trace(name)
        except Exception as error:
            codes.append(str(path) in str(error))
        else:
            codes.append(str(path) in {of.path for of in found.problems})
    return all(codes)


def test_a_changed_byte_in_any_file_is_named(made, restored):
    for path in changeable(made):
        raw = path.read_bytes()
        restored(path)
        assert names_change(made, path), path
        path.write_bytes(raw)


@pytest.mark.slow
def test_200_changes_of_single_bytes_are_named(made, restored):
    rng, files = random.Random(0), changeable(made)
    for number in range(200):
        path = files[number % len(files)]
        raw = path.read_bytes()
        restored(path, rng.randrange(len(raw)))
        assert names_change(made, path), path
        path.write_bytes(raw)


def test_a_corpus_that_grew_is_no_broken_link(made, capsys, tmp_path, monkeypatch):
    home = tmp_path / "home"
    shutil.copytree(made.home, home)
    for record in (home / "runs").glob("*/run.json"):
        record.write_text(record.read_text().replace(str(made.home), str(home)))
    monkeypatch.setenv("ELMAN_HOME", str(home))
    new = tmp_path / "new.conll"
    new.write_text("Zara B-PER\nsleeps O\n\n")
    ingest.fn(IngestConfig(sources=(new,), name="letters", as_="train"))
    found = traced(capsys, made.model.name)
    (corpus,) = [step for step in found["came_from"] if step["kind"] == "corpus"]
    assert corpus["state"] == "grown"
    assert "new.conll" not in {step["name"] for step in found["came_from"]}
    assert {kind for kind, *_ in ways(traced(capsys, str(new))["used_for"])} == {"corpus"}


def sentences(made_up, number: int) -> str:
    return "".join(
        "".join(" ".join(pair.rsplit("/", 1)) + "\n" for pair in line.split()) + "\n"
        for *_, line in made_up(4, 100 + number)
    )


def test_withdrawn_files_lead_to_all_that_holds_them_and_no_others(
    home, tmp_path, invented_rows, monkeypatch, made
):
    """20 files in four corpora, one of which grows between two trainings; three models, two outputs."""
    monkeypatch.setenv("ELMAN_HOME", str(home))
    files = [tmp_path / f"letter{number}.conll" for number in range(20)]
    for number, path in enumerate(files):
        path.write_text(sentences(invented_rows, number))

    def add(corpus: str, some: slice) -> None:
        ingest.fn(IngestConfig(sources=tuple(files[some]), name=corpus, as_="train"))

    def fit(corpus: str, seed: int) -> str:
        folder = home / "corpora" / corpus
        request = TrainRequest(
            corpus=folder,
            encoded=Path(encode_corpus(str(folder), "fast")),
            preset="fast",
            seed=seed,
            overrides={"epochs": 1},
        )
        return Path(fit_tagger(request).model).name

    holds: dict[str, set[int]] = {}
    add("one", slice(0, 6))
    first = fit("one", 0)
    add("one", slice(6, 9))
    second = fit("one", 1)
    add("two", slice(8, 14))
    third = fit("two", 0)
    add("none", slice(14, 18))
    for model, of in ((first, range(6)), (second, range(9)), (third, range(8, 14))):
        holds[model] = set(of)
    for name, model, source in (("a", first, 18), ("b", third, 3)):
        out = home / "tagged" / name
        tag.fn(TagConfig(model=model, sources=(files[source],), out=out, workers=0))
        holds[f"output {name}"] = {source} | holds[model]
    for name, of in (("one", range(9)), ("two", range(8, 14)), ("none", range(14, 18))):
        holds[f"corpus {name}"] = set(of)
    for number, path in enumerate(files):
        found = trace(str(path))
        held = {
            step.name if step.key.kind == "model" else f"{step.key.kind} {step.name}"
            for step in found.down
            if step.key.kind in ("model", "output", "corpus")
        }
        assert held == {name for name, of in holds.items() if number in of}, path
        assert found.problems == ()
