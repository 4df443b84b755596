"""Sync of run records to MLflow, which observes; the record is `tasks.runtime.run_record`.

With the tracking server away a run finishes all the same; `send_pending` sends what is left, without doubles:
the run is found again by its tag, and metrics carry the time and step they were measured at. What a run shows
of itself while it goes on, a thread sends, so that no slow server holds it up.
"""

import contextlib
import fcntl
import getpass
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from elman.data.errors import UsageError
from elman.tasks.runtime import mlflow_models, run_record
from elman.tasks.runtime.artifacts import publish_link
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.mlflow_connection import TrackingError, connect, tracking_uri
from elman.tasks.runtime.mlflow_experiments import TRAINING, experiment_id, experiment_of
from elman.tasks.runtime.orchestration import in_flow_run
from elman.tasks.runtime.run_record import Resources, RunRecord, UsedDataset

EXPERIMENT = TRAINING.name
FLUSH_EVERY_S = 5.0
BATCH, BATCH_PARAMS = 1000, 100  # metrics and params a call, MLflow's limits
IN_BACKGROUND = {"rung", "baseline"}  # kinds of runs that the next one does not wait for
TABLES = "tables.json"  # among a run's artifacts: paths of those that MLflow shows as tables
_sending = threading.RLock()  # one run is sent at a time


class _Sender:
    """A thread that sends to MLflow while a run goes on, until the first failure.

    What it does not get to, `send_pending` sends at the end of the run.
    """

    def __init__(self) -> None:
        self._wake, self._lock = threading.Event(), threading.Lock()
        self._rows: list[tuple[RunRecord, list[run_record.Row]]] = []
        self._ended: list[RunRecord] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def add_rows(self, run: RunRecord, rows: list[run_record.Row]) -> None:
        """Send metrics of a run that goes on, at most every FLUSH_EVERY_S."""
        with self._lock:
            self._rows.append((run, rows))
        self._start()

    def add_ended(self, run: RunRecord) -> None:
        """Send a run that has ended."""
        with self._lock:
            self._ended.append(run)
        self._start()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self, wait_s: float | None = None) -> None:
        """End the thread, after what it is sending now."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _work(self) -> None:
        try:
            for run in run_record.unsent():
                if run.info.status == "KILLED" and not self._closing:
                    with contextlib.suppress(Exception):  # `send_pending` says why
                        _send(run)
            while not self._closing:
                self._wake.wait()
                self._wake.clear()
                self._send_waiting()
                time.sleep(0 if self._closing else 0.2)
        except Exception as error:
            print_status(f"MLflow: {_first_line(error)}. The run goes on; it is sent later.")

    def _send_waiting(self) -> None:
        with self._lock:
            rows, ended = self._rows, self._ended
            self._rows, self._ended = [], []
        of_run: dict[str, tuple[RunRecord, list[run_record.Row]]] = {}
        for run, some in rows:
            of_run.setdefault(run.id, (run, []))[1].extend(some)
        for run, some in of_run.values():
            with _sending:
                client, run_id = _begin(run)
                _send_metrics(client, run_id, some)
        for run in ended:
            _send(run)
        for _ in range(int(FLUSH_EVERY_S / 0.1)):
            if self._closing or not rows:
                break
            time.sleep(0.1)


_senders: list[_Sender] = []  # of the run that goes on, if any
_live: dict[str, RunRecord] = {}  # runs of this process that go on


class RunRecorder:
    """A run being recorded in its folder.

    Attributes:
        run: its record.
    """

    def __init__(self, run: RunRecord) -> None:
        self.run = run
        self._before = Resources.now()

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics, to be sent at the end of the run."""
        self.run.log_metrics(values, step)

    def log_progress(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics of one step (an epoch), and show them in MLflow soon; returns at once."""
        rows = self.run.log_metrics({**values, **self._before.metrics("system/")}, step)
        if _senders:
            _senders[-1].add_rows(self.run, rows)

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Add parameters that were not known when the run began."""
        known = self.run.info.params
        self.run.save(params={**known, **{key: str(value) for key, value in values.items()}})

    def set_description(self, text: str) -> None:
        """Say in Markdown what came of the run; MLflow shows it on the run's page."""
        self.run.set_description(text)


@contextmanager
def record_run(kind: str, name: str, params: Mapping[str, Any]) -> Iterator[RunRecorder]:
    """Keep the record of one run and send it to MLflow at its end; arguments as of `run_record.start`.

    Runs recorded inside are its children. What was asked for wrongly is no run: it leaves no record.
    """
    outermost = not _senders
    if outermost:
        _senders.append(_Sender())
    sender, run = _senders[-1], run_record.start(kind, name, params)
    before, status = Resources.now(), "FINISHED"
    _live[run.id] = run
    try:
        with run_record.as_parent(run):
            yield RunRecorder(run)
    except UsageError:
        status = ""
        raise
    except BaseException as error:
        status = run_record.status_of(error)
        raise
    finally:
        if outermost:
            _senders.clear()
            sender.close(2.0 if status == "KILLED" else None)
        if status or run.info.mlflow_run_id:
            run.log_metrics(before.metrics(), 0)
            run.save(status=status or "FAILED", ended_ms=int(time.time() * 1000))
        else:
            shutil.rmtree(run.folder)
        _live.pop(run.id, None)
        if status == "FINISHED" and kind in IN_BACKGROUND and not outermost:
            sender.add_ended(run)
        elif status != "KILLED":
            send_pending()
            _publish_page(run.id)


def _publish_page(run_id: str) -> None:
    """Show the address of a sent run on the page of the Prefect run."""
    run = run_record.find(run_id) if in_flow_run() else None
    if run is not None and run.info.mlflow_run_id is not None:
        address = page(run.info.mlflow_run_id)
        publish_link("mlflow-run", address, run.info.name, "The run in MLflow")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def send_pending() -> int:
    """Send every ended run that MLflow does not have yet; a failure costs one line.

    One run that cannot be sent (its model folder is gone, say) does not hold up the others; a server that
    does not answer, or answers nothing but errors, does.

    Returns:
        How many runs are still to be sent.
    """
    with _sending:
        waiting = run_record.unsent()
        failed, left = "", 0
        for done, run in enumerate(waiting):
            try:
                _send(run)
            except Exception as error:
                if isinstance(error, TrackingError) or not _answers():
                    failed, left = _first_line(error), left + len(waiting) - done
                    break
                failed, left = f"{run.id}: {_first_line(error)}", left + 1
    if left:
        print_status(f"MLflow: {failed}. {left} run(s) kept under {home() / 'runs'}, to be sent later.")
    return left


def _answers() -> bool:
    """Return True if the tracking server answers a simple question."""
    try:
        connect().MlflowClient().search_experiments(max_results=1)
    except Exception:
        return False
    return True


def _begin(run: RunRecord) -> tuple[Any, str]:
    """The MLflow run of a record, found by its tag or created."""
    client, info = connect().MlflowClient(), run.info
    if info.mlflow_run_id is None:
        root = _root(run)
        experiment = experiment_id(client, experiment_of(root.info.kind))
        same = client.search_runs(
            [experiment], filter_string=f"tags.`elman.run` = '{info.id}'", max_results=1
        )
        if same:
            found = same[0]
        else:
            tags = {
                "elman.run": info.id,
                "elman.kind": info.kind,
                "mlflow.source.name": f"elman {info.kind}",
                "mlflow.source.type": "LOCAL",
                "mlflow.user": _user(),
                **info.tags,
            }
            parent = _parent(run)
            if parent is not None:
                tags["mlflow.parentRunId"] = _begin(parent)[1]
            found = client.create_run(experiment, start_time=info.started_ms, run_name=info.name, tags=tags)
        _send_params(client, found.info.run_id, info.params)
        run.save(mlflow_run_id=found.info.run_id)
    return client, str(run.info.mlflow_run_id)


def _parent(run: RunRecord) -> RunRecord | None:
    """The run that a run is a part of; None if it is none, or its record is gone."""
    name = run.info.parent
    return None if name is None else _live.get(name) or run_record.find(name)


def _root(run: RunRecord) -> RunRecord:
    """The outermost run that a run is a part of; children lie in its experiment."""
    parent = _parent(run)
    return run if parent is None else _root(parent)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _send_params(client: Any, run_id: str, params: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    entries = [Param(key, value[:6000]) for key, value in params.items()]
    for start in range(0, len(entries), BATCH_PARAMS):
        client.log_batch(run_id, params=entries[start : start + BATCH_PARAMS])


def _send_metrics(
    client: Any,
    run_id: str,
    rows: Sequence[run_record.Row],
    datasets: Sequence[UsedDataset] = (),
    model_id: str | None = None,
    scores: Sequence[str] = (),
) -> None:
    """Send metrics; scores of a split name its data set, and the model, as do those named in `scores`."""
    from mlflow.entities import Metric

    def tied(name: str) -> dict[str, str | None]:
        of = next((of for of in datasets if of.split and name.startswith(f"{of.split}_")), None)
        if of is None or name.endswith("_by_epoch"):
            return {"model_id": model_id, "run_id": run_id} if name in scores else {}
        digest = mlflow_models.digest_of(of)
        return {"model_id": model_id, "dataset_name": of.name, "dataset_digest": digest, "run_id": run_id}

    metrics = [Metric(name, value, stamp, step, **tied(name)) for name, value, stamp, step in rows]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def _send(run: RunRecord) -> None:
    """Send one whole record; everything in it may have been sent before."""
    with _sending, _alone(run) as allowed:
        run = _live.get(run.id) or run_record.read(run.id)
        if not allowed or run.info.sent:
            return
        client, run_id = _begin(run)
        info = run.info
        _send_params(client, run_id, info.params)
        for dataset in info.datasets:
            mlflow_models.log_dataset(client, run_id, dataset)
        tags = {**info.tags, **_send_files(client, run_id, run)}
        model_id = None
        if info.model and info.status == "FINISHED":
            model_id = mlflow_models.log_model(client, run_id, info.model)
        elif not info.model:
            model_id, registered = mlflow_models.used_model(client, run_id, info.params)
            tags |= registered
        scores = info.model.scores if info.model else ()
        _send_metrics(client, run_id, run.rows(), info.datasets, model_id, scores)
        for key, value in tags.items():
            client.set_tag(run_id, key, value)
        if info.model and info.status == "FINISHED" and info.model.register and model_id:
            mlflow_models.register(client, run_id, model_id, info.model, info.model.register)
        client.set_terminated(run_id, status=info.status, end_time=info.ended_ms)
        run.save(sent=True)


@contextmanager
def _alone(run: RunRecord) -> Iterator[bool]:
    """Lock a record against other processes that send what is left; False if one is at it."""
    with open(run.folder / ".sending", "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _send_files(client: Any, run_id: str, run: RunRecord) -> dict[str, str]:
    """Send a run's files; return the tag that makes MLflow show some of them as tables."""
    if not run.artifacts.is_dir():
        print_status(
            f"MLflow: expected the files of run {run.id} in {run.artifacts}. Got none; it is sent without "
            "them. Restore the folder and send the run again to have them shown."
        )
        return {"elman.files": "gone"}
    for item in sorted(run.artifacts.iterdir()):
        if item.name != TABLES:
            client.log_artifact(run_id, str(item))
    listed = run.artifacts / TABLES
    if not listed.is_file():
        return {}
    tables = [{"path": path, "type": "table"} for path in json.loads(listed.read_bytes())]
    return {"mlflow.loggedArtifacts": json.dumps(tables)}


def page(run_id: str, served: str = "http://127.0.0.1:5000") -> str:
    """The address of a run in MLflow's pages, once a server shows them; of all runs if it is not sent yet."""
    uri = tracking_uri()
    base = uri.rstrip("/") if uri.startswith("http") else served
    try:
        experiment = connect().MlflowClient().get_run(run_id).info.experiment_id
    except Exception:
        return base
    return f"{base}/#/experiments/{experiment}/runs/{run_id}?workflowType=machine_learning"
