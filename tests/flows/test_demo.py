"""The demo, run as a newcomer runs it; what needs a download is left to `make demo`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory, checkout):
    """The demo's text half in a home of its own: its summary, and what it showed."""
    home = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "elman.flows.cli", "demo", "--text-only", "--json"]
    env = {
        "PATH": "/usr/bin:/bin",
        "ELMAN_HOME": str(home),
        "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"],
    }
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("date on", "[Sam Li PERSON] and [Tom PERSON] date on [Tuesday TIME]."),
        ("飛往", "[林雅婷 PERSON][星期五 TIME]從[里斯本 PLACE]飛往[日本 COUNTRY]。"),
    ],
)
def test_the_names_of_a_sentence_are_found_whole(demo, part, expected):
    line = next(line for line in demo[1].splitlines() if part in line)
    assert re.sub(r" \d\.\d\d\]", "]", line) == expected


def test_the_network_is_ahead_of_all_it_is_compared_with(demo):
    """On dev; the network of the article is compared with the one that the article argues against alone."""
    rows = [line.split() for line in demo[1].splitlines()]
    names = ("model", "Elman", "window", "standard", "most")
    f1 = {row[0]: float(row[-5]) for row in rows if row[-1:] == ["s"] and row[0] in names}
    assert set(f1) == set(names)
    assert f1["model"] > max(f1[name] for name in names[1:])
    assert f1["Elman"] > f1["standard"]


def test_the_page_is_tagged_with_offsets_into_it(demo, checkout):
    page = (checkout / "data" / "samples" / "page.txt").read_text(encoding="utf-8")
    found = Dataset.open(demo[0]["text"]["tagged"]).scan().collect()
    assert len(found) > 10
    assert all(page[a:b] == text for a, b, text in found.select("start", "end", "text").iter_rows())


def test_a_melody_begins_from_one_note(demo):
    out = Path(demo[0]["melody"]["generated"])
    assert (out / "wav" / "000000.wav").stat().st_size > 100_000
    assert Dataset.open(out).scan().collect()["start"].to_list() == ["G"] * 3
    assert "T:Piece 0" in demo[1]


def test_a_spoken_number_is_written_down(demo):
    (text,) = Dataset.open(demo[0]["speech"]["transcribed"]).scan().collect()["text"]
    assert text == "three one four one five nine"
    assert f"said:  {text}" in demo[1]
