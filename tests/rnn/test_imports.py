"""`rnn` stands alone: importing it loads nothing of ours, and none of the heavy libraries."""

import subprocess
import sys

import pytest

FORBIDDEN = {"data", "tasks", "flows", "polars", "prefect", "mlflow", "pyarrow", "pandas"}


def loaded_by(checkout, *modules):
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_rnn_loads_nothing_else_of_ours(checkout):
    modules = [f"rnn.{path.stem}" for path in (checkout / "rnn").glob("*.py") if path.stem != "__init__"]
    assert len(modules) >= 10
    assert loaded_by(checkout, *modules) & FORBIDDEN == set()


@pytest.mark.parametrize("other", ["polars", "data.errors"])
def test_this_test_can_fail(checkout, other):
    assert loaded_by(checkout, "rnn.fit", other) & FORBIDDEN != set()
