"""Tools read the exports of `elman tag` that are for them; skipped where these are missing."""

import json
from urllib.parse import unquote

import polars as pl
import pytest

from elman.data.exports import registry
from elman.data.store import schema

pytestmark = pytest.mark.slow

TEXT = "\U0001f600 Ann met Cafe\u0301 Bob\r\nLee in New York, on\u00a0Monday."
SPANS = [(2, 5, "PER"), (10, 24, "ORG"), (28, 36, "LOC")]
ROWS = [("a.txt", f"d{n}", 0, a, b, TEXT[a:b], kind, 0.75, "m") for n in (1, 2) for a, b, kind in SPANS]


def tables(*names, optional=()):
    """Staged tables of two documents with entities and one without."""
    found = {
        "data": pl.DataFrame(ROWS, schema=schema.ENTITIES, orient="row"),
        "texts": pl.DataFrame(
            [("a.txt", f"d{n}", 0, TEXT) for n in (1, 2, 3)], schema=schema.DOCUMENT_TEXTS, orient="row"
        ),
    }
    yield tuple(found.get(name, pl.DataFrame()) for name in (*names, *optional))


@pytest.fixture
def written():
    """Content of a format."""

    def written(name: str) -> str:
        chunks = registry.find(name).write(tables, {"model": "text-fast-1"})
        return b"".join(map(bytes, chunks)).decode()

    return written


@pytest.mark.parametrize("name", ["spacy", "doccano"])
def test_spacy_trains_on_the_entities_and_keeps_them_in_a_doc_bin(written, name):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: make test-tools")
    from spacy.tokens import DocBin
    from spacy.training import Example

    nlp = spacy.blank("en")
    lines = [json.loads(line) for line in written(name).split("\n")[:-1]]
    key = {"spacy": "entities", "doccano": "label"}[name]
    examples = [Example.from_dict(nlp.make_doc(line["text"]), {"entities": line[key]}) for line in lines]
    packed = DocBin(docs=[example.reference for example in examples]).to_bytes()
    docs = list(DocBin().from_bytes(packed).get_docs(nlp.vocab))
    assert [doc.text for doc in docs] == [TEXT] * 3
    found = [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs]
    assert found == [SPANS, SPANS, []]


CONFIG = """<View><Labels name="label" toName="text">
<Label value="PER"/><Label value="ORG"/><Label value="LOC"/>
</Labels><Text name="text" value="$text"/></View>"""


def test_label_studio_accepts_tasks_and_predictions(written):
    pytest.importorskip("label_studio_sdk", reason="label-studio-sdk is not installed: make test-tools")
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(CONFIG)
    tasks = json.loads(written("label-studio"))
    assert [task["data"]["text"] for task in tasks] == [TEXT] * 3
    for task in tasks:
        assert interface.validate_task({"data": task["data"]})  # fails on any predictions, in 2.1.2
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction, return_errors=True) == []


def test_label_studio_converts_accepted_predictions_to_the_same_entities(written, tmp_path):
    pytest.importorskip("label_studio_sdk", reason="label-studio-sdk is not installed: make test-tools")
    from label_studio_sdk.converter import Converter

    tasks = json.loads(written("label-studio"))
    for number, task in enumerate(tasks, 1):  # what accepting them in its interface does
        task["id"] = number
        task["annotations"] = [{"id": number, "result": task.pop("predictions")[0]["result"]}]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    converter = Converter(CONFIG, project_dir=None, download_resources=False)
    converter.convert_to_json_min(str(tmp_path / "tasks.json"), str(tmp_path / "out"), is_dir=False)
    (path,) = (tmp_path / "out").glob("*.json")
    labels = [task.get("label", []) for task in json.loads(path.read_text())]
    assert [[(v["start"], v["end"], *v["labels"]) for v in own] for own in labels][:2] == [SPANS, SPANS]


def test_gffutils_finds_the_genes_on_the_contigs_of_the_fasta():
    gffutils = pytest.importorskip("gffutils", reason="gffutils is not installed: make test-tools")
    contigs = ["c1", "gnl|b0240=%3B;a", 'odd|"x",&\u00e9']
    genes = [(name, n, n + 90, strand, 0) for name in contigs for n, strand in ((0, "+"), (99, "-"))]
    frames = {
        "contigs": pl.DataFrame(
            [("x.fa", name, 200, False) for name in contigs], schema=schema.TAGGED_CONTIGS, orient="row"
        ),
        "data": pl.DataFrame(
            [("x.fa", *gene, "CDS", 0, 0.5, "m;1=2") for gene in genes], schema=schema.INTERVALS, orient="row"
        ),
    }
    chunks = registry.find("gff3").write(lambda *names: iter([tuple(frames[name] for name in names)]), {})
    text = b"".join(map(bytes, chunks)).decode()
    database = gffutils.create_db(text, ":memory:", from_string=True)
    found = [
        (unquote(f.seqid), f.start - 1, f.end, f.strand, int(f.frame))
        for f in database.features_of_type("CDS")
    ]
    assert sorted(found) == sorted(genes)
    assert {f.attributes["model"][0] for f in database.all_features()} == {"m;1=2"}
