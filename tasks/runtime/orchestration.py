"""Prefect flows and tasks that also run as plain Python.

`@flow` gives a `prefect.Flow`, whichever module is imported first. A process that calls `run_without_prefect`
before it imports flow modules, such as the command line where no Prefect API answers, gets stand-ins with
the same `.fn` instead and never loads Prefect. `@task` marks a step: a task run inside a Prefect flow run, a
plain call everywhere else. `call` runs a flow either way; a Prefect server that fails never loses its work.
"""

import contextlib
import copy
import functools
import importlib
import inspect
import logging
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from elman.data.errors import BadInput, IntegrityError, UsageError
from elman.tasks.runtime import environment

if TYPE_CHECKING:
    import prefect

P = ParamSpec("P")
R = TypeVar("R")

environment.prepare()

_without_prefect = False


def why_no_prefect(timeout_s: float = 5.0) -> str | None:
    """Return why a Prefect API cannot be used, for one line to the user; None if one answers."""
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return "no PREFECT_API_URL is set (`elman up` starts a server)"
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout_s):  # noqa: S310 (the user's own URL)
            pass
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"{url} does not answer ({error})"
    return None


ASKED_EVERY_S = 2.0
_answered_s = -ASKED_EVERY_S  # when the server last answered `server_lost`, of time.monotonic()


def server_lost() -> str | None:
    """Why the server that PREFECT_API_URL names cannot be used; None if none is named, or it answers.

    One that answered within ASKED_EVERY_S is not asked again.
    """
    global _answered_s  # noqa: PLW0603 (one server a process)
    if not os.environ.get("PREFECT_API_URL") or time.monotonic() - _answered_s < ASKED_EVERY_S:
        return None
    if (why := why_no_prefect()) is None:
        _answered_s = time.monotonic()
    return why


def run_without_prefect() -> None:
    """Make `@flow` give plain stand-ins from now on; call before flow modules are imported."""
    global _without_prefect  # noqa: PLW0603 (one decision a process, as the import of Prefect is one)
    _without_prefect = True


def prefect_active() -> bool:
    """True if flows called now become Prefect flow runs."""
    return not _without_prefect and "prefect" in sys.modules and bool(os.environ.get("PREFECT_API_URL"))


def in_flow_run() -> bool:
    """True inside a Prefect flow run."""
    if "prefect" not in sys.modules:
        return False
    context: Any = importlib.import_module("prefect.context")
    return context.FlowRunContext.get() is not None


class PlainFlow(Generic[P, R]):
    """Stand-in for a `prefect.Flow` in a process without Prefect: a call runs `fn`."""

    def __init__(self, fn: Callable[P, R], name: str) -> None:
        functools.update_wrapper(self, fn)
        self.fn, self.name = fn, name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function."""
        return self.fn(*args, **kwargs)


@overload
def flow(fn: Callable[P, R]) -> "prefect.Flow[P, R]": ...


@overload
def flow(
    *,
    name: str | None = None,
    flow_run_name: str | None = None,
    retries: int = 0,
    retry_delay_seconds: float = 0,
    timeout_seconds: float | None = None,
) -> Callable[[Callable[P, R]], "prefect.Flow[P, R]"]: ...


def flow(
    fn: Callable[P, R] | None = None,
    *,
    name: str | None = None,
    flow_run_name: str | None = None,
    retries: int = 0,
    retry_delay_seconds: float = 0,
    timeout_seconds: float | None = None,
) -> Any:
    """Mark a flow, as `prefect.flow` does; usable bare or with options.

    Args:
        fn: the function; left out where options are given.
        name: of the flow; the function's by default.
        flow_run_name: template over the parameters; by default the name and the subject of the config, such
            as "retrain {config.corpus}".
        retries: how often Prefect runs a failed flow again.
        retry_delay_seconds: between two such runs.
        timeout_seconds: after which Prefect fails a run; that of ELMAN_TIMEOUT_S by default.

    Returns:
        A `prefect.Flow`; a `PlainFlow` after `run_without_prefect`.
    """

    def mark(fn: Callable[P, R]) -> Any:
        own_name = name or fn.__name__
        if _without_prefect:
            return PlainFlow(fn, own_name)
        prefect: Any = importlib.import_module("prefect")
        return prefect.flow(
            fn,
            name=own_name,
            flow_run_name=flow_run_name or _run_name(fn),
            retries=retries,
            retry_delay_seconds=retry_delay_seconds,
            timeout_seconds=timeout_seconds or _timeout_s(),
        )

    return mark if fn is None else mark(fn)


def _timeout_s() -> float | None:
    """Seconds after which Prefect fails a flow run of this process; deployments set it."""
    text = os.environ.get("ELMAN_TIMEOUT_S", "")
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"expected seconds in ELMAN_TIMEOUT_S. Got {text!r}.")
    return seconds or None


def _run_name(fn: Callable[..., Any]) -> str | None:
    """A template over the parameters for names of runs: "retrain {config.corpus}"."""
    config = inspect.signature(fn, eval_str=True).parameters.get("config")
    fields = getattr(config.annotation, "__dataclass_fields__", {}) if config else {}
    subjects = {"corpus": "corpus", "name": "name", "out": "out.name", "output": "output.name"}
    subject = next((shown for name, shown in subjects.items() if name in fields), None)
    return f"{fn.__name__} {{config.{subject}}}" if subject else None


@dataclass(frozen=True)
class TaskOptions:
    """Name and tags of a task in Prefect, and the retries of a failed one.

    Attributes:
        name: of the task; the function's if None.
        task_run_name: template over the parameters, such as "fit {preset} to {corpus}"; of a path its last
            part is shown, of a list its first entry and how many more there are.
        tags: for filters in Prefect's pages and for concurrency limits.
        retries: how often a failed task is run again, with Prefect or without; errors of the input are final.
        retry_delay_seconds: between two such runs.
        timeout_seconds: after which Prefect fails a run.
    """

    name: str | None = None
    task_run_name: str | None = None
    tags: tuple[str, ...] = ()
    retries: int = 0
    retry_delay_seconds: float = 0
    timeout_seconds: float | None = None


def _is_final(error: BaseException) -> bool:
    """True if the same call would fail again: the user's input is wrong, or it is no ordinary error."""
    return not isinstance(error, Exception) or isinstance(error, BadInput | UsageError | IntegrityError)


class Task(Generic[P, R]):
    """A step of a flow: a task run inside a Prefect flow run, a plain call everywhere else.

    Attributes:
        fn: the plain function.
        options: as given to the decorator.
    """

    def __init__(self, fn: Callable[P, R], options: TaskOptions) -> None:
        functools.update_wrapper(self, fn)
        self.fn, self.options = fn, options

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function, again after a failure that another run may mend if `retries` allows.

        Where the server of the flow run has died, Prefect is left out: it could not get the slots that the
        concurrency limits of tags want.
        """
        if in_flow_run() and not server_lost():
            return _Outcome[P, R]().of(self.prefect_task, *args, **kwargs)
        for _ in range(self.options.retries):
            try:
                return self.fn(*args, **kwargs)
            except BaseException as error:
                if _is_final(error):
                    raise
                time.sleep(self.options.retry_delay_seconds)
        return self.fn(*args, **kwargs)

    @functools.cached_property
    def prefect_task(self) -> Any:
        """The `prefect.Task`, for `submit`, `map` and `with_options` inside a flow; loads Prefect."""
        prefect: Any = importlib.import_module("prefect")
        options = self.options
        return prefect.task(
            self.fn,
            name=options.name or self.fn.__name__,
            task_run_name=options.task_run_name and _namer(options.task_run_name),
            tags=options.tags,
            retries=options.retries,
            retry_delay_seconds=options.retry_delay_seconds,
            retry_condition_fn=_retry if options.retries else None,
            timeout_seconds=options.timeout_seconds,
            cache_policy=prefect.cache_policies.NO_CACHE,
        )


def _namer(template: str) -> Callable[[dict[str, Any]], str]:
    """Return what Prefect calls to name a task run after its parameters."""

    def name(parameters: dict[str, Any]) -> str:
        return template.format(**{key: _subject(value) for key, value in parameters.items()})

    return name


def _subject(value: Any) -> Any:
    """Return what stands for a parameter in the name of a task run."""
    if isinstance(value, list | tuple) and value:
        first = _subject(getattr(value[0], "name", value[0]))
        return f"{first} and {len(value) - 1} more" if value[1:] else first
    is_path = isinstance(value, Path) or (isinstance(value, str) and os.path.isabs(value))
    return Path(value).name if is_path else value


def _retry(task: Any, task_run: Any, state: Any) -> bool:
    """Prefect's question whether a failed task run is worth another one."""
    try:
        state.result()
    except BaseException as error:
        return not _is_final(error)
    return True


@overload
def task(fn: Callable[P, R]) -> Task[P, R]: ...


@overload
def task(
    *,
    name: str | None = None,
    task_run_name: str | None = None,
    tags: tuple[str, ...] = (),
    retries: int = 0,
    retry_delay_seconds: float = 0,
    timeout_seconds: float | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(
    fn: Callable[P, R] | None = None,
    *,
    name: str | None = None,
    task_run_name: str | None = None,
    tags: tuple[str, ...] = (),
    retries: int = 0,
    retry_delay_seconds: float = 0,
    timeout_seconds: float | None = None,
) -> Any:
    """Mark a step, as `prefect.task` does; usable bare or with options, see `TaskOptions`."""
    options = TaskOptions(name, task_run_name, tags, retries, retry_delay_seconds, timeout_seconds)
    return (lambda fn: Task(fn, options)) if fn is None else Task(fn, options)


def log(line: str) -> None:
    """Log a line to the Prefect run that is going on, if there is one."""
    if in_flow_run():
        prefect: Any = importlib.import_module("prefect")
        prefect.get_run_logger().info(line)


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


class _Outcome(Generic[P, R]):
    """Result or error of a flow's function, whatever Prefect makes of its run."""

    def __init__(self) -> None:
        self.results: list[R] = []
        self.error: BaseException | None = None

    def recording(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Return `fn` so wrapped that its result or its error is kept here."""

        @functools.wraps(fn)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                self.results, self.error = [fn(*args, **kwargs)], None
            except BaseException as error:
                self.error = error
                raise
            return self.results[0]

        return run

    def of(self, observed: Any, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a Prefect flow or task; see `call`."""
        fn, observed = observed.fn, copy.copy(observed)
        observed.fn = self.recording(fn)
        try:
            return cast(R, observed(*args, **kwargs))
        except BaseException as error:
            if self.error is not None:
                raise self.error from None
            if not isinstance(error, Exception):
                raise
            lost = f"Prefect stopped answering ({type(error).__name__}); the work goes on without it."
            print(lost, file=sys.stderr)
            return self.results[0] if self.results else cast(R, fn(*args, **kwargs))


def _log_to_runs() -> None:
    """Send what runs log to their pages, also where Prefect is told to be quiet on stderr."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
            logger.propagate = False


def _tags(*names: str) -> contextlib.AbstractContextManager[object]:
    """Tags of the Prefect runs that begin inside, for filters in its pages."""
    prefect: Any = importlib.import_module("prefect")
    tags: contextlib.AbstractContextManager[object] = prefect.tags(*names)
    return tags


def call(flow: "prefect.Flow[P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow: as a Prefect flow run if `prefect_active`, else as plain Python.

    Failures of Prefect itself (a server that stops answering) never lose work: what the function returned is
    returned, what it raised is raised, and a function that Prefect never started is run as plain Python. So
    is one inside a flow run whose server has died: Prefect would try to reach it for a minute.
    """
    if isinstance(flow, PlainFlow) or not prefect_active():
        return flow.fn(*args, **kwargs)
    if in_flow_run() and (why := server_lost()):
        print(f"{flow.name} goes on without Prefect: {why}.", file=sys.stderr)
        return flow.fn(*args, **kwargs)
    _log_to_runs()
    with _tags("elman", flow.name):
        return _Outcome[P, R]().of(flow, *args, **kwargs)
