"""The code hash covers what decides rows, and no comment, docstring or line break."""

import pytest

from elman.data.store import code_hash as module
from elman.data.store.code_hash import NOT_ROWS, ROWS, code_hash, row_modules, syntax_hash
from tests.test_architecture import imports_of, modules

CODE = '''"""A module."""

LIMIT = 3  # of what


class A:
    """A class."""

    def f(self, x):
        """A method."""
        return x + LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""', '"""Another first line."""'),
        ('"""A class."""', '"""Two\n\n    lines."""'),
        ('        """A method."""\n', ""),
        ("# of what", "# of tokens"),
        ("x + LIMIT", "(\n            x + LIMIT\n        )"),
    ],
)
def test_a_changed_comment_docstring_or_line_break_changes_nothing(old, new):
    assert CODE.replace(old, new) != CODE
    assert syntax_hash(CODE.replace(old, new)) == syntax_hash(CODE)


@pytest.mark.parametrize(
    ("old", "new"), [("LIMIT = 3", "LIMIT = 4"), ("x + LIMIT", "x - LIMIT"), ("def f", "def g")]
)
def test_a_changed_constant_operator_or_name_changes_the_hash(old, new):
    assert syntax_hash(CODE.replace(old, new)) != syntax_hash(CODE)


def test_the_hash_of_all_code_follows_what_counts(checkout, tmp_path, monkeypatch):
    def hashed() -> str:
        code_hash.cache_clear()
        return code_hash()

    for path in [*row_modules(checkout), checkout / "data" / "errors.py"]:
        copy = tmp_path / path.relative_to(checkout)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = hashed()
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    monkeypatch.setattr(module, "_CACHE", tmp_path / "cache.json")
    assert hashed() == before == hashed()  # the second time from the cache
    for name, text, changes in (
        ("data/text/tags.py", "# a comment\n", False),
        ("data/errors.py", "MORE = 1\n", False),
        ("data/text/tags.py", "MORE = 1\n", True),
    ):
        with (tmp_path / name).open("a") as file:
            file.write(text)
        assert (hashed() != before) is changes
    (tmp_path / "cache.json").write_text("[]")
    assert hashed() != before
    monkeypatch.undo()
    assert hashed() == before


def test_modules_that_decide_rows_import_no_others_but_these(checkout):
    paths = dict(modules(checkout))
    rows = set(row_modules(checkout))
    others = {name for path in rows for name in imports_of(path) & set(paths) if paths[name] not in rows}
    allowed = {"elman.data.errors", "elman.rnn.errors", "elman.tasks.ingest.corpus_names"} | {
        f"elman.data.store.{name}" for name in ("disk", "lock", "code_hash")
    }
    allowed |= {name for name in paths if name.startswith(("elman.tasks.runtime", "elman.rnn.training"))}
    assert others <= allowed


def test_every_name_of_the_rule_is_there(checkout):
    assert all((checkout / name).exists() for name in (*ROWS, *NOT_ROWS))
