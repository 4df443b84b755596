"""Choice of the model for unfinished and existing outputs."""

from dataclasses import replace
from pathlib import Path

import pytest

from elman.data.errors import UsageError
from elman.data.store.dataset import Dataset
from elman.tasks.models import model_folder as models


@pytest.fixture
def two_models(trained, tracked_home) -> tuple[Path, Path]:
    """The same weights under two passports, hence versions."""
    loaded = models.read(Path(trained["model"]))
    one, two = (models.write(replace(loaded.passport, seed=seed), loaded.files) for seed in (1, 2))
    return one, two


@pytest.fixture
def moving(monkeypatch, two_models) -> dict[str, Path]:
    """Folder by registered name; the first model to begin with."""
    meant = {"models:/names@champion": two_models[0]}
    monkeypatch.setattr(models, "resolve", lambda name: meant.get(name) or Path(name))
    return meant


def test_an_unfinished_run_resumes_with_its_model_after_the_alias_moved(
    run, committed, two_models, moving, tmp_path, lines, write_jsonl, stopped_after
):
    first, second = two_models
    source = write_jsonl(tmp_path / "a.jsonl", lines)
    with stopped_after(2):
        run(source, model="models:/names@champion", shard_size="400")
    moving["models:/names@champion"] = second
    with pytest.raises(UsageError, match="unfinished run") as error:
        run(source, model=second, shard_size="400")
    assert first.name in str(error.value)
    assert second.name in str(error.value)
    summary = run(source, model="models:/names@champion", shard_size="400")
    assert (summary["model"], summary["reused"]) == (first.name, 2)
    assert committed()["model"].unique().to_list() == [first.name]


def test_new_sources_get_the_model_of_the_output_after_the_alias_moved(
    run, committed, two_models, moving, tmp_path, capsys, lines, write_jsonl
):
    first, second = two_models
    source, more = (write_jsonl(tmp_path / f"{name}.jsonl", lines) for name in "ab")
    run(source, model="models:/names@champion")
    moving["models:/names@champion"] = second
    summary = run(source, more, model="models:/names@champion")
    assert (summary["model"], summary["moved"]) == (first.name, second.name)
    assert (summary["shards"], summary["reused"]) == (2, 1)
    assert f"now means {second.name}" in capsys.readouterr().err
    assert committed()["model"].unique().to_list() == [first.name]
    with pytest.raises(UsageError, match=r"expected output made with model.*--retag"):
        run(source, model=second)


def test_retagging_replaces_the_output_when_all_of_it_is_tagged(
    run, committed, two_models, moving, tmp_path, lines, write_jsonl, stopped_after
):
    first, second = two_models
    source, more = (write_jsonl(tmp_path / f"{name}.jsonl", lines) for name in "ab")
    run(source, more, model="models:/names@champion", shard_size="800")
    moving["models:/names@champion"] = second
    with pytest.raises(UsageError, match=r"expected all its sources.*b\.jsonl"):
        run(source, model="models:/names@champion", retag=True)
    with stopped_after(3):
        run(source, more, model="models:/names@champion", retag=True, shard_size="800")
    assert committed()["model"].unique().to_list() == [first.name]
    summary = run(source, more, model="models:/names@champion", retag=True, shard_size="800")
    assert (summary["model"], summary["reused"]) == (second.name, 3)
    assert committed()["model"].unique().to_list() == [second.name]
    names = {path.name for path in (tmp_path / "out" / "data").iterdir()}
    assert names == {Path(shard.files["data"].path).name for shard in Dataset.open(tmp_path / "out").shards}
