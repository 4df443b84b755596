"""Trace of a thing: what it came from and what was made of it, each link checked by hash."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from elman.data.errors import IntegrityError
from elman.tasks.lineage.checks import Problem, check_files, check_link, check_record, grown
from elman.tasks.lineage.facts import facts_of
from elman.tasks.lineage.graph import (
    BY_SPLIT,
    CACHE,
    CORPUS,
    LEARNT,
    MODEL,
    OUTPUT,
    PRETRAINED,
    ROW,
    RUN,
    SOURCE,
    Graph,
    Key,
    Link,
    build,
)
from elman.tasks.lineage.home_files import read_home
from elman.tasks.lineage.names import Named, find, place_of

_ORDER = {LEARNT: 0, PRETRAINED: 1, BY_SPLIT["dev"]: 2, BY_SPLIT["test"]: 3}  # the strongest first


@dataclass(frozen=True, kw_only=True)
class Step:
    """A thing that a trace comes to.

    Attributes:
        key: of it.
        name: as a person calls it.
        relation: of the thing nearer to the one traced.
        by: that thing.
        depth: links from the one traced.
        state: "fits", "grown" (a corpus that got more sources), "broken", or "" if there is no hash.
        sha256: that holds the link.
    """

    key: Key
    name: str
    relation: str
    by: Key
    depth: int
    state: str = ""
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; hash and state only where there is a hash."""
        values = {"kind": self.key.kind, "id": self.key.id, "name": self.name, "relation": self.relation}
        held = {"sha256": self.sha256, "state": self.state} if self.sha256 else {}
        return {**values, "by": f"{self.by.kind} {self.by.id}", "depth": self.depth, **held}


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Result of `elman trace`.

    Attributes:
        keys: what was traced.
        names: as a person calls it.
        facts: of it.
        up: what it came from, nearest first.
        down: what was made of it, nearest first.
        problems: files that do not fit or are not there.
    """

    keys: tuple[Key, ...]
    names: tuple[str, ...]
    facts: Mapping[str, str]
    up: tuple[Step, ...]
    down: tuple[Step, ...]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """Exit code of the command: that of a file that is not what its record says."""
        return IntegrityError.exit_code if self.problems else 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        things = zip(self.keys, self.names, strict=True)
        return {
            "traced": [{"kind": key.kind, "id": key.id, "name": name} for key, name in things],
            "facts": dict(self.facts),
            "came_from": [step.to_json() for step in self.up],
            "used_for": [step.to_json() for step in self.down],
            "broken": [{"path": of.path, "message": of.message} for of in self.problems],
            "exit_code": self.exit_code,
        }


def trace(name: str, *, files: bool = True) -> Trace:
    """Trace what an id means, from the files of the home alone.

    Args:
        name: see `tasks.lineage.names.find`.
        files: False to check records, but not the contents of weights and tables.

    Raises:
        BadInput: the id means nothing, or several things.
        IntegrityError: its record cannot be read.
    """
    place = place_of(name)
    graph = build(read_home([place] if place else []))
    named = find(graph, name)
    up, down = _walk_up(graph, named.keys), _walk_down(graph, named)
    problems = {Problem(str(path), message) for path, message in graph.files.damaged.items()}
    reached = dict.fromkeys((*named.keys, *(step.key for step in up)))
    for key in reached:
        problems |= set(check_record(graph, key))
        if files and not (key.kind == OUTPUT and named.keys[0].kind == ROW):
            problems |= set(check_files(graph, key))
    for step in down:
        problems |= set(check_record(graph, step.key))
    for key in {*reached, *(step.key for step in down)}:
        for link in graph.up[key]:
            if (problem := check_link(graph, link)) is not None:
                problems.add(problem)
    return Trace(
        keys=named.keys,
        names=tuple(name_of(graph, key) for key in named.keys),
        facts={**named.facts, **(facts_of(graph, named.keys[0]) if len(named.keys) == 1 else {})},
        up=tuple(up),
        down=tuple(down),
        problems=tuple(sorted(problems)),
    )


def name_of(graph: Graph, key: Key) -> str:
    """A thing as a person calls it."""
    if key.kind == SOURCE:
        return graph.names.get(key.id, "")
    if key.kind in (CORPUS, OUTPUT, CACHE):
        return Path(key.id).name
    if key.kind == RUN:
        return next((run.info.name for run in graph.files.runs if run.id == key.id), "")
    return key.id


def _walk_up(graph: Graph, keys: tuple[Key, ...]) -> list[Step]:
    """Origins of things, breadth first."""
    steps: dict[Key, Step] = {}
    waiting = deque((key, 0) for key in keys)
    whole = set(keys)  # corpora in the very state that the trace comes by
    while waiting:
        key, depth = waiting.popleft()
        for link in graph.up[key]:
            of_others = keys[0].kind == ROW if key.kind == OUTPUT else key.kind == CORPUS and key not in whole
            if link.of.kind == SOURCE and of_others:
                continue
            if link.of.kind == CORPUS and link.expected and link.expected == link.got:
                whole.add(link.of)
            if link.of not in steps and link.of not in keys:
                steps[link.of] = _step(graph, link, link.of, link.made, depth + 1)
                waiting.append((link.of, depth + 1))
    return list(steps.values())


def _walk_down(graph: Graph, named: Named) -> list[Step]:
    """Descendants of things, breadth first."""
    keys = named.keys
    sources = {key.id for key in keys if key.kind == SOURCE}
    split = named.facts.get("split") if sources else None
    steps: dict[Key, Step] = {}
    level, depth = list(keys), 1
    while level:
        links = [link for key in level for link in graph.down[key]]
        level = []
        for link in sorted(links, key=lambda link: _ORDER.get(link.relation, -1)):
            if link.made in steps or link.made in keys or not _goes_on(graph, link, sources):
                continue
            step = _step(graph, link, link.made, link.of, depth)
            if split and link.of.kind == SOURCE and link.made.kind == MODEL and link.relation != PRETRAINED:
                relation = LEARNT if "train" in split else BY_SPLIT.get(split, step.relation)
                step = replace(step, relation=relation)
            steps[link.made] = step
            if step.relation != BY_SPLIT["test"]:  # of what is scored on nothing goes into the weights
                level.append(link.made)
        depth += 1
    return list(steps.values())


def _goes_on(graph: Graph, link: Link, sources: set[str]) -> bool:
    """Return True if what a link leads down to holds the traced sources, if these are sources.

    A corpus may have got a source after a model was trained on it; models and outputs are found by the
    sources that they note themselves, caches and runs by the state of the corpus that they note.
    """
    if not sources or link.of.kind != CORPUS:
        return True
    if link.made.kind not in (CACHE, RUN):
        return False
    state = graph.states.get(link.expected)
    return state is not None and bool(sources & state)


def _step(graph: Graph, link: Link, key: Key, by: Key, depth: int) -> Step:
    state = ""
    if link.expected and link.got:
        state = "fits" if link.fits else "broken"
        if state == "broken" and link.of.kind == CORPUS and grown(graph, link):
            state = "grown"
        elif state == "broken" and link.made.kind in (RUN, CACHE):
            state = "grown" if link.got in graph.noted.get(Path(link.of.id), {}) else state
    return Step(
        key=key,
        name=name_of(graph, key),
        relation=link.relation,
        by=by,
        depth=depth,
        state=state,
        sha256=link.expected,
    )
