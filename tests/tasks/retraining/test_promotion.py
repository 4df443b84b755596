"""Promotion: compare-and-set, a history that is never behind the registry, and a way back."""

import multiprocessing
import os
import signal

import pytest

from elman.data.errors import BadInput, IntegrityError, Locked
from elman.tasks.retraining import history, promotion
from elman.tasks.retraining.promotion import JUDGED_BY, VERDICT, Decision
from elman.tasks.runtime import registry

pytestmark = pytest.mark.kills
FORK = multiprocessing.get_context("fork")


def promote(version: str, against: str, why: str = "better", passed: bool = True) -> history.Entry:
    return promotion.change(
        Decision(name="names", version=version, judged_against=against, why=why, passed=passed)
    )


def in_child(function, *arguments) -> int | None:
    """Run a function in a process of its own; return its exit code, negative for a signal."""
    child = FORK.Process(target=function, args=arguments)
    child.start()
    child.join()
    return child.exitcode


def test_a_promotion_is_an_entry_an_alias_and_tags(registered):
    entry = promote("1", "")
    assert (entry.action, entry.before, entry.champion, entry.number) == ("promoted", "", "1", 1)
    content = registered.content()
    assert content["alias"] == "1"
    assert content["tags"]["1"][VERDICT] == "promoted"
    assert content["tags"]["1"]["elman.why"] == "better"
    assert history.read("names") == [entry]


def test_every_move_of_the_alias_is_an_event_and_a_refusal_is_none(registered, monkeypatch):
    events = []
    monkeypatch.setattr(promotion, "publish_event", lambda *arguments: events.append(arguments))
    promote("1", "")
    promote("2", "1", "not better", passed=False)
    registered.change("alias", "5")
    promotion.entries_of("names")
    told = [("elman.promoted", "elman.model.names", {"version": "1", "action": "promoted"})]
    told.append(("elman.promoted", "elman.model.names", {"version": "5", "action": "found"}))
    assert events == told


def test_a_refused_challenger_leaves_the_champion_and_stands_in_the_history(registered):
    promote("1", "")
    entry = promote("2", "1", "not better", passed=False)
    assert (entry.action, entry.champion) == ("refused", "1")
    assert registered.content()["alias"] == "1"
    assert registered.content()["tags"]["2"][VERDICT] == "kept out"


def test_a_challenger_judged_against_another_version_than_the_champion_is_outdated(registered):
    promote("1", "")
    promote("2", "1")
    entry = promote("3", "1")
    assert (entry.action, entry.champion) == ("outdated", "2")
    assert entry.why == (
        "version 3 was judged against version 1, but the champion is version 2 by now; judge it again"
    )
    assert VERDICT not in registered.content()["tags"]["3"]


def test_the_frozen_test_set_is_that_of_the_first_champion(registered):
    promote("4", "")
    promote("7", "4")
    promote("9", "7")
    tags = registered.content()["tags"]
    assert [tags[n][JUDGED_BY] for n in ("4", "7", "9")] == ["4", "4", "4"]


def test_of_twenty_promotions_at_once_one_wins_and_all_stand_in_the_history(registered):
    promote("1", "")
    children = [FORK.Process(target=promote, args=(str(n), "1")) for n in range(2, 22)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 20
    entries = history.read("names")[1:]
    assert [entry.number for entry in entries] == list(range(2, 22))
    winners = [entry for entry in entries if entry.done]
    assert len(winners) == 1
    assert registered.content()["alias"] == winners[0].version == entries[-1].champion


@pytest.mark.parametrize(
    "place",
    [
        (history, "append", "before"),
        (history, "append", "after"),
        (registry, "promote", "before"),
        (registry, "promote", "after"),
        (registry, "set_version_tag", "after"),
        (history, "set_mirrored", "before"),
        (history, "set_mirrored", "after"),
    ],
    ids=lambda place: f"{place[2]} {place[1]}",
)
def test_killed_between_any_two_steps_the_champion_is_the_old_or_the_new_one(registered, monkeypatch, place):
    promote("1", "")
    module, step, when = place
    done = getattr(module, step)

    def killed(*arguments, **named):
        if when == "after":
            done(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    def promote_and_die() -> None:
        monkeypatch.setattr(module, step, killed)
        promote("2", "1")

    assert in_child(promote_and_die) == -signal.SIGKILL
    assert registered.content()["alias"] in ("1", "2")
    entries = promotion.entries_of("names")  # the next run
    champion = entries[-1].champion
    assert champion == ("1" if (step, when) == ("append", "before") else "2")
    assert registered.content()["alias"] == champion
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert len(entries) == int(champion)
    assert registered.content()["tags"][champion][VERDICT] == "promoted"


def test_a_registry_that_fails_is_told_by_the_next_command(registered, monkeypatch, capsys):
    promote("1", "")

    def fail(*arguments):
        raise ConnectionError("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(registry, "promote", fail)
        assert promote("2", "1").done
    assert registered.content()["alias"] == "1"
    assert "MLflow was not told of the decision (no answer)" in capsys.readouterr().err
    assert promotion.champion_of("names") == "2"
    assert registered.content()["alias"] == "2"


def test_an_alias_moved_by_another_hand_becomes_an_entry(registered):
    promote("1", "")
    registered.change("alias", "5")
    (_, found) = promotion.entries_of("names")
    assert (found.action, found.before, found.champion) == ("found", "1", "5")
    assert found.why == "MLflow's alias was moved by another hand"
    assert len(promotion.entries_of("names")) == 2


def test_a_champion_from_before_the_history_is_its_first_entry(registered):
    registered.change("alias", "3")
    (first,) = promotion.entries_of("names")
    assert (first.action, first.champion) == ("found", "3")


@pytest.fixture
def sound(monkeypatch):
    """Model folders whose hashes hold, but for those named here."""
    damaged: set[str] = set()

    def read(folder):
        if folder in damaged:
            raise IntegrityError(f"{folder}: expected sha256. Got another.")

    monkeypatch.setattr(promotion, "folder_of_version", lambda name, version: version)
    monkeypatch.setattr(promotion.model_folder, "read", read)
    return damaged


def test_a_rollback_goes_to_the_champion_before_and_further_by_name(registered, sound):
    for version, against in (("1", ""), ("2", "1"), ("3", "2")):
        promote(version, against)
    promote("4", "3", "worse", passed=False)
    entry = promotion.rollback("names", None)
    assert (entry.action, entry.champion, entry.why) == ("rolled back", "2", "rolled back from version 3")
    assert registered.content()["alias"] == "2"
    assert promotion.rollback("names", "1", "complaints").why == "complaints"


def test_a_rollback_to_a_damaged_version_is_refused(registered, sound):
    promote("1", "")
    promote("2", "1")
    sound.add("1")
    with pytest.raises(IntegrityError):
        promotion.rollback("names", None)
    assert registered.content()["alias"] == "2"


@pytest.mark.parametrize(("version", "expected"), [("99", "a version of names: 1, 2"), ("2", "another")])
def test_a_rollback_to_no_version_or_the_champion_says_so(registered, sound, version, expected):
    promote("2", "")
    with pytest.raises(BadInput, match=f"expected {expected}"):
        promotion.rollback("names", version)


def test_without_an_earlier_champion_there_is_no_rollback(registered, sound):
    with pytest.raises(BadInput, match="names has had no champion alone"):
        promotion.rollback("names", None)


def test_a_damaged_history_names_its_line(registered):
    promote("1", "")
    path = history.folder_of("names") / "history.jsonl"
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(IntegrityError, match=r"history\.jsonl:2: expected a decision"):
        promotion.entries_of("names")


def test_a_lock_that_is_held_too_long_is_an_error(registered):
    with history.locked("names"), pytest.raises(Locked), history.locked("names", wait_s=0.05):
        pass
