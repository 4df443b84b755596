"""A dataset of another kind than a command takes is refused by the name of its kind."""

import polars as pl
import pytest

from elman.data.corpus.kinds import check_kind
from elman.data.corpus.shards import DNA, MUSIC, SPEECH, TEXT
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter


def dataset(folder, kind) -> Dataset:
    with DatasetWriter(folder, kind=kind, config={}) as writer:
        writer.commit([writer.stage("a", "a", {"data": pl.DataFrame({"x": [1]})})])
    return Dataset.open(folder)


def test_a_wanted_kind_passes(tmp_path):
    check_kind(dataset(tmp_path / "c", MUSIC), TEXT, MUSIC, todo="")


@pytest.mark.parametrize(
    ("kind", "wanted", "said"),
    [
        (MUSIC, (TEXT,), "expected a corpus of text. Got one of music. Name another."),
        (SPEECH, (TEXT, DNA), "expected a corpus of text or DNA. Got one of speech. Name another."),
        (
            DNA,
            (MUSIC, TEXT, SPEECH),
            "expected a corpus of music, text or speech. Got one of DNA. Name another.",
        ),
        (
            "tagged-text",
            (TEXT,),
            "expected a corpus of text. Got a dataset of kind tagged-text. Name another.",
        ),
    ],
)
def test_another_is_refused_by_its_name(tmp_path, kind, wanted, said):
    with pytest.raises(BadInput) as error:
        check_kind(dataset(tmp_path / "c", kind), *wanted, todo="Name another.")
    assert str(error.value) == f"{tmp_path / 'c'}: {said}"
