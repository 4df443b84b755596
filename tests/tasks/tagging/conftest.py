"""Runs of `elman tag` with a small model, and what they committed."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from elman.data.store.dataset import Dataset
from elman.data.store.writer import Staging
from elman.flows.tag import TagConfig, tag


@pytest.fixture(scope="session")
def lines() -> list[str]:
    """40 sentences with names that the small model finds."""
    return [f"Badeson met Goru{'bcdfg'[n % 5]}son in Tina{'klmnp'[n % 5]}burg ." for n in range(40)]


@pytest.fixture(scope="session")
def write_jsonl() -> Callable[..., Path]:
    """Write texts as JSON lines, with more fields the same for all."""

    def write(path: Path, texts: list[str], **more: object) -> Path:
        path.write_text("".join(json.dumps({"text": text, **more}) + "\n" for text in texts))
        return path

    return write


@pytest.fixture
def run(tracked_home, trained, tmp_path) -> Callable[..., dict[str, Any]]:
    """Tag sources in this process; gives the summary."""

    def run(*sources: Path, out: str = "out", model: str = trained["model"], **options):
        options.setdefault("workers", 0)
        return tag.fn(TagConfig(model=str(model), sources=sources, out=tmp_path / out, **options)).to_json()

    return run


@pytest.fixture
def committed(tmp_path) -> Callable[..., pl.DataFrame]:
    """Read a table of an output."""

    def committed(table: str = "data", out: str = "out") -> pl.DataFrame:
        return Dataset.open(tmp_path / out).scan(table).collect()

    return committed


class Stopped(BaseException):
    """A run was stopped by a test."""


@pytest.fixture
def stopped_after() -> Callable[[int], AbstractContextManager[None]]:
    """Stop the run of a `with` block when it has staged so many shards."""

    @contextmanager
    def stopped_after(shards: int):
        real, staged = Staging.stage, [0]

        def stage(*args, **named):
            staged[0] += 1
            if staged[0] > shards:
                raise Stopped
            return real(*args, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Staging, "stage", stage)
            try:
                yield
            except Stopped:
                return
        pytest.fail("the run ended before it was stopped")

    return stopped_after
