"""The model as MLflow loads it: this file is logged as code beside a copy of the model folder.

Nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["Sam Li and Tom date on Tuesday."])
"""

from pathlib import Path
from typing import Any

import mlflow


class TaggerModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Raw strings in, for each the list of what was found."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        from elman.tasks.models.loading import load

        self.model = load(Path(context.artifacts["model"]))

    # No type of the answer: MLflow would warn that it cannot check maps of any values.
    def predict(self, context: Any, model_input: list[str], params: dict[str, Any] | None = None):  # type: ignore[no-untyped-def]
        """Tag raw strings: text to entities, bases to intervals; offsets are 0-based half-open."""
        return [self.model.tag_raw(text) for text in model_input]


mlflow.models.set_model(TaggerModel())
