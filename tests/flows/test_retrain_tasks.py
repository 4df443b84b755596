"""`elman retrain --task`: generators, classifiers and models of speech, promoted by their own score."""

import json
import shutil

import pytest

from elman.data.errors import UsageError
from elman.flows.retrain import RetrainConfig, retrain
from elman.tasks.retraining import history
from elman.tasks.runtime import registry
from elman.tasks.runtime.registry import INFRASTRUCTURE, PASSED
from tests.flows.learning.test_classify import texts
from tests.flows.learning.test_generate import tunes
from tests.flows.learning.test_transcribe import clips

pytestmark = [pytest.mark.heavy, pytest.mark.slow]


@pytest.fixture
def run(tracked_home, tmp_path):
    def run(task, **options):
        config = RetrainConfig(
            corpus="mail", sources=(tmp_path / "inbox",), model="names", preset="fast", task=task, **options
        )
        return retrain.fn(config).to_json()

    (tmp_path / "inbox").mkdir()
    return run


def judged(first, second, score):
    """Check a first version, and that a second one was judged by this score and both gates."""
    assert (first["trained"], first["promoted"]) == (True, True), first["why"]
    assert registry.versions("names")[0].tags[INFRASTRUCTURE] == PASSED
    assert second["trained"]
    checks = {check["name"]: check for check in second["checks"]}
    assert {score, "loads", "canary", "speed", "memory"} <= set(checks)
    assert all(checks[name]["passed"] for name in ("loads", "canary", "speed", "memory")), second["checks"]
    assert second["promoted"] == all(check["passed"] for check in second["checks"])
    assert {"champion_score", "challenger_score"} <= set(second)
    assert history.read("names")[-1].champion == ("2" if second["promoted"] else "1")


def test_documents(run, tmp_path):
    def write(name, made, split):
        lines = [json.dumps({**line, "id": f"{name}-{line['id']}"}) + "\n" for line in made]
        (tmp_path / "inbox" / f"{name}.{split}.jsonl").write_text("".join(lines))

    confused = [{**line, "label": ("money", "sports")[n % 2]} for n, line in enumerate(texts(60, 1))]
    write("a", confused, "train")
    write("b", texts(200, 2), "test")
    first = run("classify")
    again = run("classify")
    assert (again["trained"], again["promoted"]) == (False, False)
    write("c", [{**line, "label": confused[n]["label"]} for n, line in enumerate(texts(60, 4))], "train")
    held = run("classify")
    assert (held["trained"], held["promoted"]) == (False, False)
    assert held["held_apart"]["reason"].startswith("labels that contradict the champion: ")
    write("d", texts(400, 3), "train")
    second = run("classify")
    judged(first, second, "macro F1")
    assert second["promoted"], second["why"]
    with pytest.raises(UsageError, match=r"champion is of --task generate. Got names, of kind classifier"):
        run("generate")


def test_tunes(run, tmp_path):
    tune = tunes(200).split("X:")
    (tmp_path / "inbox" / "a.train.abc").write_text("X:".join(tune[:30]))
    (tmp_path / "inbox" / "a.test.abc").write_text("X:" + "X:".join(tune[150:]))
    first = run("generate")
    (tmp_path / "inbox" / "b.train.abc").write_text("X:" + "X:".join(tune[30:150]))
    judged(first, run("generate"), "nats a step")
    with pytest.raises(
        UsageError, match=r"expected --task of generate for mail, of kind corpus-music. Got tag"
    ):
        run("tag")


def test_speech(run, tmp_path):
    made = clips(tmp_path / "made", 60)
    lines = (made / "list.jsonl").read_text().splitlines()
    inbox = tmp_path / "inbox"

    def bring(name, chosen):
        shutil.copytree(made, inbox / name, ignore=shutil.ignore_patterns("list.jsonl"))
        (inbox / name / "list.jsonl").write_text("\n".join(chosen) + "\n")

    bring("a", lines[:30])
    first = run("transcribe")
    bring("b", lines[30:])
    judged(first, run("transcribe"), "word error rate")
    with pytest.raises(UsageError, match=r"expected --task of transcribe for mail"):
        run("classify")


def test_options_of_text_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected --warm-start for --task tag only. Got --task generate"):
        RetrainConfig(corpus="mail", sources=(tmp_path,), model="names", task="generate", warm_start=True)
