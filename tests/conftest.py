"""Shared by tests: the corpora beside the checkout, and a home folder of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from elman.data.formats.common.options import Options
from elman.data.genome.contigs import Contig
from elman.data.sources.detect import Source, open_bytes
from elman.data.sources.genomes import Genome, read_genome
from elman.tasks.runtime import environment, orchestration

CHECKOUT = Path(__file__).resolve().parent.parent
# Fixtures that take some seconds to make.
MADE_FOR_LONG = {"gene_model", "finder", "demo", "made_once", "tone_model", "tune_home"}
pytest_plugins = ("tests.small_models",)  # fixtures that both tests of tasks and of flows use

# The same examples in every run, so that a failure belongs to a change; `make test-slow` draws new ones.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile("fixed")

# Flows of the test process are plain; tests of Prefect start processes of their own.
orchestration.run_without_prefect()

# Homes are many in tests, compiled kernels are the same: one cache, also for the commands that tests start.
os.environ.setdefault("NUMBA_CACHE_DIR", str(environment.kernel_cache(CHECKOUT / "var")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests of such a fixture in one worker of pytest-xdist, so that it is made once."""
    for item in items:
        for name in MADE_FOR_LONG & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def checkout() -> Path:
    return CHECKOUT


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Real labelled corpora beside the checkout; CI has them."""
    path = CHECKOUT.parent / "shared" / "corpora"
    if not path.is_dir():
        pytest.skip(f"{path} is absent: real corpora are not part of the project")
    return path


@pytest.fixture(scope="session")
def ecoli() -> Contig:
    """The first 100 kb of E. coli, with its genes."""
    (sequence, annotation) = (
        Source(CHECKOUT / "tests" / "fixtures" / name, name, kind, "gz", None, 0)
        for name, kind in (("ecoli_100kb.fna.gz", "fasta"), ("ecoli_100kb.gff3.gz", "gff3"))
    )
    (contig,) = read_genome(Genome((sequence,), (annotation,)), open_bytes, Options())
    assert isinstance(contig, Contig)
    return contig


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A fresh ELMAN_HOME, so that no test meets what another left."""
    path = tmp_path / "home"
    monkeypatch.setenv("ELMAN_HOME", str(path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return path


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory) -> Path:
    """A migrated MLflow database, made once: a new one costs seconds."""
    folder = tmp_path_factory.mktemp("mlflow-template")
    code = "from elman.tasks.runtime import registry; registry.versions('none')"
    env = {**os.environ, "ELMAN_HOME": str(folder)}
    env.pop("MLFLOW_TRACKING_URI", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=CHECKOUT)
    return folder / "mlflow" / "mlflow.db"


@pytest.fixture
def tracked_home(home, mlflow_template) -> Path:
    """A fresh ELMAN_HOME with an empty MLflow database in it."""
    (home / "mlflow").mkdir(parents=True)
    shutil.copyfile(mlflow_template, home / "mlflow" / "mlflow.db")
    return home
