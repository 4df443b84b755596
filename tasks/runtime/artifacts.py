"""Artifacts on the page of a Prefect run; a failure of Prefect never stops the work.

The page shows Markdown, in the cells of tables too. Tables are escaped here, so that text of a corpus is
text; Markdown by whoever writes it (`data.text.markdown`).
"""

import importlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from elman.data.text.markdown import escaped
from elman.tasks.runtime.orchestration import in_flow_run, log, server_lost, why_no_prefect

PROGRESS_EVERY_S = 15.0  # between two updates of a progress artifact, and before the first


def publish_markdown(key: str, markdown: str, description: str) -> None:
    """Show Markdown on the page of the Prefect run.

    Args:
        key: lower-case letters and dashes; artifacts of one key are versions of one another.
        markdown: the content.
        description: one line.
    """
    _publish(key, lambda api: api.create_markdown_artifact(markdown, key=key, description=description))


def publish_link(key: str, link: str, text: str, description: str) -> None:
    """Show a link on the page of the Prefect run; arguments as of `publish_markdown`."""
    _publish(key, lambda api: api.create_link_artifact(link, text, key=key, description=description))


def publish_table(key: str, rows: Sequence[Mapping[str, str | int]], description: str) -> None:
    """Show a table on the page of the Prefect run; arguments as of `publish_markdown`.

    Args:
        key: as there.
        rows: all of the same columns; strings are shown as they are, whatever Markdown or HTML is in them.
        description: as there.
    """
    table = [{name: _cell(value) for name, value in row.items()} for row in rows]
    _publish(key, lambda api: api.create_table_artifact(table, key=key, description=description))


def _cell(value: str | int) -> str | int:
    return escaped(value) if isinstance(value, str) else value


# takes the work done in all, and what gives a line of it
Show = Callable[[float, Callable[[], str]], None]


@contextmanager
def progress_artifact(label: str, total: float | None) -> Iterator[Show]:
    """Show how far a long step has come on the page of the Prefect run.

    A step that ends within PROGRESS_EVERY_S, or whose amount of work nobody knows, shows nothing.

    Args:
        label: what is being done.
        total: the amount of work.

    Yields:
        show, to be called whenever something is done.
    """
    if not total or not in_flow_run():
        yield lambda done, line: None
        return
    key, known, shown = f"progress-{_SPACES.sub('-', label.lower())}", None, time.monotonic()
    last: tuple[float, Callable[[], str]] = (0.0, str)

    def send(done: float, line: Callable[[], str]) -> None:
        nonlocal known, shown
        shown, percent, text = time.monotonic(), min(100.0, 100 * done / total), line()
        if known is None:
            known = _publish(key, lambda api: api.create_progress_artifact(percent, key, text)) or _LOST
        elif known is not _LOST:
            identity = known
            update = _publish(key, lambda api: api.update_progress_artifact(identity, percent, text))
            known = known if update else _LOST

    def show(done: float, line: Callable[[], str]) -> None:
        nonlocal last
        last = done, line
        if time.monotonic() - shown >= PROGRESS_EVERY_S:
            send(done, line)

    try:
        yield show
    finally:
        if known is not None:
            send(*last)


_SPACES = re.compile(r"[^a-z0-9]+")
_LOST = object()  # in the place of an artifact that Prefect did not take: it is not asked again


def _publish(key: str, create: Callable[[Any], object]) -> object:
    """Call a function with Prefect's artifacts.

    A server that has died is not asked: Prefect would try again for a minute, for each artifact.

    Returns:
        what it gives; None outside a run, where no server answers, or after a failure.
    """
    if not in_flow_run():
        return None
    if why := server_lost():
        _say(f"Prefect does not show {key}: {why}.")
        return None
    try:
        return create(importlib.import_module("prefect.artifacts"))
    except Exception as error:  # whatever Prefect raises: the work never depends on what is shown of it
        _say(f"Prefect does not show {key} ({type(error).__name__}).")
        return None


def publish_event(name: str, resource: str, payload: dict[str, str]) -> None:
    """Send an event that triggers of deployments can wait for, from a flow run or where a server answers.

    Args:
        name: of the event, "elman.promoted".
        resource: id of what it happened to, "elman.model.names".
        payload: what else is to be known.
    """
    if not in_flow_run() and why_no_prefect() is not None:
        return
    try:
        events: Any = importlib.import_module("prefect.events")
        events.emit_event(name, resource={"prefect.resource.id": resource}, payload=payload)
    except Exception as error:  # whatever Prefect raises: the work never depends on it
        _say(f"Prefect was not told of {name} ({type(error).__name__}).")


def _say(line: str) -> None:
    """Say on stderr and in the log of the run what Prefect did not take (the console's progress uses us)."""
    print(line, file=sys.stderr, flush=True)
    log(line)
