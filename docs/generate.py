"""Write the generated blocks of the documentation: `.venv/bin/python docs/generate.py`; `--check` compares.

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`; BLOCKS says how each NAME is made.
`tests/docs/test_generate.py` fails when a block is not what this script writes.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from elman.data.exports.registry import all_exports
from elman.data.formats.registry import documented
from elman.flows.ingest import IngestConfig, ingest
from elman.tasks.inspection import text
from elman.tasks.inspection.render import text_of
from elman.tasks.runtime.environment import CHECKOUT

BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w .-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A home folder that is removed again."""
    before = os.environ.get("ELMAN_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ELMAN_HOME"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["ELMAN_HOME"]
            if before is not None:
                os.environ["ELMAN_HOME"] = before


@cache
def shown() -> list[str]:
    """`elman show english` of the sample corpus, its heading and then each numbered section."""
    with temporary_home() as home:
        ingest.fn(IngestConfig(sources=(CHECKOUT / "data" / "samples" / "english",), name="english"))
        printed = text_of(text.of_corpus(home / "corpora" / "english", None))
    return re.split(r"\n(?=\d+\. )", printed)


def section(number: int) -> str:
    """One section of `shown`, as a block of code."""
    return f"\n```text\n{shown()[number].strip()}\n```\n\n"


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown, with an empty line before and after it."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def input_formats() -> str:
    """Table of the formats that are read."""
    return table(("format", "one record is", "notes"), ((f.title, f.record, f.notes) for f in documented()))


def quarantine_reasons() -> str:
    """Table of reason codes of each format; codes of one meaning share a row."""
    titles: dict[tuple[str, str], list[str]] = {}
    for format_ in documented():
        for reason, meaning in format_.reasons.items():
            titles.setdefault((reason, meaning), []).append(format_.title)
    rows = [(f"`{reason}`", ", ".join(of), meaning) for (reason, meaning), of in sorted(titles.items())]
    return table(("reason", "of", "meaning"), rows)


def output_formats() -> str:
    """Table of the formats that `elman tag --format` writes."""
    exports = all_exports()
    files = (f"`{e.file()}`" + (f" or `{e.file('SOURCE')}`" if e.by_source else "") for e in exports)
    rows = ((f"`{e.name}`", file, e.family, e.description) for e, file in zip(exports, files, strict=True))
    return table(("`--format`", "file", "models of", "holds"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    **{f"show {n}": partial(section, n) for n in range(1, 7)},
    "input formats": input_formats,
    "quarantine reasons": quarantine_reasons,
    "output formats": output_formats,
}


def documents() -> list[Path]:
    """Markdown files that may hold generated blocks."""
    return [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]


def generated(document: str) -> str:
    """A document with its generated blocks made again.

    Raises:
        KeyError: a block with a name that BLOCKS lacks.
    """
    return BLOCK.sub(lambda match: match[1] + BLOCKS[match["name"]]() + match[3], document)


def main(check: bool) -> int:
    """Write the blocks, or name the files that would change."""
    stale = 0
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = generated(before)
        if after != before:
            stale += 1
            print(f"{path.relative_to(CHECKOUT)} is {'stale' if check else 'rewritten'}")
            if not check:
                path.write_text(after, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
