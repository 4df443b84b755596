"""Runs and models as MLflow shows them. MLflow observes: what counts is the run's own record (`tasks.runtime.run_record`).

With the tracking server away a run finishes all the same; `send_pending` sends what is left, without doubles:
the run is found again by its tag, and metrics carry the time and step they were measured at.
"""

import getpass
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elman.data.errors import BadInput, ElmanError, UsageError
from elman.data.store.writer import sha256_file
from elman.tasks.runtime import run_record
from elman.tasks.runtime.console import say
from elman.tasks.runtime.environment import CHECKOUT, home

EXPERIMENT, TAGGING = "elman", "elman tagging"  # tagging is daily routine, which would bury the trainings
CHAMPION = "champion"
FLUSH_EVERY_S = 5.0
BATCH = 1000  # metrics a call, MLflow's limit


class TrackingError(ElmanError):
    """MLflow is needed for what was asked and does not answer, or does not know the name."""


@dataclass(frozen=True)
class Version:
    """A registered model version: its number as MLflow counts, and the tags we gave it."""

    name: str
    version: str
    tags: Mapping[str, str]


def tracking_uri() -> str:
    """Where runs are sent: MLFLOW_TRACKING_URI, or a SQLite file in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow' / 'mlflow.db'}"


def _connect() -> Any:
    """Load MLflow, pointed at the tracking store.

    Raises:
        TrackingError: the server cannot be reached; found out in seconds, before MLflow's own long retries.
    """
    uri = tracking_uri()
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=3).close()
        except OSError as error:
            raise TrackingError(f"{uri} does not answer ({error})") from None
    elif parts.scheme == "sqlite":
        _make_database(Path(uri.removeprefix("sqlite:///")))
    import mlflow

    if mlflow.get_tracking_uri() != uri:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
    return mlflow


def _make_database(path: Path) -> None:
    if path.exists():
        return
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")  # several commands and the UI on one file


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


class Recorder:
    """A run being recorded: everything goes to its folder first, metrics also to MLflow while it answers."""

    def __init__(self, run: run_record.Run) -> None:
        self.run = run
        self._live = True
        self._waiting: list[run_record.Row] = []
        self._flushed = 0.0

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record metrics of one step (an epoch); shown in batches, at most every few seconds."""
        self._waiting += self.run.metrics(values, step)
        if not self._live or time.monotonic() - self._flushed < FLUSH_EVERY_S:
            return
        try:
            client, run_id = _begin(self.run)
            _send_metrics(client, run_id, self._waiting)
        except Exception as error:
            self._live = False
            say(f"MLflow: {_first_line(error)}. The run goes on; it is sent later.")
        self._waiting.clear()
        self._flushed = time.monotonic()

    def params(self, values: Mapping[str, Any]) -> None:
        """Add parameters that were not known when the run began."""
        known = self.run.record["params"]
        self.run.save(params={**known, **{key: str(value) for key, value in values.items()}})

    def describe(self, text: str) -> None:
        """Say in Markdown what came of the run; MLflow shows it on the run's page."""
        self.run.save(tags={**self.run.record["tags"], "mlflow.note.content": text})


@contextmanager
def recording(
    kind: str, name: str, params: Mapping[str, Any], parent: str | None = None
) -> Iterator[Recorder]:
    """Keep the record of one run and show it in MLflow at its end; arguments as in `tasks.runtime.run_record.start`.

    What was asked for wrongly is no run: it leaves no record.
    """
    run = run_record.start(kind, name, params, parent)
    status = "FINISHED"
    try:
        yield Recorder(run)
    except UsageError:
        status = ""
        raise
    except BaseException as error:
        status = "FAILED" if isinstance(error, Exception) else "KILLED"
        raise
    finally:
        if status or run.record["mlflow_run_id"]:
            run.save(status=status or "FAILED", ended_ms=int(time.time() * 1000))
        else:
            shutil.rmtree(run.folder)
        if status != "KILLED":
            send_pending()


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
        say(f"MLflow: {failed}. {left} run(s) kept under {home() / 'runs'}, to be sent later.")
    return left


def _begin(run: run_record.Run) -> tuple[Any, str]:
    """The MLflow run of a record, found by its tag or created."""
    mlflow = _connect()
    client = mlflow.MlflowClient()
    record = run.record
    if record["mlflow_run_id"] is None:
        experiment = _experiment(client, record["kind"])
        same = client.search_runs(
            [experiment], filter_string=f"tags.`elman.run` = '{record['id']}'", max_results=1
        )
        if same:
            found = same[0]
        else:
            tags = {
                "elman.run": record["id"],
                "elman.kind": record["kind"],
                "mlflow.source.name": f"elman {record['kind']}",
                "mlflow.source.type": "LOCAL",
                "mlflow.user": _user(),
            }
            if record.get("parent"):
                tags["mlflow.parentRunId"] = _begin(run_record.read(record["parent"]))[1]
            found = client.create_run(
                experiment, start_time=record["started_ms"], run_name=record["name"], tags=tags
            )
        _send_params(client, found.info.run_id, record["params"])
        run.save(mlflow_run_id=found.info.run_id)
    return client, str(record["mlflow_run_id"])


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


def _send(run: run_record.Run) -> None:
    """Send one whole record; everything in it may have been sent before."""
    client, run_id = _begin(run)
    record = run.record
    _send_params(client, run_id, record["params"])
    _send_metrics(client, run_id, run.rows())
    for key, value in record["tags"].items():
        client.set_tag(run_id, key, value)
    for entry in record["datasets"]:
        _log_dataset(client, run_id, entry)
    if record["params"].get("asked", "").startswith("models:/"):
        _tie(client, run_id, record)
    for item in sorted(run.artifacts.iterdir()):
        client.log_artifact(run_id, str(item))
    if record["model"] and record["status"] == "FINISHED":
        _log_model(client, run_id, record["model"], run.rows())
    client.set_terminated(run_id, status=record["status"], end_time=record["ended_ms"])
    run.save(sent=True)


def _tie(client: Any, run_id: str, record: Mapping[str, Any]) -> None:
    """Show a run that used a registered model beside the version it used, wherever its aliases stand now."""
    from mlflow.entities import LoggedModelInput

    name = record["params"]["asked"].removeprefix("models:/").split("@")[0].split("/")[0]
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get("elman.model") == record["params"]["model"]:
            client.set_tag(run_id, "elman.registered", f"models:/{name}/{version.version}")
            logged = version.source.removeprefix("models:/")  # as `_register` gives it
            client.log_inputs(run_id, models=[LoggedModelInput(logged)])


def _log_dataset(client: Any, run_id: str, entry: Mapping[str, Any]) -> None:
    """Log a corpus as an MLflow dataset whose digest is our manifest's (36 characters, MLflow's limit)."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=entry["name"],
        digest=entry["digest"][:36],
        source_type="local",
        source=json.dumps({"uri": Path(entry["folder"]).as_uri()}),
        profile=json.dumps({**entry["counts"], "manifest_sha256": entry["digest"]}),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", entry["context"])])])


def _log_model(client: Any, run_id: str, model: Mapping[str, Any], rows: list[run_record.Row]) -> None:
    """Log the model folder as code that loads without pickle; register it once, whatever is sent again.

    Its scores are the run's own `rows` once more, tied to the model, so that lists of models show them.
    """
    mlflow = _connect()
    folder = Path(model["folder"])
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
        if name in model["scores"]
    ]
    client.log_batch(run_id, metrics=scores)
    if model["register"]:
        _register(client, run_id, logged[0], model, folder)


_ABOUT = (
    f"Tags raw strings. `@{CHAMPION}` is the version to tag with; a challenger takes its place only by a "
    "better score on the champion's test documents. Why it did, or did not, stands in a version's tags."
)


def _register(client: Any, run_id: str, logged: Any, model: Mapping[str, Any], folder: Path) -> None:
    from mlflow.exceptions import MlflowException

    name = model["register"]
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=_ABOUT)
    known = [v for v in client.search_model_versions(f"name = '{name}'") if v.run_id == run_id]
    if not known:
        tags = {
            "elman.model": folder.name,
            "elman.passport": sha256_file(folder / "passport.json"),
            **model["tags"],
        }
        known = [
            client.create_model_version(
                name,
                f"models:/{logged.model_id}",
                run_id=run_id,
                tags=tags,
                description=model["about"],
                model_id=logged.model_id,
            )
        ]
    if champion(name) is None:  # the first of its name
        client.set_registered_model_alias(name, CHAMPION, known[0].version)


def _code(into: Path) -> list[str]:
    """Copies of the Python files a loaded model runs, so that it works where Elman is not installed."""
    package = into / "elman"
    package.mkdir()
    shutil.copyfile(CHECKOUT / "elman" / "__init__.py", package / "__init__.py")
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
        experiment = _connect().MlflowClient().get_run(run_id).info.experiment_id
    except Exception:
        return base
    return f"{base}/#/experiments/{experiment}/runs/{run_id}?workflowType=machine_learning"


def champion(name: str) -> Version | None:
    """The version a name's `champion` alias stands at, or None."""
    return _version(name, alias=CHAMPION)


def versions(name: str) -> list[Version]:
    """All registered versions of a name, oldest first; none for an unknown name."""
    found = _connect().MlflowClient().search_model_versions(f"name = '{name}'")
    return [Version(name, str(v.version), dict(v.tags)) for v in sorted(found, key=lambda v: int(v.version))]


def promote(name: str, version: str, why: str) -> None:
    """Move the `champion` alias to a version and note why."""
    client = _connect().MlflowClient()
    client.set_registered_model_alias(name, CHAMPION, version)
    client.set_model_version_tag(name, version, "elman.why", why)


def note(name: str, version: str, key: str, value: str) -> None:
    """Set a tag of a registered version."""
    _connect().MlflowClient().set_model_version_tag(name, version, key, value)


def _version(name: str, *, alias: str | None = None, version: str | None = None) -> Version | None:
    client = _connect().MlflowClient()
    from mlflow.exceptions import MlflowException

    try:
        if alias is not None:
            found = client.get_model_version_by_alias(name, alias)
        else:
            found = client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return Version(name, str(found.version), dict(found.tags))


def resolve_model(uri: str) -> Path:
    """Find the model folder behind `models:/NAME@alias`, `models:/NAME/VERSION` or a run id.

    Run ids are ours or MLflow's. The folder is the one in the home's `models/` if its passport is the
    registered one, else it is fetched.

    Raises:
        BadInput: no such name, alias, version or run.
        TrackingError: MLflow does not answer.
    """
    if uri.startswith("models:/"):
        name, found = _registered(uri)
        if found is None:
            raise BadInput("a registered model", got=uri, todo="The MLflow UI shows the names (`elman up`).")
        folder = home() / "models" / found.tags["elman.model"]
        if _same_passport(folder, found.tags["elman.passport"]):
            return folder
        return _fetch(f"models:/{name}/{found.version}", folder.name)
    ours = run_record.find(uri)
    if ours is not None:
        if not ours.record["model"]:
            raise BadInput("a run that made a model", got=uri, todo="Give the id of a training run.")
        return Path(ours.record["model"]["folder"])
    client = _connect().MlflowClient()
    from mlflow.exceptions import MlflowException

    try:
        tags = client.get_run(uri).data.tags
    except MlflowException:
        raise BadInput(
            "a model folder, models:/NAME@alias, models:/NAME/VERSION or a run id",
            got=repr(uri),
            todo=f"Folders lie in {home() / 'models'}; the MLflow UI shows names and runs (`elman up`).",
        ) from None
    if "elman.model" not in tags:
        raise BadInput("a run that made a model", got=uri, todo="Give the id of a training run.")
    folder = home() / "models" / tags["elman.model"]
    return folder if folder.is_dir() else _fetch(f"runs:/{uri}/model", folder.name)


def _registered(uri: str) -> tuple[str, Version | None]:
    rest = uri.removeprefix("models:/")
    if "@" in rest:
        name, alias = rest.rsplit("@", 1)
        return name, _version(name, alias=alias)
    name, _, version = rest.partition("/")
    return name, _version(name, version=version) if version.isdigit() else None


def _same_passport(folder: Path, sha256: str) -> bool:
    path = folder / "passport.json"
    return path.is_file() and sha256_file(path) == sha256


def _fetch(uri: str, name: str) -> Path:
    """Copy a logged model's folder into the home's `models/`."""
    mlflow = _connect()
    target = home() / "models" / Path(name).name
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
        local = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
        found = next(local.rglob("passport.json"), None)
        if found is None:
            raise BadInput("a model logged by Elman", got=uri, todo="Give a model that `elman train` made.")
        if not target.exists():
            found.parent.rename(target)
    return target
