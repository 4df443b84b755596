"""The command line: usage, exit codes, and summaries."""

import subprocess
import sys

import pytest

from elman.flows import cli


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_names_every_command(arguments, capsys):
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert [name for name in cli.COMMANDS if f"\n  {name} " not in shown] == []


def test_an_unknown_command_is_a_usage_error(capsys):
    assert cli.main(["tagg"]) == 2
    assert "'tagg'" in capsys.readouterr().err


def test_an_error_is_told_where_its_details_cannot_be_kept(home, tmp_path, capsys):
    (home / "crashes").parent.mkdir()
    (home / "crashes").write_text("in the way")
    (home / "runs").write_text("in the way")
    (tmp_path / "a.txt").write_text("Mia lives here.")
    assert cli.main(["ingest", str(tmp_path / "a.txt"), "--name", "a"]) == 1
    said = capsys.readouterr().err
    assert "Details: not kept" in said
    assert str(home / "crashes") in said


def test_no_command_is_a_usage_error(capsys):
    assert cli.main([]) == 2
    assert "usage: elman" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_has_a_config_whose_fields_are_its_options(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])
    assert stopped.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_an_unknown_option_is_a_usage_error(home):
    out = subprocess.run(
        [sys.executable, "-m", "elman.flows.cli", "ingest", "x", "--name", "n", "--colour", "red"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 2
    assert "--colour" in out.stderr + out.stdout


def test_a_missing_file_ends_with_3_and_one_message(home, tmp_path):
    missing = tmp_path / "missing.conll"
    command = [sys.executable, "-m", "elman.flows.cli", "ingest", str(missing), "--name", "n", "--json"]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 3
    assert str(missing) in out.stderr
    assert "Traceback" not in out.stderr
    assert out.stdout == ""


@pytest.mark.heavy
def test_a_damaged_file_ends_with_4_and_names_it(home, tmp_path):
    (tmp_path / "a.conll").write_text("Tom B-PER\nsleeps O\n\n" * 30)
    command = [sys.executable, "-m", "elman.flows.cli"]
    done = subprocess.run(
        [*command, "ingest", str(tmp_path / "a.conll"), "--name", "a"], capture_output=True, check=True
    )
    path = next((home / "corpora" / "a" / "data").iterdir())
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    done = subprocess.run([*command, "train", "a"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_first_run_says_that_it_compiles(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    missing = [str(tmp_path / "missing.conll"), "--name", "n"]
    assert cli.main(["ingest", *missing]) == 3
    assert "compiles its kernels" in capsys.readouterr().err
    (tmp_path / "kernels").mkdir(exist_ok=True)
    (tmp_path / "kernels" / "one.nbi").touch()
    assert cli.main(["ingest", *missing]) == 3
    assert "compiles" not in capsys.readouterr().err


def test_render_writes_tables_in_rows_as_words():
    shown = cli.render({"rungs": [{"rung": "Elman", "dev": {"f1": 0.61669, "deviation": 0.0}}]})
    assert shown.splitlines() == ["rungs", "  Elman  f1 0.6167, deviation 0"]


def test_render_aligns_values_and_makes_control_characters_visible():
    shown = cli.render(
        {"f1": 0.5, "types": {"PER\x1b[31m": {"f1": 1.0, "n": 2}}, "none": None, "list": ["a"]}
    )
    assert shown.splitlines() == [
        "f1     0.5",
        "types",
        "  PER\\x1b[31m  f1 1  n 2",
        "list",
        "  a",
    ]
