"""An encoded corpus survives the round trip through a dataset, and damage is detected."""

import numpy as np
import polars as pl
import pytest

from elman.data.encoding import encoded_corpus
from elman.data.encoding.encode import EncodeConfig, encode
from elman.data.encoding.features import FeatureTemplate
from elman.data.errors import IntegrityError
from elman.data.store import schema

CONFIG = EncodeConfig(
    templates=(FeatureTemplate(name="word"), FeatureTemplate(name="prefix1"), FeatureTemplate(name="at-1"))
)


@pytest.fixture
def corpus():
    frames = []
    for document, split in (("a", "train"), ("b", "dev"), ("c", "train")):
        for number in range(3):
            text, tags = f"{document} saw Bo{number}", ["O", "O", "B-PER"]
            row = (document, number, split, text, 0, [0, 2, 6], [1, 5, len(text)], tags, "f", 0)
            frames.append(pl.DataFrame([row], schema=schema.TEXT, orient="row"))
    return encode(lambda: frames, CONFIG)


def test_reading_gives_the_written_arrays(corpus, tmp_path):
    encoded_corpus.write(tmp_path / "e", corpus, CONFIG.to_json(), [{"name": "c", "digest": "1"}])
    again = encoded_corpus.read(tmp_path / "e")
    assert again.features == corpus.features
    assert (again.tags, again.all_tags) == (corpus.tags, corpus.all_tags)
    assert again.notes == corpus.notes
    for name in ("rows", "offsets", "unknown", "contexts"):
        np.testing.assert_array_equal(getattr(again.bags, name), getattr(corpus.bags, name))
    assert sorted(again.splits) == ["dev", "train"]
    for split, part in corpus.splits.items():
        for name in ("tokens", "tags", "offsets"):
            mine, theirs = getattr(again.splits[split], name), getattr(part, name)
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype
        assert again.splits[split].keys.equals(part.keys)


def test_writing_twice_gives_the_same_bytes(corpus, tmp_path):
    contents = []
    for name in ("one", "two"):
        encoded_corpus.write(tmp_path / name, corpus, CONFIG.to_json(), [])
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]


def test_a_flipped_bit_is_an_error_that_names_the_file(corpus, tmp_path):
    encoded_corpus.write(tmp_path / "e", corpus, CONFIG.to_json(), [])
    path = next((tmp_path / "e" / "data").glob("train.*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=path.name):
        encoded_corpus.read(tmp_path / "e")
