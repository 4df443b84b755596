"""A name is found as a corpus or a model, whichever it is."""

from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.tasks.inspection.target import target
from elman.tasks.models.model_folder import Model


def test_a_folder_of_a_corpus_and_of_a_model(names, trained):
    assert target(str(names)) == (names, "text")
    found = target(trained["model"])
    assert isinstance(found, Model)
    assert found.folder == Path(trained["model"])


def test_a_name_in_the_home_folder(trained, monkeypatch):
    monkeypatch.setenv("ELMAN_HOME", str(trained["home"]))
    found = target(Path(trained["model"]).name)
    assert isinstance(found, Model)


def test_other_datasets_and_unknown_names_are_bad_input(trained, home):
    with pytest.raises(BadInput, match=r"expected a corpus or a model\. Got a dataset of encoded"):
        target(trained["encoded"])
    with pytest.raises(BadInput, match="expected a corpus or a model"):
        target("no/such")
