"""Names of corpora."""

from pathlib import Path

import pytest

from elman.data.errors import UsageError
from elman.tasks.ingest.corpus_names import corpus_folder


@pytest.mark.parametrize("name", ["ncbi", "a.b_c-1", "0", "x" * 64])
def test_a_name_is_a_folder_in_the_home(home, name):
    assert corpus_folder(name) == home / "corpora" / name


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "-rf", "A", "a b", "a\n", "ü", "x" * 65, "a\0"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError, match="expected a corpus name"):
        corpus_folder(name)


def test_a_path_is_taken_as_it_is(tmp_path):
    assert corpus_folder(tmp_path / "X y") == tmp_path / "X y"
    assert corpus_folder("./x") == Path("x")
