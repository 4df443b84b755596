"""The same flow code with Prefect or without.

`@flow` and `@task` mark plain functions. Where a Prefect API is configured and answers, `load_prefect()` loads
Prefect: flows imported afterwards are real Prefect flows and their tasks real task runs. Otherwise the very
same functions run as plain Python, at once. Prefect observes: a server that dies in mid-run does not stop
the work.
"""

import contextlib
import functools
import importlib
import inspect
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

from elman.tasks.runtime import environment

P = ParamSpec("P")
R = TypeVar("R")

environment.prepare()

_PLAIN = "__elman_plain__"
_begun: list[dict[str, Any]] = []  # one entry a flow called by `call` that Prefect is running now


def load_prefect(timeout_s: float = 5.0) -> str | None:
    """Load Prefect if an API is configured and answers; call before flow modules are imported.

    Returns:
        None when flows will be Prefect runs, else why they run as plain Python, for one line to the user.
    """
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return "no PREFECT_API_URL is set (`elman up` starts a server)"
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout_s):  # noqa: S310 (the user's own URL)
            pass
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"{url} does not answer ({error})"
    importlib.import_module("prefect")
    return None


def prefect_active() -> bool:
    """Whether flows called now become Prefect flow runs."""
    return "prefect" in sys.modules and bool(os.environ.get("PREFECT_API_URL"))


def flow(fn: Callable[P, R]) -> Callable[P, R]:
    """Mark a flow: a `prefect.Flow` where Prefect is loaded (`load_prefect`, a worker, a deploy), else as it is."""
    if "prefect" not in sys.modules:
        return fn
    prefect: Any = importlib.import_module("prefect")

    @functools.wraps(fn)
    def body(*args: P.args, **kwargs: P.kwargs) -> R:
        note = _begun[-1] if _begun else {}
        try:
            note["result"] = fn(*args, **kwargs)
        except BaseException as error:
            note["error"] = error
            raise
        return cast(R, note["result"])

    wrapped = prefect.flow(body, name=fn.__name__, flow_run_name=_run_name(fn))
    setattr(wrapped, _PLAIN, fn)
    return cast(Callable[P, R], wrapped)


def _run_name(fn: Callable[..., Any]) -> str | None:
    """What Prefect calls a run, as a template over its parameters: "retrain {config.corpus}"."""
    config = inspect.signature(fn, eval_str=True).parameters.get("config")
    fields = getattr(config.annotation, "__dataclass_fields__", {}) if config else {}
    subject = next((name for name in ("corpus", "name", "out") if name in fields), None)
    return f"{fn.__name__} {{config.{subject}}}" if subject else None


def log(line: str) -> None:
    """Show a line on the page of the Prefect run that is going on, if there is one."""
    if "prefect" not in sys.modules:
        return
    prefect: Any = importlib.import_module("prefect")
    if prefect.context.FlowRunContext.get() is not None:
        prefect.get_run_logger().info(line)


def task(fn: Callable[P, R]) -> Callable[P, R]:
    """Mark a step: a Prefect task run inside a Prefect flow run, a plain call everywhere else."""
    as_prefect: Any = None

    @functools.wraps(fn)
    def step(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal as_prefect
        if "prefect" not in sys.modules:
            return fn(*args, **kwargs)
        from prefect.context import FlowRunContext

        if FlowRunContext.get() is None:
            return fn(*args, **kwargs)
        if as_prefect is None:
            prefect: Any = importlib.import_module("prefect")
            as_prefect = prefect.task(fn, name=fn.__name__, cache_policy=prefect.cache_policies.NO_CACHE)
        return cast(R, as_prefect(*args, **kwargs))

    return step


@contextlib.contextmanager
def cluster(address: str, **settings: Any) -> Iterator[None]:
    """A Ray cluster, opened by Prefect's task runner for Ray; one that is open already is taken as it is.

    Tasks do not run there: workers need no Prefect, and a run needs no server (`tasks.execution.ray_engine`).

    Args:
        address: HOST:PORT; auto for that of RAY_ADDRESS; local for a new one of this machine.
        settings: of `ray.init`.
    """
    from prefect_ray import RayTaskRunner

    with RayTaskRunner(address, init_kwargs=settings):
        yield


def call(flow: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow: as a Prefect flow run where `prefect_active`, else as plain Python.

    Prefect's own failures (a server that stops answering) never lose work: what the body returned is
    returned, what it raised is raised, and a body that Prefect never started is run plain.
    """
    plain = cast(Callable[P, R], getattr(flow, _PLAIN, flow))
    if plain is flow or not prefect_active():
        return plain(*args, **kwargs)
    note: dict[str, Any] = {}
    _begun.append(note)
    try:
        return flow(*args, **kwargs)
    except BaseException as error:
        if "error" in note:
            raise note["error"] from None
        if not isinstance(error, Exception):
            raise
        print(
            f"Prefect stopped answering ({type(error).__name__}); the work goes on without it.",
            file=sys.stderr,
        )
        return cast(R, note["result"]) if "result" in note else plain(*args, **kwargs)
    finally:
        _begun.pop()
