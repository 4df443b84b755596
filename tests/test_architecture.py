"""Import rules: flows -> tasks -> data, rnn; folders depend downwards; Prefect, MLflow in `runtime` alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("data", "rnn", "tasks", "flows")
# Folders in layers, lowest first: a module imports from its own folder and from those of the lines above.
LAYERS = {
    "data": (
        ("", "store", "starts"),
        ("text", "genome", "music", "audio"),
        ("encoding", "formats"),
        ("sources", "exports", "metrics"),
        ("corpus", "redaction"),
        ("quality",),
    ),
    "rnn": (("", "compute"), ("layers",), ("networks",), ("inference",), ("training",)),
    "tasks": (
        ("", "runtime", "documents"),
        ("models", "ingest", "servers"),
        ("training", "tagging"),
        ("evaluation", "execution", "demo", "inspection", "labelling"),
        ("retraining",),
        ("experiments", "lineage", "learning"),
        ("differences", "generation", "classification", "transcription"),
    ),
    "flows": (("learning",), ("",), ("lineage", "labelling")),
}
MOST_MODULES, MOST_LINES = 14, 400
FORBIDDEN = {
    "data": {"elman.flows", "elman.tasks", "elman.rnn", "prefect", "mlflow"},
    "rnn": {"elman.flows", "elman.tasks", "elman.data", "polars", "pyarrow", "prefect", "mlflow"},
    "tasks": {"elman.flows"},
    "flows": {"elman.rnn"},
}
ONLY_IN = {  # the only files that may import Prefect and MLflow
    "mlflow": {
        "tasks/runtime/mlflow_connection.py",
        "tasks/runtime/mlflow_experiments.py",
        "tasks/runtime/mlflow_models.py",
        "tasks/runtime/mlflow_sync.py",
        "tasks/runtime/registry.py",
        "tasks/models/mlflow_model.py",
        "tasks/retraining/clean_process.py",
        "tasks/generation/mlflow_model.py",
        "tasks/classification/mlflow_model.py",
        "tasks/transcription/mlflow_model.py",
    },
    "prefect": {
        "tasks/runtime/artifacts.py",
        "tasks/runtime/orchestration.py",
        "tasks/servers/prefect_runs.py",
    },
}
AT_START_UP = {"prefect", "mlflow", "numba", "polars", "tyro"}  # not loaded by `elman --help`


def imports_of(path: Path) -> set[str]:
    """Dotted names a file imports anywhere, also inside functions and by `import_module`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module"
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(str(node.args[0].value))
    return names


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Dotted names and paths of all modules of the packages, sample data aside."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield "elman." + ".".join(path.relative_to(root).with_suffix("").parts), path


def packages_in(names: set[str]) -> set[str]:
    """Third-party packages by their first name, our own by two: `polars`, `elman.rnn`."""
    return {".".join(name.split(".")[: 2 if name.startswith("elman.") else 1]) for name in names}


def violations(root: Path) -> list[str]:
    """Imports that the rules between packages forbid."""
    found = []
    for _, path in modules(root):
        place = path.relative_to(root).as_posix()
        names = packages_in(imports_of(path))
        forbidden = names & FORBIDDEN[place.split("/")[0]]
        observers = {name for name, places in ONLY_IN.items() if name in names and place not in places}
        found += [f"{place} imports {name}" for name in sorted(forbidden | observers)]
    return found


def folder_of(module: str) -> tuple[str, str]:
    """Package and folder of a module: `elman.data.store.disk` -> ("data", "store")."""
    _, package, *rest = module.split(".")
    return package, rest[0] if len(rest) > 1 else ""


def upward(root: Path) -> list[str]:
    """Imports between folders of one package that do not point to a lower layer."""
    known = {name for name, _ in modules(root)}
    found = []
    for name, path in modules(root):
        package, own = folder_of(name)
        layer = {folder: n for n, row in enumerate(LAYERS[package]) for folder in row}
        for target in sorted(imports_of(path) & known):
            other_package, other = folder_of(target)
            if other_package == package and other != own and layer[other] >= layer[own] and other != "":
                found.append(f"{name} imports {target}")
    return found


def circles(root: Path) -> list[set[str]]:
    """Sets of modules that import one another, wherever in the file the import stands."""
    known = {name for name, _ in modules(root)}
    reached = {name: imports_of(path) & known for name, path in modules(root)}
    while True:
        further = {
            name: set().union(targets, *(reached[target] for target in targets))
            for name, targets in reached.items()
        }
        if further == reached:
            break
        reached = further
    return [
        {name, *(other for other in reached[name] if name in reached[other])}
        for name in sorted(reached)
        if name in reached[name]
    ]


def plant(root: Path, place: str, text: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_packages_depend_downwards_only(checkout):
    assert violations(checkout) == []


def test_folders_depend_downwards_only(checkout):
    assert upward(checkout) == []


def test_no_module_imports_itself_through_others(checkout):
    assert circles(checkout) == []


def test_every_folder_has_a_layer(checkout):
    folders = {folder_of(name) for name, path in modules(checkout) if path.name != "__init__.py"}
    assert folders <= {(package, f) for package, rows in LAYERS.items() for row in rows for f in row}


def test_no_folder_and_no_module_is_overfull(checkout):
    sizes: dict[Path, int] = {}
    for _, path in modules(checkout):
        sizes[path.parent] = sizes.get(path.parent, 0) + (path.name != "__init__.py")
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, path
    assert {str(folder): size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_a_planted_circle_is_found(tmp_path):
    plant(tmp_path, "data/one.py", "def f():\n    from elman.data import two")
    plant(tmp_path, "data/two.py", "from elman.data.one import f")
    assert circles(tmp_path)[0] == {"elman.data.one", "elman.data.two"}


def test_a_planted_upward_import_is_found(tmp_path):
    plant(tmp_path, "data/store/planted.py", "from elman.data.formats.text import conll")
    plant(tmp_path, "data/formats/text/conll.py", "")
    assert upward(tmp_path) == ["elman.data.store.planted imports elman.data.formats.text.conll"]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("data/planted.py", "from elman.rnn import fit"),
        ("rnn/layers/planted.py", "def f():\n    import polars"),
        ("tasks/planted.py", "import elman.flows.cli"),
        ("tasks/runtime/planted.py", "import importlib\nimportlib.import_module('mlflow')"),
        ("flows/planted.py", "from prefect import flow"),
    ],
)
def test_a_planted_wrong_import_is_found(tmp_path, place, line):
    plant(tmp_path, place, line)
    assert len(violations(tmp_path)) == 1


def loaded_by(statement: str, cwd: Path) -> set[str]:
    """Packages in a fresh interpreter after a statement, as `packages_in` names them."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd)
    return packages_in(set(out.stdout.splitlines()[-1].split()))


def test_help_loads_nothing_heavy(checkout):
    assert loaded_by("from elman.flows.cli import main; main(['--help'])", checkout) & AT_START_UP == set()


def test_the_module_check_can_fail(checkout):
    assert "polars" in loaded_by("import elman.data.store.schema", checkout)


@pytest.mark.parametrize("package", ["data", "rnn"])
def test_data_and_rnn_load_alone(checkout, package):
    statements = [f"import {name}" for name, _ in modules(checkout) if name.startswith(f"elman.{package}.")]
    assert loaded_by("\n".join(statements), checkout) & FORBIDDEN[package] == set()
