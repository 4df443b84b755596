"""What tests share: the corpora beside the checkout, and a home folder of their own."""

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


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


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A fresh ELMAN_HOME, so that no test meets what another left."""
    path = tmp_path / "home"
    monkeypatch.setenv("ELMAN_HOME", str(path))
    return path
