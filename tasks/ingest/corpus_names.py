"""Folders and names of corpora."""

import os
import re
from pathlib import Path

from elman.data.errors import UsageError
from elman.tasks.runtime.environment import home

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def corpus_folder(name: str | Path) -> Path:
    """The folder of a corpus: `corpora/NAME` in the home folder, or a path where a path is given.

    Raises:
        UsageError: the name could leave its folder or trip over a file system.
    """
    text = os.fspath(name)
    if os.sep in text:
        return Path(text)
    if not NAME.fullmatch(text):
        raise UsageError(
            "expected a corpus name of lower-case letters, digits, '.', '_' and '-', 64 at most, "
            f"or a path with a {os.sep}. Got {text!r}."
        )
    return home() / "corpora" / text
