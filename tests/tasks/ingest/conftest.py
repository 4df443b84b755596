"""Three sources of the same sentence, and a staging area."""

from pathlib import Path

import pytest

from elman.data.sources.reading import HashedSource, collect_sources
from elman.data.store.writer import DatasetWriter, Staging

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return DatasetWriter(tmp_path / "corpus", kind="test", config={}).staging


@pytest.fixture
def three_sources(tmp_path: Path) -> list[HashedSource]:
    for number in range(3):
        (tmp_path / f"{number}.conll").write_text(CONLL * (number + 100))
    return collect_sources(sorted(tmp_path.glob("*.conll")))[0]
