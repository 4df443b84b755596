"""Passports keep their keys on disk, and those of the last release are read."""

import json

import pytest

from elman.tasks.models.passport import GenePassport, TextPassport, passport_of

OF_THE_FOLDER = {"format", "code", "commit", "files"}  # added when the folder is written


def test_passports_of_the_last_release_are_read_and_written_alike(checkout):
    paths = sorted((checkout / "tests" / "fixtures" / "v0_1").glob("home/models/*/passport.json"))
    kinds = set()
    for path in paths:
        values = json.loads(path.read_bytes())
        passport = passport_of(values)
        kinds.add(type(passport))
        plain = json.loads(json.dumps(passport.to_json()))
        assert plain == {key: value for key, value in values.items() if key not in OF_THE_FOLDER}
    assert kinds == {TextPassport, GenePassport}


@pytest.mark.parametrize("values", [{}, {"kind": "music"}, {"kind": "dna"}, {"kind": "text", "corpus": {}}])
def test_other_values_are_no_passport(values):
    with pytest.raises((KeyError, TypeError, ValueError)):
        passport_of(values)
