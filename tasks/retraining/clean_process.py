"""A process of its own that loads a packaged model with pickle refused, tags texts, and measures itself.

    python -m elman.tasks.retraining.clean_process FOLDER [--mlflow] < texts.json > answers.json

FOLDER is a model folder, or with --mlflow one that MLflow logged. Reads a JSON list of texts (of DNA: bases;
of speech: paths of clips; of what generates: symbols to begin from, or "").
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

MEASURE_S = 0.5  # CPU seconds over which the speed is measured, at least


class PickleRefused(RuntimeError):
    """Something was to be unpickled."""


def refuse_pickle() -> None:
    """Refuse to unpickle any object from now on, but for the compiled kernels in Numba's own cache."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "pickle.find_class":
            return
        frame = sys._getframe(1)
        while frame is not None:
            if "/numba/" in frame.f_code.co_filename.replace("\\", "/"):
                return
            frame = frame.f_back  # type: ignore[assignment]  # None at the outermost frame
        raise PickleRefused(f"unpickling {'.'.join(map(str, arguments))} is refused")

    sys.addaudithook(hook)


def load(folder: str, packaged: bool) -> Any:
    """A function from texts to answers, each a list of plain dicts."""
    kind = None if packaged else json.loads((Path(folder) / "passport.json").read_bytes())["kind"]
    if kind in ("text", "dna"):
        import elman

        model: Any = elman.load(folder)
        return lambda texts: [[found._asdict() for found in each] for each in model.tag_many(texts)]
    if not packaged:
        from elman.tasks.runtime.mlflow_models import python_model

        of_task = python_model(Path(folder))
        return lambda texts: of_task.predict(None, texts)
    import mlflow

    return mlflow.pyfunc.load_model(folder).predict


def main(arguments: list[str]) -> int:
    """Tag the texts of standard input; see the module."""
    refuse_pickle()
    texts = json.load(sys.stdin)
    tag = load(arguments[0], "--mlflow" in arguments)
    answers = tag(texts)
    began, times = time.process_time(), 0
    while time.process_time() - began < MEASURE_S:
        tag(texts)
        times += 1
    speed = times / (time.process_time() - began)
    found = {"answers": plain(answers), "times_per_s": speed, "peak_memory_mib": peak_mib()}
    json.dump(found, sys.stdout)
    return 0


def plain(answers: Any) -> Any:
    """Answers as JSON gives them back."""
    return json.loads(json.dumps(answers, default=lambda answer: answer.model_dump()))


def peak_mib() -> float:
    """Peak memory of this process in MiB; `getrusage` counts that of its parent, which it was forked from."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
