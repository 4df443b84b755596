"""Sync of run records and models to MLflow, which observes; the record is `tasks.runtime.run_record`.

With the tracking server away a run finishes all the same; `send_pending` sends what is left, without doubles:
the run is found again by its tag, and metrics carry the time and step they were measured at.
"""

import getpass
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import elman
from elman.data.errors import UsageError, unwrapped
from elman.data.store.disk import sha256_file
from elman.tasks.runtime import run_record
from elman.tasks.runtime.artifacts import publish_link
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, home
from elman.tasks.runtime.mlflow_connection import TrackingError, connect, tracking_uri
from elman.tasks.runtime.orchestration import in_flow_run
from elman.tasks.runtime.registry import CHAMPION, champion
from elman.tasks.runtime.run_record import MadeModel, UsedDataset

EXPERIMENT, TAGGING = "elman", "elman tagging"  # tagging is daily routine, which would bury the trainings
FLUSH_EVERY_S = 5.0
BATCH = 1000  # metrics a call, MLflow's limit


def _experiment(client: Any, kind: str = "train") -> str:
    name = TAGGING if kind == "tag" else EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is None:
        artifacts = None
        if tracking_uri().startswith("sqlite:"):
            artifacts = (home() / "mlflow" / "artifacts").as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=artifacts))
        except Exception:  # another command has just created it
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


class RunRecorder:
    """A run being recorded: everything goes to its folder first, metrics also to MLflow while it answers."""

    def __init__(self, run: run_record.RunRecord) -> None:
        self.run = run
        self._live = True
        self._waiting: list[run_record.Row] = []
        self._flushed = 0.0

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics of one step (an epoch); shown in batches, at most every few seconds."""
        self._waiting += self.run.log_metrics(values, step)
        if not self._live or time.monotonic() - self._flushed < FLUSH_EVERY_S:
            return
        try:
            client, run_id = _begin(self.run)
            _send_metrics(client, run_id, self._waiting)
        except Exception as error:
            self._live = False
            print_status(f"MLflow: {_first_line(error)}. The run goes on; it is sent later.")
        self._waiting.clear()
        self._flushed = time.monotonic()

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Add parameters that were not known when the run began."""
        known = self.run.info.params
        self.run.save(params={**known, **{key: str(value) for key, value in values.items()}})

    def set_description(self, text: str) -> None:
        """Say in Markdown what came of the run; MLflow shows it on the run's page."""
        self.run.save(tags={**self.run.info.tags, "mlflow.note.content": text})


@contextmanager
def record_run(
    kind: str, name: str, params: Mapping[str, Any], parent: str | None = None
) -> Iterator[RunRecorder]:
    """Keep the record of one run and send it to MLflow at its end; arguments as of `run_record.start`.

    What was asked for wrongly is no run: it leaves no record.
    """
    run = run_record.start(kind, name, params, parent)
    status = "FINISHED"
    try:
        yield RunRecorder(run)
    except UsageError:
        status = ""
        raise
    except BaseException as error:
        status = "FAILED" if isinstance(unwrapped(error), Exception) else "KILLED"
        raise
    finally:
        if status or run.info.mlflow_run_id:
            run.save(status=status or "FAILED", ended_ms=int(time.time() * 1000))
        else:
            shutil.rmtree(run.folder)
        if status != "KILLED":
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
    does not answer does.

    Returns:
        How many runs are still to be sent.
    """
    waiting = run_record.unsent()
    failed, left = "", 0
    for done, run in enumerate(waiting):
        try:
            _send(run)
        except TrackingError as error:
            failed, left = _first_line(error), left + len(waiting) - done
            break
        except Exception as error:
            failed, left = f"{run.id}: {_first_line(error)}", left + 1
    if left:
        print_status(f"MLflow: {failed}. {left} run(s) kept under {home() / 'runs'}, to be sent later.")
    return left


def _begin(run: run_record.RunRecord) -> tuple[Any, str]:
    """The MLflow run of a record, found by its tag or created."""
    mlflow = connect()
    client = mlflow.MlflowClient()
    info = run.info
    if info.mlflow_run_id is None:
        experiment = _experiment(client, info.kind)
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
            }
            if info.parent:
                tags["mlflow.parentRunId"] = _begin(run_record.read(info.parent))[1]
            found = client.create_run(experiment, start_time=info.started_ms, run_name=info.name, tags=tags)
        _send_params(client, found.info.run_id, info.params)
        run.save(mlflow_run_id=found.info.run_id)
    return client, str(run.info.mlflow_run_id)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _send_params(client: Any, run_id: str, params: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    client.log_batch(run_id, params=[Param(key, value[:6000]) for key, value in params.items()])


def _send_metrics(client: Any, run_id: str, rows: list[run_record.Row]) -> None:
    from mlflow.entities import Metric

    metrics = [Metric(name, value, stamp, step) for name, value, stamp, step in rows]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def _send(run: run_record.RunRecord) -> None:
    """Send one whole record; everything in it may have been sent before."""
    client, run_id = _begin(run)
    info = run.info
    _send_params(client, run_id, info.params)
    _send_metrics(client, run_id, run.rows())
    for key, value in info.tags.items():
        client.set_tag(run_id, key, value)
    for dataset in info.datasets:
        _log_dataset(client, run_id, dataset)
    if info.params.get("asked", "").startswith("models:/"):
        _tie(client, run_id, info.params)
    for item in sorted(run.artifacts.iterdir()):
        client.log_artifact(run_id, str(item))
    if info.model and info.status == "FINISHED":
        _log_model(client, run_id, info.model, run.rows())
    client.set_terminated(run_id, status=info.status, end_time=info.ended_ms)
    run.save(sent=True)


def _tie(client: Any, run_id: str, params: Mapping[str, str]) -> None:
    """Show a run that used a registered model beside the version it used, wherever its aliases stand now."""
    from mlflow.entities import LoggedModelInput

    name = params["asked"].removeprefix("models:/").split("@")[0].split("/")[0]
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get("elman.model") == params["model"]:
            client.set_tag(run_id, "elman.registered", f"models:/{name}/{version.version}")
            logged = version.source.removeprefix("models:/")  # as `_register` gives it
            client.log_inputs(run_id, models=[LoggedModelInput(logged)])


def _log_dataset(client: Any, run_id: str, dataset: UsedDataset) -> None:
    """Log a corpus as an MLflow dataset whose digest is our manifest's (36 characters, MLflow's limit)."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    entity = Dataset(
        name=dataset.name,
        digest=dataset.digest[:36],
        source_type="local",
        source=json.dumps({"uri": Path(dataset.folder).as_uri()}),
        profile=json.dumps({**dataset.counts, "manifest_sha256": dataset.digest}),
    )
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", dataset.context)])])


def _log_model(client: Any, run_id: str, model: MadeModel, rows: list[run_record.Row]) -> None:
    """Log the model folder as code that loads without pickle; register it once, whatever is sent again.

    Its scores are the run's own `rows` once more, tied to the model, so that lists of models show them.
    """
    mlflow = connect()
    folder = Path(model.folder)
    client.set_tag(run_id, "elman.model", folder.name)
    logged = mlflow.search_logged_models(
        experiment_ids=[_experiment(client)],
        filter_string=f"source_run_id = '{run_id}'",
        output_format="list",
    )
    if not logged:
        passport = json.loads((folder / "passport.json").read_text(encoding="utf-8"))
        example = (
            "ATGAAACGCATTAGCACCACCATTACC" if passport["kind"] == "dna" else "Sam Li and Tom date on Tuesday."
        )
        with mlflow.start_run(run_id=run_id), tempfile.TemporaryDirectory() as code:
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(CHECKOUT / "tasks" / "models" / "mlflow_model.py"),
                artifacts={"model": str(folder)},
                code_paths=_code(Path(code)),
                input_example=[example],
                pip_requirements=_requirements(),
            )
        logged = mlflow.search_logged_models(
            experiment_ids=[_experiment(client)],
            filter_string=f"source_run_id = '{run_id}'",
            output_format="list",
        )
    from mlflow.entities import Metric

    scores = [
        Metric(name, value, stamp, step, model_id=logged[0].model_id, run_id=run_id)
        for name, value, stamp, step in rows
        if name in model.scores
    ]
    client.log_batch(run_id, metrics=scores)
    if model.register:
        _register(client, run_id, logged[0], model, model.register)


_ABOUT = (
    f"Tags raw strings. `@{CHAMPION}` is the version to tag with; a challenger takes its place only by a "
    "better score on the champion's test documents. Why it did, or did not, stands in a version's tags."
)


def _register(client: Any, run_id: str, logged: Any, model: MadeModel, name: str) -> None:
    from mlflow.exceptions import MlflowException

    folder = Path(model.folder)
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=_ABOUT)
    known = [v for v in client.search_model_versions(f"name = '{name}'") if v.run_id == run_id]
    if not known:
        tags = {
            "elman.model": folder.name,
            "elman.passport": sha256_file(folder / "passport.json"),
            **model.tags,
        }
        known = [
            client.create_model_version(
                name,
                f"models:/{logged.model_id}",
                run_id=run_id,
                tags=tags,
                description=model.about,
                model_id=logged.model_id,
            )
        ]
    if champion(name) is None:  # the first of its name
        client.set_registered_model_alias(name, CHAMPION, known[0].version)


def _code(into: Path) -> list[str]:
    """Copies of the Python files a loaded model runs, so that it works where Elman is not installed."""
    package = into / "elman"
    package.mkdir()
    shutil.copyfile(elman.__file__, package / "__init__.py")
    for name in ("data", "rnn", "tasks"):
        for path in sorted((CHECKOUT / name).rglob("*.py")):
            target = package / path.relative_to(CHECKOUT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return [str(package)]


def _requirements() -> list[str]:
    from importlib.metadata import version

    wanted = (
        "numpy",
        "numba",
        "scipy",
        "polars",
        "pyarrow",
        "safetensors",
        "threadpoolctl",
        "psutil",
        "biopython",
    )
    return [f"{name}=={version(name)}" for name in wanted]


def page(run_id: str, served: str = "http://127.0.0.1:5000") -> str:
    """The address of a run in MLflow's pages, once a server shows them; of all runs if it is not sent yet."""
    uri = tracking_uri()
    base = uri.rstrip("/") if uri.startswith("http") else served
    try:
        experiment = connect().MlflowClient().get_run(run_id).info.experiment_id
    except Exception:
        return base
    return f"{base}/#/experiments/{experiment}/runs/{run_id}?workflowType=machine_learning"
