"""Hash of the code that decides rows: work made with the same hash is reused, also after an upgrade.

The rule: every module of `ROWS` counts but those of `NOT_ROWS`, which write, score or show rows that are
decided elsewhere; a module named in `ROWS` itself counts in any case. What counts of a module is its syntax
tree without docstrings, so that a changed comment, docstring or line break changes nothing.
"""

import ast
import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path

from elman.data.store.disk import key_of, sha256_bytes, write_whole

TASKS = ("tasks/classification", "tasks/generation", "tasks/transcription")  # beside tagging
ROWS = (
    "data",
    "data/exports/dna/intervals.py",
    "data/exports/dna/proteins.py",
    "data/metrics/calibration.py",
    "data/metrics/thresholds.py",
    "rnn",
    *TASKS,
    "tasks/documents",
    "tasks/models",
    "tasks/tagging",
)
NOT_ROWS = (
    "data/errors.py",
    "data/encoding/padded.py",
    "data/exports",
    "data/metrics",
    "data/quality",
    "data/redaction/export_tables.py",
    "data/redaction/text_files.py",
    "data/store/code_hash.py",
    "data/store/disk.py",
    "data/store/lock.py",
    "rnn/errors.py",
    "rnn/training",
    "tasks/classification/evaluation.py",
    "tasks/classification/gate.py",
    "tasks/classification/mlflow_model.py",
    "tasks/classification/scores.py",
    "tasks/classification/task.py",
    "tasks/classification/training.py",
    "tasks/generation/evaluation.py",
    "tasks/generation/gate.py",
    "tasks/generation/mlflow_model.py",
    "tasks/generation/presets.py",
    "tasks/generation/shards.py",
    "tasks/generation/task.py",
    "tasks/generation/training.py",
    "tasks/models/mlflow_model.py",
    "tasks/models/scoring.py",
    "tasks/tagging/model_choice.py",
    "tasks/tagging/output.py",
    "tasks/transcription/augmentation.py",
    "tasks/transcription/clips.py",
    "tasks/transcription/evaluation.py",
    "tasks/transcription/gate.py",
    "tasks/transcription/mlflow_model.py",
    "tasks/transcription/presets.py",
    "tasks/transcription/task.py",
    "tasks/transcription/training.py",
    "tasks/transcription/worst_clips.py",
)
TRAINING = ("data/metrics", "rnn/training", "tasks/training", *TASKS)
_ROOT = Path(__file__).resolve().parents[2]
_CACHE = Path(__file__).parent / "__pycache__" / "code_hash.json"
_CACHED = 8


@functools.cache
def code_hash(*, training: bool = False) -> str:
    """Hash of the modules that decide rows; with `training`, of those that decide weights too."""
    modules = sorted({*row_modules(_ROOT), *(training_modules(_ROOT) if training else ())})
    texts = {path.relative_to(_ROOT).as_posix(): path.read_bytes() for path in modules}
    exact = key_of(**{name: sha256_bytes(text) for name, text in texts.items()})
    known = _known()
    if exact not in known:
        known[exact] = key_of(**{name: syntax_hash(text.decode("utf-8")) for name, text in texts.items()})
        with contextlib.suppress(OSError):  # parsing takes half a second, reading 10 ms
            _CACHE.parent.mkdir(exist_ok=True)
            write_whole(_CACHE, json.dumps(dict([*known.items()][-_CACHED:])).encode())
    return known[exact]


def _known() -> dict[str, str]:
    """Hashes computed before, by the hash of the exact text."""
    try:
        return {str(exact): str(digest) for exact, digest in json.loads(_CACHE.read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def row_modules(root: Path) -> Iterator[Path]:
    """Modules below a checkout or installation that decide rows."""
    named = {root / name for name in ROWS}
    excluded = {root / name for name in NOT_ROWS} - named
    paths = {path for name in named for path in ([name] if name.suffix else name.rglob("*.py"))}
    yield from sorted(path for path in paths if path in named or not {path, *path.parents} & excluded)


def training_modules(root: Path) -> Iterator[Path]:
    """Modules that decide weights beside those that decide rows."""
    for folder in TRAINING:
        yield from sorted((root / folder).rglob("*.py"))


def syntax_hash(text: str) -> str:
    """Hash of a module's syntax tree without docstrings; comments and line breaks are no part of it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                del node.body[0]
    return sha256_bytes(ast.dump(tree).encode("utf-8", "surrogatepass"))
