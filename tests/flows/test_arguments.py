"""Configs: bounds that Python, the command line and Prefect check alike, and the form of a deployment."""

import json
import subprocess
import sys

import pytest

from elman.data.errors import UsageError
from elman.flows.evaluate import EvaluateConfig
from elman.flows.ladder import LadderConfig
from elman.flows.servers import UpConfig
from elman.flows.tag import TagConfig
from elman.flows.train import TrainConfig
from elman.tasks.models.presets import PRESETS

SCHEMAS = """
import asyncio, json
from prefect.cli._prompts import search_for_flow_functions
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
out = {}
for found in asyncio.run(search_for_flow_functions("flows")):
    entrypoint = f"{found['filepath']}:{found['function_name']}"
    flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    (out[flow.name],) = parameter_schema(flow).definitions.values()
from elman.flows.train import train
refused = []
for config in ({"corpus": "x", "sed": 1}, {"corpus": "x", "seed": -1}):
    try:
        train.validate_parameters({"config": config})
    except Exception as error:
        refused.append(str(error))
made = train.validate_parameters({"config": {"corpus": "x", "epochs": 3}})["config"]
print(json.dumps([out, refused, [type(made).__name__, made.epochs]]))
"""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrainConfig(corpus="x", seed=-1), r"expected --seed of 0 or more\. Got -1\."),
        (
            lambda: TrainConfig(corpus="x", learning_rate=0.0),
            r"expected --learning-rate above 0\. Got 0\.0\.",
        ),
        (lambda: TrainConfig(corpus="x", checkpoint_s=float("nan")), "expected --checkpoint-s of 0 or more"),
        (lambda: LadderConfig(corpus="x", seeds=16), r"expected --seeds from 1 to 15\. Got 16\."),
        (lambda: UpConfig(mlflow_port=80), r"expected --mlflow-port from 1024 to 65535\. Got 80\."),
        (
            lambda: TagConfig(model="m", sources=("a",), out="o", min_probability=1.0),
            r"expected --min-probability from 0 to below 1\. Got 1\.0\.",
        ),
    ],
)
def test_a_value_out_of_bounds_is_a_usage_error(make, message):
    with pytest.raises(UsageError, match=message):
        make()


def test_values_within_bounds_and_none_pass():
    assert TrainConfig(corpus="x", epochs=None, seed=0).seed == 0
    assert EvaluateConfig(model="m", corpus="c").split == "test"


@pytest.mark.heavy
def test_the_form_of_a_deployment_has_descriptions_bounds_and_choices(checkout):
    """Prefect builds the form from this schema, and checks parameters of a run by the same types.

    `prefect deploy` finds the flows in the syntax trees of their files and loads them as here.
    """
    command = [sys.executable, "-c", SCHEMAS]
    out = subprocess.run(command, capture_output=True, text=True, cwd=checkout, check=True)
    schemas, refused, made = json.loads(out.stdout.splitlines()[-1])
    assert set(schemas) == {
        *("ingest", "train", "evaluate", "drift", "ladder"),
        *("tag", "generate", "transcribe", "suggest", "retrain", "backfill"),
    }
    for name, schema in schemas.items():
        missing = [field for field, entry in schema["properties"].items() if not entry.get("description")]
        assert (name, missing) == (name, [])
        assert schema["additionalProperties"] is False
    train, tag = schemas["train"]["properties"], schemas["tag"]["properties"]
    assert train["seed"]["minimum"] == 0
    assert train["learning_rate"]["anyOf"][0]["exclusiveMinimum"] == 0
    assert (tag["min_probability"]["minimum"], tag["min_probability"]["exclusiveMaximum"]) == (0, 1)
    assert tag["engine"]["enum"] == ["local", "ray"]
    assert train["preset"]["enum"] == [*PRESETS]
    assert schemas["retrain"]["properties"]["preset"]["enum"] == [*PRESETS]
    assert schemas["evaluate"]["properties"]["split"]["enum"] == ["test", "dev", "all"]
    assert "sed: Unexpected keyword argument" in refused[0]
    assert "greater than or equal to 0" in refused[1]
    assert made == ["TrainConfig", 3]
