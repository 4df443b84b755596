"""A new input format is one new module: it is detected, ingested, tagged and documented by that alone."""

import importlib
import sys
import textwrap
from pathlib import Path

import pytest

from elman.data.errors import BadInput
from elman.data.formats import registry
from elman.data.formats import text as text_formats
from elman.data.store.dataset import Dataset
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.ingest.corpus_names import corpus_folder

pytestmark = pytest.mark.heavy
MODULE = '''
"""Tokens and tags with a bar between them, one a line, a blank line after each sentence."""

from elman.data.formats.common.records import BadRecord, Document, Place, Sentence
from elman.data.formats.registry import TextFormat, register


def read(opener, source, options, slice_=None):
    """Read a file; every sentence is a document of its own."""
    offset = 0
    with opener() as stream:
        for number, raw in enumerate(stream, 1):
            place = Place(source, number, offset, raw)
            try:
                yield from _documents(raw.decode(), place)
            except BadRecord as error:
                yield place.refuse(error)
            offset += len(raw)


def _documents(line, place):
    if not line.strip():
        return
    pairs = [pair.split("|") for pair in line.split()]
    if any(len(pair) != 2 for pair in pairs):
        raise BadRecord("no-bar", "expected token|tag. Got another", "Write token|tag.")
    starts, at = [], 0
    for token, _ in pairs:
        starts.append(at)
        at += len(token) + 1
    ends = [start + len(token) for start, (token, _) in zip(starts, pairs)]
    text, tags = " ".join(token for token, _ in pairs), tuple(tag for _, tag in pairs)
    sentence = Sentence(0, ends[-1], text, tuple(starts), tuple(ends), tags, place.byte_offset, place.line)
    yield Document(f"{place.source}#{place.line}", place.source, (sentence,), place.byte_offset, place.line)


register(
    TextFormat(
        name="bars",
        rank=55,
        matches=lambda head: bool(head.lines) and all("|" in word for word in head.first.split()),
        read=read,
        tokenised=True,
        title="bars",
        record="a line",
        notes="token|tag",
        hint="bars",
        reasons={"no-bar": "a pair that is not token|tag"},
    )
)
'''
SENTENCES = 300


def line(number: int) -> str:
    person, place = f"Goru{'bcdfg'[number % 5]}son", f"Tina{'klmnp'[number % 5]}burg"
    return f"Badeson|B-PER met|O {person}|B-PER in|O {place}|B-LOC number{number}|O .|O\n"


@pytest.fixture
def new_format(tmp_path, monkeypatch):
    """The module in the folder of formats, as far as Python can tell; removed after the test."""
    registry.all_formats()  # those of the folder are registered before
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "bars.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.setattr(text_formats, "__path__", [*text_formats.__path__, str(tmp_path / "text")])
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    registry._load.cache_clear()
    importlib.invalidate_caches()
    yield
    registry._load.cache_clear()
    sys.modules.pop("elman.data.formats.text.bars", None)
    vars(text_formats).pop("bars", None)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("".join(map(line, range(SENTENCES))) + "no bar\n")
    return path


@pytest.mark.usefixtures("new_format")
def test_a_new_format_is_ingested_and_tagged(tracked_home, trained, source, tmp_path):
    done = ingest.fn(IngestConfig(sources=(source,), name="bars")).to_json()
    assert (done["records"], done["ingested"], done["quarantined"]) == (SENTENCES + 1, SENTENCES, 1)
    corpus = Dataset.open(corpus_folder("bars"))
    assert corpus.sources[0]["kind"] == "bars"
    assert corpus.scan("quarantine").collect()["reason"].to_list() == ["no-bar"]
    assert corpus.scan().collect()["tags"][0].to_list() == ["B-PER", "O", "B-PER", "O", "B-LOC", "O", "O"]

    out = tmp_path / "out"
    tagged = tag.fn(TagConfig(model=str(trained["model"]), sources=(source,), out=out, workers=0)).to_json()
    assert (tagged["records"], tagged["quarantined"]) == (SENTENCES + 1, 1)
    entities = Dataset.open(out).scan().collect()
    assert {"Badeson", "Gorubson", "Tinakburg"} <= set(entities["text"])


@pytest.mark.usefixtures("new_format")
def test_messages_and_documents_name_a_new_format():
    assert registry.supported().startswith("Give bars, CoNLL columns")
    assert "bars" in [format_.title for format_ in registry.documented()]


def test_without_its_module_the_file_is_prose(source):
    assert registry.detect(registry.Head("a.txt", source.read_bytes(), whole=True)).name == "plain"
    with pytest.raises(KeyError):
        registry.format_of("bars")
    with pytest.raises(BadInput, match="plain, not dna"):
        ingest.fn(IngestConfig(sources=(source,), name="x", kind="dna"))
