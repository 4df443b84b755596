"""Model file for MLflow, logged as code beside a copy of the model folder; nothing is pickled.

mlflow.pyfunc.load_model("models:/NAME@champion").predict(["clip.wav"]) gives the text of each file.
"""

from typing import Any

import mlflow


class SpeechModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined,misc]  # mlflow loads pyfunc lazily
    """Writes down speech: a text for each path of a sound file; "" for an empty path."""

    def load_context(self, context: Any) -> None:
        """Load the model folder; every file is checked against its passport."""
        from pathlib import Path

        from elman.tasks.transcription.transcriber import Transcriber

        self.transcriber = Transcriber.read(Path(context.artifacts["model"]))

    def predict(
        self, context: Any, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[str]:
        """Transcribe each file."""
        from pathlib import Path

        from elman.data.audio.reading import read_clip
        from elman.tasks.transcription.transcriber import Sound

        texts = []
        for path in model_input:
            if not path:
                texts.append("")
                continue
            clip = read_clip(Path(path))
            (utterances,) = self.transcriber.transcribe([Sound([clip.samples], clip.rate, clip.seconds)])
            texts.append(" ".join(utterance.text for utterance in utterances))
        return texts


mlflow.models.set_model(SpeechModel())
