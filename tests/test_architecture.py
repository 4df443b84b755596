"""Arrows point down only: flows -> tasks -> data, rnn; data and rnn never meet; observers stay put."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

OURS = {"flows", "tasks", "data", "rnn"}
FORBIDDEN = {
    "data": {"flows", "tasks", "rnn", "prefect", "mlflow"},
    "rnn": {"flows", "tasks", "data", "polars", "pyarrow", "prefect", "mlflow"},
    "tasks": {"flows"},
    "flows": {"rnn"},
}
ONLY_IN = {  # observers may be imported in these files and nowhere else
    "mlflow": {"tasks/runtime/mlflow_sync.py", "tasks/models/mlflow_model.py"},
    "prefect": {"tasks/runtime/orchestration.py", "tasks/runtime/servers.py"},
}
AT_START_UP = {"prefect", "mlflow", "numba", "polars", "tyro"}  # not loaded by `elman --help`


def imports_of(path: Path) -> set[str]:
    """Top-level names a file imports anywhere, also inside functions and by `import_module`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value).split(".")[0])
    return names


def violations(root: Path) -> list[str]:
    found = []
    for package in OURS:
        for path in sorted((root / package).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            names = imports_of(path)
            found += [f"{place} imports {name}" for name in sorted(names & FORBIDDEN[package])]
            found += [
                f"{place} imports {o}" for o, rooms in ONLY_IN.items() if o in names and place not in rooms
            ]
    return found


def test_arrows_point_down_only(checkout):
    assert violations(checkout) == []


def circles(root: Path) -> list[set[str]]:
    """Modules that import one another round about, wherever in the file the import stands."""
    arrows: dict[str, set[str]] = {}
    for package in OURS:
        for path in (root / package).rglob("*.py"):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            arrows[name] = set()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    arrows[name] |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    arrows[name] |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    reached = {name: targets & arrows.keys() for name, targets in arrows.items()}
    while True:
        further = {
            name: set().union(targets, *(reached[t] for t in targets)) for name, targets in reached.items()
        }
        if further == reached:
            break
        reached = further
    return [
        {name, *(o for o in reached[name] if name in reached[o])}
        for name in sorted(reached)
        if name in reached[name]
    ]


def test_no_module_imports_itself_round_about(checkout):
    assert circles(checkout) == []


def test_a_planted_circle_is_found(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.py").write_text("def f():\n    from data import two")
    (tmp_path / "data" / "two.py").write_text("from data.one import f")
    assert circles(tmp_path)[0] == {"data.one", "data.two"}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("data/planted.py", "from rnn import fit"),
        ("rnn/planted.py", "def f():\n    import polars"),
        ("tasks/planted.py", "import flows.cli"),
        ("tasks/planted.py", "import importlib\nimportlib.import_module('mlflow')"),
        ("flows/planted.py", "from prefect import flow"),
    ],
)
def test_a_planted_wrong_import_is_found(tmp_path, place, line):
    path = tmp_path / place
    path.parent.mkdir()
    path.write_text(line)
    assert len(violations(tmp_path)) == 1


def loaded_by(statement: str, cwd: Path) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"import sys\n{statement}\nprint(*{{m.split('.')[0] for m in sys.modules}})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    return set(out.stdout.splitlines()[-1].split())


def test_help_loads_nothing_heavy(checkout):
    assert loaded_by("from elman.flows.cli import main; main(['--help'])", checkout) & AT_START_UP == set()


def test_the_module_check_can_fail(checkout):
    assert "polars" in loaded_by("import elman.data.store.schema", checkout)


@pytest.mark.parametrize("package", ["data", "rnn"])
def test_data_and_rnn_load_alone(checkout, package):
    modules = [
        ".".join(path.relative_to(checkout).with_suffix("").parts)
        for path in (checkout / package).rglob("*.py")
    ]
    loaded = loaded_by(
        "\n".join(f"import {module}" for module in modules if "samples" not in module), checkout
    )
    assert loaded & FORBIDDEN[package] == set()
