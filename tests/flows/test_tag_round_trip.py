"""`elman ingest` reads the exports of `elman tag` with the same documents and spans."""

import json

import pytest

from elman.data.store.dataset import Dataset
from elman.data.text.tags import spans
from elman.flows.cli import main
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag

FORMATS = ("brat", "conll", "csv", "doccano", "jsonl", "label-studio", "spacy")
NAMES = "\U0001f600 Badeson met Gorubson\r\nin Tinakburg .\n\n Cafe\u0301 Karuson says it is cold .\u00a0 "
DOCUMENTS = {'=1\t"a"': NAMES * 2, "../x": f"Badeson\u200d left . {NAMES}", "none": " in it rained .\n"}


@pytest.fixture(scope="module")
def tagged(trained, tmp_path_factory):
    """The output in all formats of two sources, and its spans by text and type."""
    place = tmp_path_factory.mktemp("round-trip")
    lines = [json.dumps({"id": name, "text": text}) + "\n" for name, text in DOCUMENTS.items()]
    (place / "a.jsonl").write_text("".join(lines))
    (place / "b.txt").write_bytes(NAMES.encode() * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(trained["home"]))
        sources, out = (place / "a.jsonl", place / "b.txt"), place / "out"
        config = {"format": ",".join(FORMATS), "workers": 0, "shard_size": "400"}
        tag.fn(TagConfig(model=str(trained["model"]), sources=sources, out=out, **config))
    return out


def found_in(corpus):
    """Entities of a corpus by start, text and type, in order of documents."""
    out = []
    for row in Dataset.open(corpus).scan().collect().iter_rows(named=True):
        for first, last, kind in spans(row["tags"]):
            a, b = row["token_start"][first], row["token_end"][last - 1]
            out.append((a, row["text"][a - row["start"] : b - row["start"]], kind))
    return sorted(out)


@pytest.mark.parametrize("name", FORMATS)
def test_the_spans_are_those_of_the_output(name, tagged, home, tmp_path):
    dataset = Dataset.open(tagged)
    (path,) = (tagged / file for file in dataset.manifest["exports"] if file.startswith("tags." + name))
    columns = {"text_column": "text", "labels_column": "spans", "id_column": "id"} if name == "csv" else {}
    summary = ingest.fn(IngestConfig(sources=(path,), name="again", **columns)).to_json()
    assert summary["quarantined"] == 0
    frame = dataset.scan().collect()
    expected = sorted(frame.select("start", "text", "type").rows())
    corpus = Dataset.open(home / "corpora" / "again").scan().collect()
    assert corpus["document"].n_unique() == len(DOCUMENTS) + 1
    found = found_in(home / "corpora" / "again")
    if name == "conll":  # has no text: its offsets count tokens joined by spaces
        expected = sorted((" ".join(text.split()), kind) for _, text, kind in expected)
        assert sorted((text, kind) for _, text, kind in found) == expected
    else:
        assert found == expected
    assert len(expected) > 40


def test_the_commands_read_the_json_lines_they_wrote(trained, home, tmp_path):
    source, out = tmp_path / "a.jsonl", tmp_path / "out"
    lines = [json.dumps({"id": name, "text": text}) + "\n" for name, text in DOCUMENTS.items()]
    source.write_text("".join(lines))
    model, workers = str(trained["model"]), ["--workers", "0"]
    assert main(["tag", model, str(source), "--out", str(out), "--format", "jsonl", *workers]) == 0
    assert main(["ingest", str(out / "tags.jsonl"), "--name", "again"]) == 0
    expected = Dataset.open(out).scan().collect()
    assert found_in(home / "corpora" / "again") == sorted(expected.select("start", "text", "type").rows())
    corpus = Dataset.open(home / "corpora" / "again").scan().collect()
    assert set(corpus["document"]) == DOCUMENTS.keys()
    assert expected.height > 8
