"""Model file for MLflow, logged as code beside a copy of the model folder; nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["Sam Li and Tom date on Tuesday."])
"""

from typing import Any

import mlflow


class TaggerModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Tags raw strings; returns a list of entities or genes for each."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        import elman

        self.model = elman.load(context.artifacts["model"])

    # No type of the answer: MLflow would warn that it cannot check maps of any values.
    def predict(self, context: Any, model_input: list[str], params: dict[str, Any] | None = None):  # type: ignore[no-untyped-def]
        """Tag raw strings: dicts with the fields of `elman.Entity` for text, of `elman.Gene` for bases."""
        return [[found._asdict() for found in result] for result in self.model.tag_many(model_input)]


mlflow.models.set_model(TaggerModel())
