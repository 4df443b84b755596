"""The Dockerfile keeps the usual rules, and its steps install what the lock names in an empty environment.

No image is built: that needs a running Docker. The steps are run as they stand, in other folders.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

KNOWN = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENTRYPOINT", "CMD"}


def instructions(checkout: Path) -> list[tuple[str, str]]:
    """Instructions with their arguments, those over several lines joined."""
    text = (checkout / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in joined.splitlines()]


@pytest.fixture(scope="module")
def steps(checkout) -> list[tuple[str, str]]:
    return instructions(checkout)


def of(steps: list[tuple[str, str]], name: str) -> list[str]:
    return [argument for instruction, argument in steps if instruction == name]


def copied(steps: list[tuple[str, str]]) -> list[str]:
    """Files and folders of the checkout that are copied."""
    return [name for line in of(steps, "COPY") if not line.startswith("--from") for name in line.split()[:-1]]


def test_only_known_instructions_stand_in_it_and_nothing_is_added_from_addresses(steps):
    assert {name for name, _ in steps} <= KNOWN
    assert not [line for line in of(steps, "RUN") if re.search(r"curl|wget|sudo|https?://|chmod 777", line)]


def test_every_image_is_of_the_python_that_pyproject_asks_for_and_none_of_latest(steps, checkout):
    images = {line.split()[0] for line in of(steps, "FROM")}
    (image,) = images
    assert re.fullmatch(r"python:\d+\.\d+-slim-[a-z]+", image)
    least = re.search(r'requires-python = ">=(\d+\.\d+)', (checkout / "pyproject.toml").read_text())
    assert least is not None
    assert image.startswith(f"python:{least[1]}-")


def test_it_does_not_run_as_root_and_its_command_is_no_shell(steps):
    names = [name for name, _ in steps]
    last = len(names) - 1 - names[::-1].index("USER")
    assert steps[last][1] == "elman"
    assert "RUN" not in names[last:]
    for name in ("ENTRYPOINT", "CMD"):
        (line,) = of(steps, name)
        assert all(isinstance(word, str) for word in json.loads(line))


def test_folders_are_absolute_and_what_is_copied_is_there_and_not_ignored(steps, checkout):
    assert all(line.startswith("/") for line in (*of(steps, "WORKDIR"), *of(steps, "VOLUME")))
    ignored = (checkout / ".dockerignore").read_text().splitlines()
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied(steps))
    assert [name for name in copied(steps) if not (checkout / name).exists()] == []


def test_every_package_comes_from_the_lock_with_its_hash(steps):
    installs = [
        part
        for line in of(steps, "RUN")
        for part in line.split("&&")
        if re.search("pip (install|sync)", part)
    ]
    assert len(installs) == 3
    assert all("--require-hashes" in part for part in installs[:2])
    assert "--no-deps" in installs[2]
    assert "--offline" in installs[2]


@pytest.mark.slow
def test_its_steps_install_elman_into_an_empty_environment(steps, checkout, tmp_path):
    app, environment = tmp_path / "app", tmp_path / "environment"
    app.mkdir()
    for name in copied(steps):
        if (checkout / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(checkout / name, app / name, symlinks=True, ignore=ignore)
        else:
            shutil.copyfile(checkout / name, app / name)
    end = [name for name, _ in steps].index("FROM", 1)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    clean |= dict(pair.split("=", 1) for line in of(steps[:end], "ENV") for pair in shlex.split(line))
    clean |= {"ELMAN_HOME": str(tmp_path / "home"), "NUMBA_DISABLE_JIT": "1"}
    for line in of(steps[:end], "RUN"):
        command = line.replace("/opt/elman", str(environment))
        done = subprocess.run(
            ["sh", "-ec", command], cwd=app, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    def run(*arguments: str) -> str:
        command = [str(environment / "bin" / "elman"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "elman COMMAND" in run("--help")
    sample = app / "data" / "samples" / "english" / "dev.jsonl"
    summary = json.loads(run("ingest", str(sample), "--name", "samples", "--as", "train", "--json"))
    assert summary["ingested"] > 0
    listed = subprocess.run(
        [environment / "bin" / "uv", "pip", "freeze", "--python", environment / "bin" / "python"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    pairs = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
    locked = pairs.findall((app / "requirements.lock").read_text())  # of some packages a version each Python
    installed = pairs.findall(listed)
    assert {entry for entry in installed if entry[0] != "pip"} <= set(locked)
    assert {"prefect", "mlflow", "polars", "numpy", "numba"} <= {name for name, _ in installed}
