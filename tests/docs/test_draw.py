"""The picture of the documentation is that of the latest comparison."""

import pytest


def test_the_latest_comparison_is_taken(script, home, tmp_path):
    draw = script("draw")
    for run in ("20260101T000000-train-a", "20260102T000000-train-b", "20260103T000000-tag-c"):
        folder = home / "runs" / run / "artifacts"
        folder.mkdir(parents=True)
        (folder / "comparison.png").write_text(run)
    assert draw.draw(tmp_path / "img").read_text() == "20260102T000000-train-b"


def test_without_a_comparison_it_says_what_to_do(script, home, tmp_path):
    with pytest.raises(SystemExit, match="make demo"):
        script("draw").draw(tmp_path / "img")
