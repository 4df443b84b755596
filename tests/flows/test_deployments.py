"""prefect.yaml: every deployment can be read, explains itself, and has parameters that its flow takes."""

import importlib
from typing import Any, get_type_hints

import pytest
import yaml
from pydantic import TypeAdapter

from elman.tasks.retraining.overview import missing_flows

EXPECTED = {"hourly-ingest", "nightly-retrain", "tag-after-promotion", "weekly-ladder", "backfill"}


@pytest.fixture(scope="module")
def deployments(checkout) -> dict[str, dict[str, Any]]:
    content = yaml.safe_load((checkout / "prefect.yaml").read_text())
    return {deployment["name"]: deployment for deployment in content["deployments"]}


def test_all_of_them_are_there_and_none_names_a_flow_that_is_gone(deployments, checkout):
    assert set(deployments) == EXPECTED
    assert missing_flows(checkout / "prefect.yaml") == ()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_deployment_is_complete_and_its_flow_takes_its_parameters(deployments, name):
    deployment = deployments[name]
    assert deployment["description"].endswith(".")
    assert deployment["tags"][0] == "elman"
    assert deployment["concurrency_limit"]["limit"] == 1
    assert deployment["concurrency_limit"]["collision_strategy"] in ("CANCEL_NEW", "ENQUEUE")
    assert float(deployment["work_pool"]["job_variables"]["env"]["ELMAN_TIMEOUT_S"]) > 3600
    assert all({"timezone", "slug"} <= schedule.keys() for schedule in deployment.get("schedules", ()))
    path, function = deployment["entrypoint"].split(":")
    module = importlib.import_module(f"elman.{path.removesuffix('.py').replace('/', '.')}")
    config = get_type_hints(getattr(module, function).fn)["config"]
    TypeAdapter(config).validate_python(deployment["parameters"]["config"])


def test_a_promotion_starts_the_tagging_with_the_champion_and_a_time_of_day_does_if_the_event_is_lost(
    deployments,
):
    tagging = deployments["tag-after-promotion"]
    (trigger,) = tagging["triggers"]
    assert trigger["expect"] == ["elman.promoted"]
    name = deployments["nightly-retrain"]["parameters"]["config"]["model"]
    assert trigger["match"] == {"prefect.resource.id": f"elman.model.{name}"}
    assert tagging["parameters"]["config"]["model"] == f"models:/{name}@champion"
    assert tagging["parameters"]["config"]["retag"] is True
    assert all(schedule.get("active", True) for schedule in tagging["schedules"])
