"""Output shown in the documentation is that of the commands."""

from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def generate(script) -> ModuleType:
    """The script docs/generate.py as a module."""
    return script("generate")


def test_every_generated_block_is_what_the_script_writes(generate):
    stale = [
        path.name
        for path in generate.documents()
        if generate.generated(path.read_text("utf-8")) != path.read_text("utf-8")
    ]
    assert stale == [], "run .venv/bin/python docs/generate.py"


def test_every_block_is_used_and_none_is_unknown(generate):
    used = {
        m["name"] for path in generate.documents() for m in generate.BLOCK.finditer(path.read_text("utf-8"))
    }
    assert used == set(generate.BLOCKS)


def test_a_changed_block_is_stale(generate):
    page = "<!-- generated: show 4 -->\nsomething else\n<!-- end -->\n"
    made = generate.generated(page)
    assert "Wa (100, 10100)" in made
    assert made == generate.generated(made)
