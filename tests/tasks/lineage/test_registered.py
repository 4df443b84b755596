"""Registered versions are read from the file of MLflow's database as MLflow's client reads them."""

import pytest

from elman.data.errors import IntegrityError
from elman.tasks.lineage.registered import registered_versions
from elman.tasks.runtime.mlflow_connection import connect

pytestmark = pytest.mark.heavy


def test_versions_with_tags_and_aliases_and_without_deleted_ones(tracked_home):
    client = connect().MlflowClient()
    client.create_registered_model("names")
    for number in ("1", "2", "3"):
        tags = {"elman.model": f"m{number}", "elman.passport": number * 64}
        client.create_model_version("names", f"file:///m{number}", run_id=None, tags=tags)
    client.set_registered_model_alias("names", "champion", "3")
    client.delete_model_version("names", "2")
    found = registered_versions()
    assert [(of.uri, of.model, of.aliases) for of in found] == [
        ("models:/names/1", "m1", ()),
        ("models:/names/3", "m3", ("champion",)),
    ]
    assert found[1].passport == "3" * 64


def test_no_database_has_no_versions(home, monkeypatch):
    assert registered_versions() == []
    (home / "mlflow").mkdir(parents=True)
    (home / "mlflow" / "mlflow.db").write_bytes(b"")
    assert registered_versions() == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert registered_versions() == []


def test_a_file_that_is_no_database_is_named(home):
    (home / "mlflow").mkdir(parents=True)
    (home / "mlflow" / "mlflow.db").write_bytes(b"no database at all, but long enough to be read as one" * 30)
    with pytest.raises(IntegrityError, match=r"mlflow\.db: expected MLflow's database"):
        registered_versions()
