"""The card of a model: what it is for, how good it is, where it ends; text of a corpus stays text."""

import json

from elman.data.metrics.entities import entity_scores
from elman.tasks.evaluation.model_card import model_card

SCORES = {"test": entity_scores([["B-PER", "B-LOC"]], [["B-PER", "O"]])}
REPORT = {
    "drawn": "44 documents",
    "intervals": {
        "all types": {"f1": {"value": 0.667, "low": 0.5, "high": 0.8}},
        "PER": {"f1": {"value": 1.0, "low": 0.9, "high": 1.0}},
    },
    "calibration": {"all types": {"before": {"error": 0.2}, "after": {"error": 0.0312, "count": 9}}},
    "slices": {"by_training": [{"group": "seen", "recall": 0.9}, {"group": "unseen", "recall": 0.25}]},
}


def test_the_card_has_use_data_scores_with_intervals_calibration_and_limits(trained, tmp_path):
    (tmp_path / "evaluation_test").mkdir()
    (tmp_path / "evaluation_test" / "report.json").write_text(json.dumps(REPORT))
    about = {"licence": "CC BY 4.0"}
    card = model_card(str(trained["model"]), SCORES, about, files=tmp_path, name="people")
    assert 'mlflow.pyfunc.load_model("models:/people@champion").predict(' in card
    assert "Licence of the corpus: CC BY 4.0" in card
    assert "| test: all | 100.0 | 50.0 | 66.7 (50.0 to 80.0) | 2 |" in card
    assert "| test: PER | 100.0 | 100.0 | 100.0 (90.0 to 100.0) | 1 |" in card
    assert "44 documents drawn again" in card
    assert "calibration error on test: 0.031 (0.200 before scaling), over 9" in card
    assert "- Fewer than 50 test entities, so that rates say little: LOC, PER." in card
    assert "seen 90.0 % found, unseen 25.0 % found" in card


def test_a_card_without_scores_and_licence_says_so(trained):
    card = model_card(str(trained["model"]), {})
    for line in (
        "No split to score on.",
        "No licence of the corpus is given.",
        "Not measured.",
        "scored on nothing",
    ):
        assert line in card


def test_text_of_a_corpus_is_shown_as_text(trained):
    about = {"description": "<script>alert(1)</script> ![x](http://e.org) ```mermaid \x1b[31m"}
    card = model_card(str(trained["model"]), {}, about)
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt; \\!\\[x\\](http&#58;//e.org) \\`\\`\\`mermaid \\x1b\\[31m"
        in card
    )
    assert "<" not in card
    assert "\x1b" not in card
