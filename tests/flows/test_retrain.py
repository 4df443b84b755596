"""`elman retrain`: a better challenger is promoted, a bad batch held apart, and nothing is done twice."""

import json
from pathlib import Path

import pytest

from elman.data.errors import BadInput, Locked, UsageError
from elman.data.store.lock import take
from elman.data.store.writer import DatasetWriter
from elman.flows import retrain as flow
from elman.flows.lineage.champions import (
    HistoryConfig,
    PromoteConfig,
    RollbackConfig,
    history,
    promote,
    rollback,
    text_of,
)
from elman.flows.retrain import RetrainConfig, retrain
from elman.tasks.models import model_folder
from elman.tasks.retraining import promotion
from elman.tasks.retraining.history import folder_of
from elman.tasks.retraining.promotion import JUDGED_BY, VERDICT
from elman.tasks.runtime import registry
from elman.tasks.runtime.registry import INFRASTRUCTURE, PASSED

pytestmark = pytest.mark.heavy


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    """Sentences as CoNLL, a document a name."""
    lines, last = [], ""
    for document, _, line in rows:
        if document != last:
            lines.append("-DOCSTART-\tO\n")
            last = document
        lines += [item.replace("/", "\t") for item in line.rsplit("\n")[0].split()] + [""]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def mislabelled(rows, *swaps):
    """The same sentences with wrong types."""
    out = []
    for document, split, line in rows:
        for old, new in swaps:
            line = line.replace(f"-{old}", f"-{new}")  # noqa: PLW2901
        out.append((document, split, line))
    return out


def half_labelled(rows):
    """The same sentences without most labels of places, which a tagger then does not find."""
    return [
        (document, split, line.replace("/B-LOC", "/O") if number % 4 else line)
        for number, (document, split, line) in enumerate(rows)
    ]


def foreign(rows):
    """The same sentences in an alphabet that the champion has never met."""
    moved = str.maketrans({chr(n): chr(0x430 + n % 32) for n in range(ord("a"), ord("z") + 1)})
    out = []
    for document, split, line in rows:
        pairs = [item.rsplit("/", 1) for item in line.lower().split()]
        words = [word.translate(moved) for word, _ in pairs]
        tags = [item.rsplit("/", 1)[1] for item in line.split()]
        out.append((document, split, " ".join(f"{w}/{t}" for w, t in zip(words, tags, strict=True))))
    return out


@pytest.fixture
def inbox(tmp_path) -> Path:
    return tmp_path / "inbox"


@pytest.fixture
def run(tracked_home, inbox, tmp_path):
    def run(**options):
        config = RetrainConfig(
            corpus="mail",
            sources=(inbox,),
            model="names",
            preset="fast",
            notify_file=tmp_path / "notices.jsonl",
            **options,
        )
        return retrain.fn(config).to_json()

    return run


@pytest.fixture
def notices(tmp_path):
    def read() -> list[str]:
        lines = (tmp_path / "notices.jsonl").read_text().splitlines()
        return [json.loads(line)["event"] for line in lines]

    return read


def champion() -> str:
    version = registry.champion("names")
    assert version is not None
    return version.version


def test_weeks_of_good_and_bad_data(run, inbox, invented_rows, notices):
    write(inbox / "a.train.conll", half_labelled(invented_rows(90, 1)))
    write(inbox / "a.test.conll", invented_rows(150, 2))
    first = run()
    assert (first["trained"], first["promoted"]) == (True, True)
    assert first["why"] == "the first model becomes champion"
    assert (champion(), registry.versions("names")[0].tags[INFRASTRUCTURE]) == ("1", PASSED)

    again = run()
    assert (again["trained"], again["promoted"]) == (False, False)
    assert "nothing new since version 1, which was promoted" in again["why"]

    held = []
    for name, rows, reason in (
        ("b", mislabelled(invented_rows(300, 3), ("PER", "X"), ("LOC", "PER"), ("X", "LOC")), "labels that"),
        ("c", foreign(invented_rows(300, 4)), "another language"),
        ("d", mislabelled(invented_rows(300, 5), ("PER", "PERSON"), ("LOC", "PLACE")), "another tag scheme"),
    ):
        write(inbox / f"{name}.train.conll", rows)
        bad = run()
        assert (bad["trained"], bad["promoted"], bad["ingest"]["ingested"]) == (False, False, 0)
        assert bad["held_apart"]["reason"].startswith(reason)
        held.append(bad["held_apart"]["batch"])

    write(inbox / "e.train.conll", invented_rows(1500, 6))
    better = run()
    assert (better["trained"], better["promoted"]) == (True, True), better["why"]
    assert better["challenger_score"] > better["champion_score"]
    assert better["ingest"]["added"] == ["e.train.conll"]
    assert {check["name"] for check in better["checks"]} >= {"F1", "type PER", "canary", "memory"}

    write(inbox / "f.train.conll", invented_rows(100, 7))
    noise = run()
    assert (noise["trained"], noise["promoted"]) == (True, False)
    assert champion() == "2"
    assert "which was kept out" in run()["why"]

    assert run(readmit=held[1])["ingest"]["added"] == ["c.train.conll"]
    assert notices()[:5] == ["promoted", "held apart", "held apart", "held apart", "promoted"]
    tags = [version.tags for version in registry.versions("names")]
    assert [t[VERDICT] for t in tags[:3]] == ["promoted", "promoted", "kept out"]
    assert [t.get(JUDGED_BY) for t in tags[:3]] == ["1", "1", None]
    judged = model_folder.read(registry.resolve_model("models:/names/1")).passport.corpus.sources
    assert [source["name"] for source in judged] == ["a.test.conll", "a.train.conll"]

    assert rollback(RollbackConfig(name="names")).entry.champion == champion() == "1"
    assert promote(PromoteConfig(name="names", version="3", why="for a try")).entry.done
    assert champion() == "3"
    text = text_of(history(HistoryConfig(name="names")))
    assert "version 1 rolled back, champion 1\n    rolled back from version 2" in text
    assert text.endswith("version 3 promoted, champion 3\n    for a try")


def test_a_run_that_ended_before_its_verdict_judges_without_training_again(
    run, inbox, invented_rows, notices, monkeypatch
):
    write(inbox / "a.conll", invented_rows(60, 1))
    run()
    write(inbox / "c.conll", invented_rows(200, 3))

    def fail(*arguments):
        raise BadInput("a verdict", got="none", todo="Try again.")

    with monkeypatch.context() as broken:
        broken.setattr(flow, "_verdict", fail)
        with pytest.raises(BadInput):
            run()
    assert notices() == ["promoted", "failed"]
    (folder_of("names") / "retrain.lock").write_text("process 1 on a machine")  # as a killed run leaves it
    resumed = run()
    assert (resumed["trained"], resumed["challenger"]) == (False, "2")
    assert resumed["reused"] == "version 2, which an earlier run trained on this corpus"
    assert notices()[2] == "died"
    assert not (folder_of("names") / "retrain.lock").exists()


def test_two_retrainings_at_once_are_one(run, inbox, invented_rows):
    write(inbox / "a.conll", invented_rows(60, 1))
    take(folder_of("names") / "retrain.lock", folder_of("names"))
    with pytest.raises(Locked, match="names: a retraining is going on already"):
        run()


@pytest.mark.parametrize("name", ["../x", "Names", "a b", "", "x" * 65])
def test_a_model_name_cannot_leave_its_folder(name):
    with pytest.raises(UsageError, match="expected --model"):
        RetrainConfig(corpus="mail", sources=(Path("x"),), model=name)
    with pytest.raises(UsageError, match="expected NAME"):
        PromoteConfig(name=name, version="1")


def test_a_challenger_begins_with_the_weights_of_the_champion(run, inbox, invented_rows, tmp_path):
    write(inbox / "a.conll", invented_rows(60, 1))
    assert "warm_start" not in model_folder.read(Path(run(warm_start=True)["train"]["model"])).values
    write(inbox / "b.conll", invented_rows(200, 3))
    other = RetrainConfig(corpus="mail", sources=(inbox,), model="names", warm_start=True)
    with pytest.raises(UsageError, match="a model of preset default"):
        retrain.fn(other)
    second = run(warm_start=True)
    assert second["ingest"]["added"] == ["b.conll"]  # not by the run that was refused
    passport = model_folder.read(Path(second["train"]["model"])).of_text
    assert passport.warm_start == promotion.folder_of_version("names", "1").name


def test_a_corpus_of_music_is_refused_before_anything_is_added(run, inbox, tracked_home):
    inbox.mkdir()
    (inbox / "b.conll").write_text("Ann B-PER\n")
    with DatasetWriter(tracked_home / "corpora" / "mail", kind="corpus-music", config={}) as writer:
        writer.commit([])
    with pytest.raises(
        UsageError, match=r"expected --task of generate for mail, of kind corpus-music. Got tag"
    ):
        run()
