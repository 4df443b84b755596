"""Model file for MLflow, logged as code beside a copy of the model folder; nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["Sam Li and Tom date on Tuesday."])
"""

from typing import Any

import mlflow
import pydantic


class Found(pydantic.BaseModel):
    """Fields of an answer, from which MLflow takes the output signature.

    An entity of text has those of `elman.Entity`: text and type beside start, end and probability. A gene has
    those of `elman.Gene`: contig, strand, phase and label beside them.
    """

    start: int
    end: int
    probability: float
    text: str | None = None
    type: str | None = None
    contig: str | None = None
    strand: str | None = None
    phase: int | None = None
    label: str | None = None


class TaggerModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Tags raw strings; returns a list of entities or genes for each."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        import elman

        self.model = elman.load(context.artifacts["model"])

    def predict(
        self, context: Any, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[list[Found]]:
        """Tag raw strings: for each a list of dicts with fields of `Found`."""
        found: Any = self.model.tag_many(model_input)  # plain dicts: `Found` is the schema of these
        return [[answer._asdict() for answer in result] for result in found]


mlflow.models.set_model(TaggerModel())
