"""Chooses the model of a tagging run: that of an unfinished run or of the output first."""

from pathlib import Path

from elman.data.errors import UsageError
from elman.data.store.dataset import MANIFEST, Dataset
from elman.data.store.disk import sha256_file
from elman.tasks.models import model_folder
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import home
from elman.tasks.runtime.orchestration import task
from elman.tasks.tagging.plan import read_plan


@task(task_run_name="find the model {model_uri}", tags=("registry",), retries=2, retry_delay_seconds=2)
def choose_model(out: Path, model_uri: str, retag: bool = False) -> tuple[Path, str | None]:
    """Choose the model of a run.

    Args:
        out: folder of the output.
        model_uri: the model as the user named it.
        retag: True if the output may become that of another model.

    Returns:
        folder: the model of an unfinished run of the same command; else, where a registered name means
        another
            model than when the output was made, the output's; else the one that the name means now.
        newer: name of the model that the name means now, if that is another.

    Raises:
        BadInput: there is no such model.
        UsageError: the model of the output is gone.
    """
    plan = read_plan(out)
    if (
        plan
        and plan["asked"] == model_uri
        and _has_passport(Path(plan["folder"]), plan["config"]["passport"])
    ):
        return Path(plan["folder"]), None
    folder = model_folder.resolve(model_uri)
    if retag or not (out / MANIFEST).is_file():
        return folder, None
    manifest = Dataset.open(out).manifest
    passport = manifest["config"].get("passport")
    if manifest["meta"].get("asked") != model_uri or _has_passport(folder, passport):
        return folder, None
    before = home() / "models" / str(manifest["config"]["model"])
    if not _has_passport(before, passport):
        raise UsageError(
            f"{out}: expected {before.name}, the model it was made with, in {before.parent}, for {model_uri} "
            f"now means {folder.name}. Got none. Say --retag to tag all of it with {folder.name}."
        )
    print_status(
        f"{model_uri} now means {folder.name}. {out} was tagged with {before.name}, and new sources are, "
        "too. Say --retag to tag all of it with the newer one."
    )
    return before, folder.name


def passport_hash(folder: Path) -> str:
    """Return the sha256 of the passport of a model folder."""
    return sha256_file(folder / model_folder.PASSPORT)


def _has_passport(folder: Path, sha256: str | None) -> bool:
    return (folder / model_folder.PASSPORT).is_file() and passport_hash(folder) == sha256
