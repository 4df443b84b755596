"""The adapters of docs/examples work with the libraries they are for; without these they are not tested."""

import importlib.util
import sys
from types import ModuleType

import pytest

import elman

TEXT = "\U0001f600 Badeson met Gorubson in Tinakburg ."


@pytest.fixture(scope="session")
def example(checkout):
    """Import an example by its name."""

    def example(name: str) -> ModuleType:
        path = checkout / "docs" / "examples" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return example


@pytest.fixture(scope="session")
def expected(trained) -> list[tuple[int, int, str, float]]:
    """Entities that the model finds in the text."""
    found = elman.load(trained["model"]).tag(TEXT)
    assert len(found) == 3
    return [(entity.start, entity.end, entity.type, entity.probability) for entity in found]


def test_hugging_face_groups_have_its_keys(example, trained, expected):
    pipeline = example("huggingface").Pipeline(trained["model"])
    groups = pipeline(TEXT)
    assert [list(group) for group in groups] == [["entity_group", "score", "word", "start", "end"]] * 3
    assert [(g["start"], g["end"], g["entity_group"], g["score"]) for g in groups] == expected
    assert all(TEXT[g["start"] : g["end"]] == g["word"] for g in groups)
    assert pipeline(TEXT for _ in range(2)) == [groups, groups]


def test_a_spacy_component_sets_entities_with_scores(example, trained, expected):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: make test-tools")
    example("spacy_component")
    nlp = spacy.blank("en")
    nlp.add_pipe("elman", config={"model": str(trained["model"])})
    for doc in (nlp(TEXT), *nlp.pipe([TEXT, TEXT])):
        found = [(e.start_char, e.end_char, e.label_, e._.score) for e in doc.ents]
        assert found == expected
        assert all(e._.characters == (e.start_char, e.end_char) for e in doc.ents)
    glued = nlp("xBadeson-Gorubson")  # spaCy's tokens may hold several of Elman's
    assert len(glued.ents) <= 2


def test_a_presidio_recognizer_finds_entities_with_scores(example, trained, expected):
    presidio = pytest.importorskip("presidio_analyzer", reason="Presidio is not installed: make test-tools")
    module = example("presidio_recognizer")
    recognizer = module.ElmanRecognizer(str(trained["model"]))
    registry = presidio.RecognizerRegistry(recognizers=[recognizer])
    engine = presidio.AnalyzerEngine(registry=registry, nlp_engine=module.NoNlp())
    names = {"PER": "PERSON", "LOC": "LOCATION"}
    found = sorted(engine.analyze(TEXT, language="en"), key=lambda result: result.start)
    assert [(r.start, r.end, r.entity_type, r.score) for r in found] == [
        (start, end, names[kind], pytest.approx(score)) for start, end, kind, score in expected
    ]
    (only,) = engine.analyze(TEXT, language="en", entities=["LOCATION"])
    assert only.entity_type == "LOCATION"
