"""Raw text through a model's own tokenizer is tagged as well as the same text cut into tokens beforehand."""

import json

import pytest

from elman.data.store.dataset import Dataset
from elman.flows.evaluate import EvaluateConfig, evaluate
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.flows.train import TrainConfig, train
from elman.tasks.ingest.corpus_names import corpus_folder
from elman.tasks.runtime.orchestration import call

pytestmark = pytest.mark.heavy


def write_columns(corpus, folder):
    """An ingested corpus as CoNLL columns, a file a split."""
    folder.mkdir()
    columns = ("split", "document", "text", "start", "token_start", "token_end", "tags")
    last = None
    for split, document, text, start, starts, ends, tags in (
        corpus.scan().select(columns).collect().iter_rows()
    ):
        with (folder / f"{split}.conll").open("a", encoding="utf-8") as out:
            out.write("-DOCSTART- O\n\n" if document != last else "")
            last = document
            for a, b, label in zip(starts, ends, tags, strict=True):
                out.write(f"{text[a - start : b - start]} {label}\n")
            out.write("\n")


def f1(found, gold):
    return 2 * len(found & gold) / (len(found) + len(gold))


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_raw_text_scores_within_1_f1_of_tokens(home, tmp_path, checkout, language):
    samples = checkout / "data" / "samples" / language
    call(ingest, IngestConfig(sources=(samples,), name="raw"))
    write_columns(Dataset.open(corpus_folder("raw")), tmp_path / "columns")
    call(ingest, IngestConfig(sources=(tmp_path / "columns",), name="tokens"))
    model = call(train, TrainConfig(corpus="tokens", preset="fast", epochs=25)).to_json()["model"]

    gold = set()
    for line in (samples / "test.jsonl").read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        (tmp_path / f"{document['id']}.txt").write_text(document["text"], encoding="utf-8")
        gold |= {(document["id"], s["start"], s["end"], s["label"]) for s in document["spans"]}
    sources = tuple(sorted(tmp_path.glob("*.txt")))
    call(tag, TagConfig(model=model, sources=sources, out=tmp_path / "out"))
    rows = (
        Dataset.open(tmp_path / "out").scan().select("source", "start", "end", "type").collect().iter_rows()
    )
    found = {(source.removesuffix(".txt"), a, b, label) for source, a, b, label in rows}

    on_tokens = call(evaluate, EvaluateConfig(model=model, corpus="tokens")).scores.f1
    assert on_tokens > 0.1
    assert f1(found, gold) == pytest.approx(on_tokens, abs=0.01)
