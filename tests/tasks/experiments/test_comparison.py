"""The comparison counts every dev token once, and shows the limits of the padded network."""

import json
from pathlib import Path

import numpy as np
import pytest

from elman.data.encoding import encoded_corpus
from elman.tasks.experiments.comparison import compare_networks, markdown
from elman.tasks.training.text import encode_corpus
from elman.tasks.training.training_data import TrainingData

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def comparison(trained, names, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELMAN_HOME", str(trained["home"]))
        patch.setattr("elman.tasks.experiments.baselines.RATES", (0.002, 0.008))
        words = encode_corpus(str(names), "article")
        report = compare_networks(
            trained["model"], str(names), trained["encoded"], words, trained["seconds"], str(out), epochs=4
        )
    return report, out, TrainingData.of(encoded_corpus.read(Path(words)))


@pytest.fixture(scope="module")
def compared(comparison):
    """The same with the report as plain values."""
    report, *others = comparison
    return report.to_json(), *others


def test_all_networks_are_in_the_table_with_size_time_and_rate(compared, trained):
    report, _, _ = compared
    names = [row["name"] for row in report["networks"]]
    assert names == [
        "model (fast)",
        "Elman network (article)",
        "window network",
        "standard network",
        "most frequent tag",
    ]
    for row in report["networks"]:
        assert row["parameters"] > 0
        assert row["seconds"] >= 0
        assert row["learning_rate"] in (None, 0.002, 0.008)
    assert report["networks"][0]["dev"]["f1"] == trained["dev"].f1
    assert report["networks"][0]["dev"]["f1"] > report["networks"][4]["dev"]["f1"]


def test_groups_hold_every_dev_token_once(compared):
    report, _, training_data = compared
    gold = training_data.gold("dev")
    for key in ("by_position", "by_seen"):
        assert sum(row["tokens"] for row in report[key]) == len(gold)
        assert sum(row["entity_tokens"] for row in report[key]) == int((gold > 0).sum())


def test_groups_average_to_the_accuracy_of_the_table(compared):
    report, _, _ = compared
    for row in report["networks"]:
        for key in ("by_position", "by_seen"):
            weighed = [(g["tokens"], g["accuracy"][row["name"]]) for g in report[key] if g["tokens"]]
            mean = np.average([a for _, a in weighed], weights=[n for n, _ in weighed])
            assert mean == pytest.approx(row["dev"]["accuracy"], abs=1e-12)


def test_the_rule_gives_an_unknown_word_the_default_tag(compared):
    report, _, _ = compared
    (new,) = [row for row in report["by_seen"] if row["group"] == "never"]
    assert new["entity_accuracy"]["most frequent tag"] == 0.0
    assert new["entity_accuracy"]["model (fast)"] > 0.8


def test_tokens_beyond_the_padded_length_are_missed(write_corpus, train_in, tmp_path):
    short = [(f"d{n}", "train", "Bo/B-PER left/O") for n in range(30)]
    corpus = write_corpus(tmp_path / "c", [*short, ("x", "dev", "left/O left/O Bo/B-PER Bo/B-PER")])
    fitted = train_in(tmp_path, corpus, preset="article", overrides={"epochs": 2})
    folder, encoded = fitted["model"], fitted["encoded"]
    report = compare_networks(folder, str(corpus), encoded, encoded, 1.0, str(tmp_path), epochs=2).to_json()
    assert report["padded_to"] == 2
    assert [row["name"] for row in report["networks"]][:2] == ["model (article)", "window network"]
    first = report["by_position"][0]
    assert (first["group"], first["entity_tokens"]) == ("1-5", 2)
    assert first["entity_accuracy"]["standard network"] == 0.0


def test_the_report_is_written_as_json_markdown_and_plot(comparison):
    report, out, _ = comparison
    assert json.loads((out / "comparison.json").read_text()) == report.to_json()
    text = (out / "comparison.md").read_text()
    assert text == markdown(report)
    assert all(row.name in text for row in report.networks)
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
