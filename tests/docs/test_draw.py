"""The picture of the documentation is that of the comparison with the most to judge by."""

import json

import pytest


def write(home, run, *tokens):
    folder = home / "runs" / run / "artifacts"
    folder.mkdir(parents=True)
    rows = [
        {"group": str(n), "entity_tokens": count, "entity_accuracy": {"model": 0.5, "rule": 0.2}}
        for n, count in enumerate(tokens)
    ]
    report = {"networks": [{"name": "model"}, {"name": "rule"}], "by_position": rows, "by_seen": rows}
    (folder / "comparison.json").write_text(json.dumps(report))


def test_the_largest_comparison_is_drawn(script, home, tmp_path):
    draw = script("draw")
    write(home, "20260101T000000-train-a", 40, 60)
    write(home, "20260102T000000-train-b", 400, 0)
    write(home, "20260103T000000-train-c", 9)
    write(home, "20260104T000000-tag-d", 900)
    assert draw.largest(home / "runs").parts[-3] == "20260102T000000-train-b"
    assert draw.draw(tmp_path / "img").read_bytes().startswith(b"\x89PNG")


def test_without_a_comparison_it_says_what_to_do(script, home, tmp_path):
    with pytest.raises(SystemExit, match="make demo"):
        script("draw").draw(tmp_path / "img")
    with pytest.raises(SystemExit, match=r"expected val\.conllu\.gz"):
        script("draw").compare(tmp_path)
