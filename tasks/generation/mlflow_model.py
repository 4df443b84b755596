"""Model file for MLflow, logged as code beside a copy of the model folder; nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["", "K:G"]) draws a piece for each symbol to begin
from; an empty one begins from nothing.
"""

from typing import Any

import mlflow


class GeneratorModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Draws pieces: the symbols of each with a space between them; of a roll the keys of a step by commas."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        from pathlib import Path

        from elman.tasks.generation.generator import Generator

        self.generator = Generator.read(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[str]:
        """Draw a piece for each symbol to begin from."""
        from elman.tasks.generation.pieces_in_bulk import Drawing, Request

        pieces = []
        for number, start in enumerate(model_input):
            request = Request(count=1, start=start or None)
            ((_, _, _, symbols, *_),) = Drawing(self.generator, request, lambda: None).draw([number])
            pieces.append(" ".join(symbol.replace(" ", ",") for symbol in symbols))
        return pieces


mlflow.models.set_model(GeneratorModel())
