"""Artifacts, Markdown and links, on the page of a Prefect run; a failure of Prefect never stops the work."""

import importlib
from collections.abc import Callable
from typing import Any

from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.orchestration import in_flow_run, why_no_prefect


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


def _publish(key: str, create: Callable[[Any], object]) -> None:
    if not in_flow_run():
        return
    try:
        create(importlib.import_module("prefect.artifacts"))
    except Exception as error:  # whatever Prefect raises: the work never depends on what is shown of it
        print_status(f"Prefect does not show {key} ({type(error).__name__}).")


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
        print_status(f"Prefect was not told of {name} ({type(error).__name__}).")
