"""A wheel has all packages, the sample data and prefect.yaml, and its commands run where it is installed."""

import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy
PACKAGES = ("data", "rnn", "tasks", "flows")


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> Path:
    """Built without the network from a copy: setuptools leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "checkout"
    copy.mkdir()
    for name in ("elman", *PACKAGES):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / name, copy / name, symlinks=True, ignore=ignore)
    for name in ("pyproject.toml", "prefect.yaml", "README.md", "LICENSE"):
        shutil.copyfile(checkout / name, copy / name)
    command = [
        "uv",
        "build",
        "--wheel",
        "--offline",
        "--no-build-isolation",
        "--quiet",
        "--python",
        sys.executable,
    ]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--out-dir", folder, copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elman(wheel, tmp_path_factory):
    """Run the command of a fresh environment that has the wheel, and sees the packages it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run([sys.executable, "-m", *install], check=True)
    (packages,) = (folder / "env" / "lib").glob("*/site-packages")
    (packages / "dependencies.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))

    def run(*arguments: str) -> str:
        env = {
            key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PREFECT_API_URL")
        }
        env |= {"ELMAN_HOME": str(folder / "home"), "NUMBA_DISABLE_JIT": "1"}
        command = [folder / "env" / "bin" / "elman", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run, packages / "elman"


def test_a_wheel_has_every_module_and_all_data(wheel, checkout):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("elman/")}
    files = {
        f"elman/{path.relative_to(checkout).as_posix()}"
        for package in PACKAGES
        for path in (checkout / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == files | {"elman/__init__.py", "elman/prefect.yaml"}


def test_commands_run_from_a_wheel(elman):
    run, package = elman
    assert "elman COMMAND" in run("--help")
    assert "--text-only" in run("demo", "--help")
    assert json.loads(run("status", "--json"))["servers"]["prefect"] == "stopped"
    sample = package / "data" / "samples" / "english" / "dev.jsonl"
    run("ingest", str(sample), "--name", "samples", "--as", "train")
    assert "Zsigmond" in run("show", "samples", "Zsigmond Cakes")


def test_flows_of_a_wheel_are_deployed_from_its_folder(elman):
    """Entry points of prefect.yaml count from the folder that the pull step enters."""
    _, package = elman
    text = (package / "prefect.yaml").read_text()
    entrypoints = [
        line.split(": ")[1] for line in text.splitlines() if line.strip().startswith("entrypoint:")
    ]
    assert [(package / entry.split(":")[0]).is_file() for entry in entrypoints] == [True] * 5
