"""Models and data sets in MLflow: logged models, registered versions with their cards, corpora."""

import importlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import elman
from elman.data.errors import BadInput
from elman.data.store.disk import sha256_file
from elman.tasks.runtime.environment import CHECKOUT
from elman.tasks.runtime.mlflow_connection import connect
from elman.tasks.runtime.mlflow_experiments import TRAINING, experiment_id
from elman.tasks.runtime.registry import (
    ABOUT_CHAMPION,
    CHAMPION,
    INFRASTRUCTURE,
    PASSED,
    champion,
    set_card,
    shortened,
)
from elman.tasks.runtime.run_record import MadeModel, UsedDataset

NOTE = "mlflow.note.content"
_EXAMPLES = {
    "text": "Sam Li and Tom date on Tuesday.",
    "dna": "ATGAAACGCATTAGCACCACCATTACC",
    "generator": "",
    "transcriber": "",
}
_CODE = {
    "generator": "generation",
    "classifier": "classification",
    "transcriber": "transcription",
}  # folder of tasks/ with the model file, by kind; models/ of a tagger
_REQUIREMENTS = (
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


def digest_of(dataset: UsedDataset) -> str:
    """Digest as MLflow takes it: 36 characters at most."""
    return dataset.digest[:36]


def log_dataset(client: Any, run_id: str, dataset: UsedDataset) -> None:
    """Log a corpus, or a split of one, with its digest, schema, sizes, source and licence."""
    from mlflow.data.dataset_source_registry import get_dataset_source_from_json
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import Dataset, DatasetInput, InputTag

    class Corpus(MetaDataset):
        @property
        def profile(self) -> dict[str, Any]:
            return {**dataset.counts, "manifest_sha256": dataset.digest, **dataset.about}

    source = get_dataset_source_from_json(
        json.dumps({"uri": Path(dataset.folder).absolute().as_uri()}), "local"
    )
    made = Corpus(source, dataset.name, digest_of(dataset), _schema(dataset.kind))
    profile = json.dumps(made.profile, ensure_ascii=False)
    entity = Dataset(**{**made.to_dict(), "profile": profile})
    about = {"mlflow.data.context": dataset.context, **dataset.about}
    tags = [InputTag(key, value[:500]) for key, value in about.items()]
    client.log_inputs(run_id, [DatasetInput(entity, tags)])


def _schema(kind: str) -> Any:
    """MLflow's schema of a corpus by the columns of its table; None if its kind is not known."""
    from mlflow.types import Schema
    from mlflow.types.schema import ColSpec

    if not kind:
        return None
    from elman.data.store.schema import DNA, MUSIC, SPEECH, TEXT

    columns = {"dna": DNA, "music": MUSIC, "speech": SPEECH}.get(kind.rpartition("-")[2], TEXT)
    return Schema([ColSpec(_column(of), name) for name, of in columns.items()])


def _column(of: Any) -> Any:
    import polars as pl
    from mlflow.types.schema import Array, DataType, Object, Property

    if isinstance(of, pl.List):
        return Array(_column(of.inner))
    if isinstance(of, pl.Struct):
        return Object([Property(field.name, _column(field.dtype)) for field in of.fields])
    if of in (pl.Boolean, pl.Binary):
        return DataType.boolean if of == pl.Boolean else DataType.binary
    return DataType.string if of == pl.String else DataType.long


def log_model(client: Any, run_id: str, model: MadeModel) -> str:
    """Log a model folder once, as code that loads without pickle, whatever is sent again.

    Returns:
        id of the logged model.

    Raises:
        BadInput: the model folder is gone.
    """
    mlflow = connect()
    folder = Path(model.folder)
    client.set_tag(run_id, "elman.model", folder.name)

    def logged() -> str | None:
        found = mlflow.search_logged_models(
            experiment_ids=[client.get_run(run_id).info.experiment_id],
            filter_string=f"source_run_id = '{run_id}'",
            output_format="list",
        )
        return str(found[0].model_id) if found else None

    model_id = logged()
    if model_id is None:
        passport = _passport(folder)
        kind = passport["kind"]
        with (
            mlflow.start_run(run_id=run_id),
            _without_requirements_check(),
            tempfile.TemporaryDirectory() as code,
        ):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(CHECKOUT / "tasks" / _CODE.get(kind, "models") / "mlflow_model.py"),
                artifacts={"model": str(folder)},
                code_paths=_code(Path(code)),
                input_example=[_EXAMPLES[passport.get("family", kind)]],
                pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
            )
        model_id = str(logged())
    client.set_logged_model_tags(model_id, {"elman.model": folder.name, NOTE: shortened(model.about)})
    return model_id


@contextmanager
def _without_requirements_check() -> Iterator[None]:
    """Leave out MLflow's check that a model's requirements are installed, which takes one to two seconds.

    It reads the list of files of every installed package, and ours are the versions that are installed.
    MLflow has no setting for it; a version of MLflow without this function is left as it is.
    """
    from mlflow.utils import environment

    name = "warn_dependency_requirement_mismatches"
    check = getattr(environment, name, None)
    if check is None:
        yield
        return
    setattr(environment, name, lambda requirements: None)
    try:
        yield
    finally:
        setattr(environment, name, check)


def python_model(folder: Path) -> Any:
    """The model of a folder, loaded by the code that MLflow is given for it; it has `predict`."""
    mlflow = connect()
    module = importlib.import_module(
        f"elman.tasks.{_CODE.get(_passport(folder)['kind'], 'models')}.mlflow_model"
    )
    base = mlflow.pyfunc.PythonModel
    (of_module,) = (
        each for each in vars(module).values() if isinstance(each, type) and issubclass(each, base)
    )
    model = of_module()
    model.load_context(SimpleNamespace(artifacts={"model": str(folder)}))
    return model


def _passport(folder: Path) -> dict[str, Any]:
    path = folder / "passport.json"
    if not path.is_file():
        raise BadInput(
            "the model folder that a run made",
            got="none",
            todo="Put it back to have the model logged, or delete the run's folder to have it sent no more.",
            source=folder,
        )
    passport: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return passport


def used_model(client: Any, run_id: str, params: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """Show a run that used a model beside the model, and beside the version it was asked for by.

    Args:
        client: of MLflow.
        run_id: of MLflow.
        params: of the run; model (its version), and asked (models:/NAME...), if any.

    Returns:
        id of the logged model, None if MLflow does not have it, and tags of the run.
    """
    from mlflow.entities import LoggedModelInput

    if "model" not in params:
        return None, {}
    asked, model_id, tags = params.get("asked", ""), None, {}
    if asked.startswith("models:/"):
        name = asked.removeprefix("models:/").split("@")[0].split("/")[0]
        for found in client.search_model_versions(f"name = '{name}'"):
            if found.tags.get("elman.model") == params["model"]:
                tags["elman.registered"] = f"models:/{name}/{found.version}"
                model_id = found.source.removeprefix("models:/")  # as `register` gives it
    model_id = model_id or _logged_as(client, params["model"])
    if model_id is not None:
        client.log_inputs(run_id, models=[LoggedModelInput(model_id)])
    return model_id, tags


def _logged_as(client: Any, model: str) -> str | None:
    """Id of the logged model of a model's version, the newest if several trainings made the same."""
    found = client.search_logged_models(
        [experiment_id(client, TRAINING)], f"tags.`elman.model` = '{model}'", max_results=1
    )
    return str(found[0].model_id) if found else None


def register(client: Any, run_id: str, model_id: str, model: MadeModel, name: str) -> None:
    """Register a logged model once; the first of a name is its champion, unless it failed elsewhere."""
    from mlflow.exceptions import MlflowException

    folder = Path(model.folder)
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=ABOUT_CHAMPION)
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
                f"models:/{model_id}",
                run_id=run_id,
                tags=tags,
                description=shortened(model.about),
                model_id=model_id,
            )
        ]
    if champion(name) is None and model.tags.get(INFRASTRUCTURE, PASSED) == PASSED:  # the first of its name
        client.set_registered_model_alias(name, CHAMPION, known[0].version)
        set_card(name, model.about)


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
