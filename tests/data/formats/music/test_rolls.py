"""Rolls as JSON: splits, voices and time steps of the file; bad pieces are quarantined."""

import io
import json
from functools import partial

import pytest

from elman.data.formats import registry
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.music.rolls import read
from elman.data.formats.registry import Head


def pieces(value, name="rolls.json"):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(read(partial(io.BytesIO, raw), name, Options()))


def test_a_roll_is_one_voice_and_its_split_that_of_the_file():
    first, second = pieces({"train": [[[60, 64], [], [67]]], "valid": [[[60]]]})
    assert (first.id, first.split, second.split) == ("rolls.json#train-1", "train", "dev")
    assert first.voices == (((60, 64), (), (67,)),)
    assert (first.steps, first.steps_per_quarter) == (3, 1)


def test_steps_of_as_many_numbers_that_do_not_rise_are_voices():
    (piece,) = pieces({"test": [[[74, 58], [-1, 57]]]}, "Jsb16thSeparated.json")
    assert piece.voices == (((74,), ()), ((58,), (57,)))
    assert piece.steps_per_quarter == 4


@pytest.mark.parametrize("bad", [[[20]], [[109]], [["C"]], [[True]], [60], "x", [[60.5]]])
def test_a_piece_of_other_values_is_quarantined(bad):
    refused, kept = pieces({"train": [bad, [[60]]]})
    assert isinstance(refused, Quarantined)
    assert refused.reason == "invalid-roll"
    assert "train-1" in refused.detail
    assert kept.id == "rolls.json#train-2"


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"other": []}', b'{"train": 1}', b"[" * 9999, b"\xff"])
def test_a_file_of_another_form_is_quarantined(raw):
    (refused,) = pieces(raw)
    assert refused.reason == "invalid-json"


def test_a_piece_without_notes_is_quarantined():
    assert [piece.reason for piece in pieces({"train": [[], [[]], [[-1]]]})] == ["no-notes"] * 3


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"train": [[[60, 64]]]}', "rolls"),
        (b' {"test":[[[]]]}', "rolls"),
        (b'{"text": "x"}\n', "jsonl"),
        (b'{"train": "x", "text": "y"}\n', "jsonl"),
    ],
)
def test_detection(raw, kind):
    assert registry.detect(Head("a", raw, whole=True)).name == kind
