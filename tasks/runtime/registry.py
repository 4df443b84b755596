"""The model registry in MLflow: versions, aliases, and the folder behind a name."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elman.data.errors import BadInput
from elman.data.store.disk import sha256_file
from elman.tasks.runtime import run_record
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.mlflow_connection import connect

CHAMPION, CHALLENGER = "champion", "challenger"
INFRASTRUCTURE, PASSED = "elman.infrastructure", "passed"  # tag of a version, and its value
ABOUT_CHAMPION = (
    f"`@{CHAMPION}` is the version to tag with; a challenger takes its place only by a better score on the "
    "champion's test documents. Why it did, or did not, stands in a version's tags."
)
MOST_CHARACTERS = 5000  # of a description
CUT = "\n\nThe rest stands on the page of the version's run.\n"


@dataclass(frozen=True)
class Version:
    """A registered model version: its number as MLflow counts, and the tags we gave it."""

    name: str
    version: str
    tags: Mapping[str, str]


def champion(name: str) -> Version | None:
    """The version a name's `champion` alias stands at, or None."""
    return _version(name, alias=CHAMPION)


def versions(name: str) -> list[Version]:
    """All registered versions of a name, oldest first; none for an unknown name."""
    found = connect().MlflowClient().search_model_versions(f"name = '{name}'")
    return [Version(name, str(v.version), dict(v.tags)) for v in sorted(found, key=lambda v: int(v.version))]


def promote(name: str, version: str, why: str) -> None:
    """Move the `champion` alias to a version, whose card the model's page then shows, and note why."""
    client = connect().MlflowClient()
    client.set_registered_model_alias(name, CHAMPION, version)
    client.set_model_version_tag(name, version, "elman.why", why)
    set_card(name, client.get_model_version(name, version).description or "")


def set_challenger(name: str, version: str | None) -> None:
    """Move the `challenger` alias to a version that is about to be judged, or remove it."""
    client = connect().MlflowClient()
    if version is not None:
        client.set_registered_model_alias(name, CHALLENGER, version)
    elif _version(name, alias=CHALLENGER) is not None:
        client.delete_registered_model_alias(name, CHALLENGER)


def download(name: str, version: str, into: Path) -> Path:
    """Copy a registered version as MLflow has it, packaged with its code, into a folder; return its own."""
    artifacts = connect().artifacts
    return Path(artifacts.download_artifacts(artifact_uri=f"models:/{name}/{version}", dst_path=str(into)))


def set_card(name: str, card: str) -> None:
    """Make a version's card the description of a registered model."""
    connect().MlflowClient().update_registered_model(name, shortened(card))


def shortened(card: str) -> str:
    """A card, cut at a line's end to what the columns of MLflow's database take."""
    if len(card) <= MOST_CHARACTERS:
        return card
    return card[: MOST_CHARACTERS - len(CUT)].rsplit("\n", 1)[0] + CUT


def set_version_tag(name: str, version: str, key: str, value: str) -> None:
    """Set a tag of a registered version."""
    connect().MlflowClient().set_model_version_tag(name, version, key, value)


def _version(name: str, *, alias: str | None = None, version: str | None = None) -> Version | None:
    client = connect().MlflowClient()
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
        if ours.info.model is None:
            raise BadInput("a run that made a model", got=uri, todo="Give the id of a training run.")
        return Path(ours.info.model.folder)
    client = connect().MlflowClient()
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
    mlflow = connect()
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
