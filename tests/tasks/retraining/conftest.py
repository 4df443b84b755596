"""A registry in a JSON file, which processes that a test forks share with it."""

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest

from elman.tasks.runtime import registry
from elman.tasks.runtime.registry import Version


class FileRegistry:
    """Versions with tags, and the champion's alias."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, versions: int) -> None:
        tags = {str(n): {"elman.model": f"model-{n}"} for n in range(1, versions + 1)}
        self.path.write_text(json.dumps({"alias": "", "tags": tags}))

    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.path.read_text())
        return content

    def change(self, key: str, version: str, value: Any = None) -> None:
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = json.load(file)
            if key == "alias":
                content["alias"] = version
            else:
                content["tags"][version][key] = value
            file.seek(0)
            file.truncate()
            json.dump(content, file)

    def champion(self, name: str) -> Version | None:
        content = self.content()
        alias = content["alias"]
        return Version(name, alias, content["tags"][alias]) if alias else None

    def versions(self, name: str) -> list[Version]:
        return [Version(name, number, tags) for number, tags in self.content()["tags"].items()]

    def promote(self, name: str, version: str, why: str) -> None:
        self.change("alias", version)
        self.change("elman.why", version, why)

    def set_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.change(key, version, value)


@pytest.fixture
def registered(home, tmp_path, monkeypatch) -> FileRegistry:
    """A name with 25 versions and no champion."""
    made = FileRegistry(tmp_path / "registry.json")
    made.create(25)
    for function in ("champion", "versions", "promote", "set_version_tag"):
        monkeypatch.setattr(registry, function, getattr(made, function))
    return made
