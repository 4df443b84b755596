"""A home with two corpora, models of each, an output, and the records of all that."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.flows.train import TrainConfig, train
from elman.tasks.runtime import run_record


@dataclass(frozen=True)
class Made:
    """A home that commands made, and the sources they read."""

    home: Path
    sources: Path
    model: Path
    out: Path


def conll(rows: list[tuple[str, str, str]]) -> str:
    """Sentences given as (document, split, "token/TAG ...") in two columns."""
    return "".join(
        "".join(" ".join(pair.rsplit("/", 1)) + "\n" for pair in line.split()) + "\n" for *_, line in rows
    )


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, invented_rows, mlflow_template) -> Made:
    """The home, to be copied by whoever changes it."""
    place = tmp_path_factory.mktemp("lineage")
    home, sources = place / "home", place / "sources"
    (home / "mlflow").mkdir(parents=True)
    (home / "mlflow" / "mlflow.db").write_bytes(mlflow_template.read_bytes())
    sources.mkdir()
    for number, name in enumerate(("train", "dev", "test")):
        (sources / f"{name}.conll").write_text(conll(invented_rows(40, number)))
    (sources / "page.txt").write_text("Bakason met Gudison in Nikaburg .\nIt rained in Tinaburg .\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        labelled = tuple(sources / f"{name}.conll" for name in ("train", "dev", "test"))
        ingest.fn(IngestConfig(sources=labelled, name="letters"))
        config = TrainConfig(corpus="letters", preset="fast", epochs=1, register="names")
        model = Path(train.fn(config).model)
        out = place / "tagged"
        tag.fn(TagConfig(model=model.name, sources=(sources / "page.txt",), out=out, workers=0))
    return Made(home, sources, model, out)


@pytest.fixture
def made(made_once, monkeypatch) -> Made:
    """The home as it was made; only to be read."""
    monkeypatch.setenv("ELMAN_HOME", str(made_once.home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return made_once


@pytest.fixture
def restored(made) -> Iterator[Callable[[Path], None]]:
    """Change a byte of a file; it is put back at the end."""
    before: dict[Path, bytes] = {}

    def change(path: Path, at: int | None = None) -> None:
        raw = before.setdefault(path, path.read_bytes())
        place = len(raw) // 2 if at is None else at
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])

    yield change
    for path, raw in before.items():
        path.write_bytes(raw)


@pytest.fixture
def old_run(home) -> Callable[..., run_record.RunRecord]:
    """Record a run that ended a number of days after a first one."""

    def record(kind: str, day: int, **values: object) -> run_record.RunRecord:
        run = run_record.start(kind, f"{kind} {day}", {}, sent=True)
        started = 1_700_000_000_000 + day * 86_400_000
        run.save(status="FINISHED", started_ms=started, ended_ms=started + 1000, **values)
        return run

    os.makedirs(home / "runs", exist_ok=True)
    return record
