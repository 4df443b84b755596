"""Model file for MLflow, logged as code beside a copy of the model folder; nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["a text"]) gives label and probability of each.
"""

from typing import Any

import mlflow
import pydantic


class Found(pydantic.BaseModel):
    """Fields of an answer, from which MLflow takes the output signature."""

    label: str
    probability: float


class ClassifierModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Classifies texts, or sequences of DNA."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        from pathlib import Path

        from elman.tasks.classification.classifier import Classifier

        self.classifier = Classifier.read(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[Found]:
        """The likeliest class of each text, and its probability."""
        found = self.classifier.classify_texts(model_input)
        return [Found(label=label, probability=probability) for label, probability in found]


mlflow.models.set_model(ClassifierModel())
