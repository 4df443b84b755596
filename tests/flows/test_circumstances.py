"""Commands where the folder, the user, the environment or the streams are not what one expects."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from elman.data.store.dataset import Dataset
from elman.flows import cli

CONLL = "Anna\tB-PER\nleft\tO\n\n" * 3


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "train.conll"
    path.write_text(CONLL)
    return path


def shell(checkout: Path, script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell in which `elman` is the command."""
    script = f'elman() {{ {sys.executable} -m elman.flows.cli "$@"; }}; {script}'
    env = {**os.environ, "PYTHONPATH": str(checkout), **environment}
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=cwd, env=env, check=False)


def test_a_working_directory_that_is_gone_ends_with_1_and_a_message(checkout, home, tmp_path, source):
    (tmp_path / "gone").mkdir()
    done = shell(checkout, f"rmdir ../gone; elman ingest {source} --name ./out", tmp_path / "gone")
    assert done.returncode == 1
    assert done.stderr == "elman ingest: the working directory is gone. Change to a folder that exists.\n"


def test_a_home_that_cannot_be_made_ends_with_1_and_a_message(monkeypatch, source, capsys):
    monkeypatch.setenv("ELMAN_HOME", "/proc/elman/home")
    assert cli.main(["ingest", str(source), "--name", "x"]) == 1
    assert "/proc" in capsys.readouterr().err.splitlines()[-1]


def test_a_home_that_is_a_file_is_told_with_what_to_do(home, source, capsys):
    home.write_text("in the way")
    assert cli.main(["ingest", str(source), "--name", "x"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"{home} is not a folder" in said
    assert "ELMAN_HOME" in said


def test_a_link_that_leads_nowhere_is_no_such_folder(home, tmp_path, source, capsys):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert cli.main(["ingest", str(source), "--name", str(tmp_path / "link")]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'link'}: no such folder: a link to {tmp_path / 'nowhere'}" in said


@pytest.mark.parametrize("stdout", [">&-", "| true"])
def test_a_closed_stdout_is_told_once_the_work_is_done(checkout, home, tmp_path, source, stdout):
    script = f"{{ elman ingest {source} --name x; echo code $? >&2; }} {stdout}"
    if stdout == "| true":  # the reader has gone before anything is written
        script = f"{{ sleep 0.2; elman ingest {source} --name x; echo code $? >&2; }} {stdout}"
    done = shell(checkout, script, tmp_path)
    assert done.stderr.splitlines()[-2:] == [
        "elman ingest: done; stdout is closed, so its summary is not shown.",
        "code 0",
    ]
    assert Dataset.open(home / "corpora" / "x").scan().collect().height == 3


@pytest.mark.heavy
def test_modules_of_the_user_are_never_taken_for_ours(checkout, home, tmp_path, source, trained):
    """In the working directory and on PYTHONPATH lie names of our packages, none of which can be imported."""
    mine = tmp_path / "mine"
    (mine / "flows").mkdir(parents=True)
    for name in ("tasks.py", "data.py", "rnn.py", "flows/__init__.py"):
        (mine / name).write_text("raise ImportError('a module of the user')")
    (mine / "page.txt").write_text("Badeson met Gorubson in Tinakburg .")
    tag = f"elman tag {trained['model']} page.txt --out out --workers 1"
    script = f"elman status && elman ingest {source} --name x && {tag}"
    done = shell(checkout, script, mine, PYTHONPATH=f".:{checkout}", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert Dataset.open(mine / "out").scan().collect().height > 0


@pytest.fixture
def folder():
    """A folder that users other than that of the tests can enter, unlike `tmp_path`."""
    path = Path(tempfile.mkdtemp(prefix="elman-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


WITHOUT_RIGHTS = """
import os, sys
from elman.flows.cli import main
source, home, *arguments = sys.argv[1:]
main(["ingest", source, "--name", "first"])  # loads all modules: another user may not be able to read them
os.environ["ELMAN_HOME"] = home
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
print("without rights:", file=sys.stderr)
sys.exit(main(arguments))
"""


@pytest.fixture
def without_rights(checkout, folder):
    """Run a command as a user without rights, as root another one; return its exit code and stderr."""
    source = folder / "first.conll"
    source.write_text(CONLL)

    def run(home: Path, *arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-c", WITHOUT_RIGHTS, str(source), str(home), *arguments]
        env = {
            "ELMAN_HOME": str(folder / "first"),
            "NUMBA_DISABLE_JIT": "1",
        }  # as `env -i`, without compiling
        done = subprocess.run(command, capture_output=True, text=True, cwd=checkout, env=env, check=False)
        return done.returncode, done.stderr.partition("without rights:\n")[2]

    return run


@pytest.mark.heavy
def test_a_home_that_cannot_be_written_is_told_in_one_line(without_rights, folder):
    (folder / "home").mkdir(mode=0o555)
    code, said = without_rights(folder / "home", "ingest", str(folder / "first.conll"), "--name", "x")
    assert code == 1
    assert said.splitlines()[-1] == (
        f"elman ingest: {folder}/home: expected a folder to keep what runs produce. Got one that cannot "
        f"be used: {folder}/home may not be written by this user. Set ELMAN_HOME to a folder of your own."
    )
    assert "Traceback" not in said


@pytest.mark.heavy
def test_an_empty_environment_and_a_user_without_a_home_suffice(without_rights, folder):
    (folder / "home").mkdir()
    (folder / "home").chmod(0o777)
    code, said = without_rights(folder / "home", "ingest", str(folder / "first.conll"), "--name", "x")
    assert code == 0, said
    assert Dataset.open(folder / "home" / "corpora" / "x").scan().collect().height == 3


@pytest.mark.heavy
def test_an_output_and_a_source_without_rights_are_named(without_rights, folder):
    for name, mode in (("home", 0o777), ("shut", 0o555)):
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    source, shut = folder / "first.conll", folder / "shut" / "x"
    code, said = without_rights(folder / "home", "ingest", str(source), "--name", str(shut))
    assert code == 1
    assert f"{shut}: Permission denied" in said.splitlines()[-1]
    hidden = folder / "hidden.conll"
    hidden.write_text(CONLL)
    hidden.chmod(0o000)
    code, said = without_rights(folder / "home", "ingest", str(hidden), "--name", "x")
    assert code in {1, 3}
    assert str(hidden) in said.splitlines()[-1]
    assert "Permission denied" in said.splitlines()[-1]


EVERY_COMMAND = """
import json, os, sys
from elman.flows.cli import main
commands = json.loads(sys.argv[1])
for rights in ("all", "none"):
    if rights == "none":
        os.chmod(os.environ["ELMAN_HOME"], 0o555)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
    for arguments in commands:
        print("begin", rights, arguments[0], file=sys.stderr, flush=True)
        code = main([word.replace("RIGHTS", rights) for word in arguments])
        print("\\nend", code, file=sys.stderr, flush=True)
"""


@pytest.mark.heavy
def test_every_command_behind_a_proxy_then_without_rights_on_a_read_only_home(checkout, folder, trained):
    """The environment is empty but for proxies, where nobody answers, and the places of home and kernels."""
    (folder / "free").mkdir()
    (folder / "free").chmod(0o777)
    shutil.copytree(trained["model"], folder / "model")
    source, page = folder / "a.conll", folder / "page.txt"
    source.write_text(CONLL * 30)
    page.write_text("Anna left.")
    commands = [
        ["ingest", str(source), "--name", "RIGHTS"],
        ["train", "all", "--preset", "article", "--epochs", "1"],
        ["tag", str(folder / "model"), str(page), "--out", f"{folder}/free/RIGHTS", "--workers", "0"],
        ["check", str(source)],
        ["status"],
    ]
    proxies = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    env = {
        "ELMAN_HOME": str(folder / "home"),
        "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"],
        **dict.fromkeys(proxies, "http://127.0.0.1:9"),
    }
    command = [sys.executable, "-c", EVERY_COMMAND, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=checkout, env=env, check=False)
    (folder / "home").chmod(0o755)
    assert "Traceback" not in done.stderr
    said = {}
    for part in done.stderr.split("begin ")[1:]:
        name, _, rest = part.partition("\n")
        *lines, end = rest.strip().splitlines()
        said[name] = (int(end.removeprefix("end ")), [line for line in lines if line][-1:])
    names = [arguments[0] for arguments in commands]
    assert [said[f"all {name}"][0] for name in names] == [0] * 5, done.stderr
    assert [said[f"none {name}"][0] for name in names] == [1, 1, 1, 0, 0], done.stderr
    for name in names[:3]:
        (line,) = said[f"none {name}"][1]
        assert (
            f"{folder}/home may not be written by this user. Set ELMAN_HOME to a folder of your own." in line
        )
