"""Progress of a training: a bar or lines with the running epoch and the best score so far."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elman.rnn.training.state import State
from elman.rnn.training.trainer import Callbacks
from elman.tasks.runtime.console import progress
from elman.tasks.training.checkpoint import Checkpoint

OnEpoch = Callable[[dict[str, float]], None]


@contextmanager
def training_progress(
    checkpoint: Checkpoint,
    state: State | None,
    on_epoch: OnEpoch,
    *,
    epochs: int,
    per_epoch: int,
    unit: str,
    best: Callable[[float], str],
) -> Iterator[Callbacks]:
    """Callbacks of a training that show it, save it and report its epochs.

    Args:
        checkpoint: where its states are saved.
        state: to continue from; its epochs are reported first.
        on_epoch: called with the numbers of each epoch.
        epochs: at most.
        per_epoch: amount of work in an epoch, in `unit`.
        unit: as of `tasks.runtime.console.progress`.
        best: words for the best score so far.
    """
    lines = list(state.history) if state else []
    for past in lines:
        on_epoch(past)

    def on_line(line: dict[str, float]) -> None:
        lines.append(line)
        on_epoch(line)

    def note() -> str:
        scores = [line["score"] for line in lines if "score" in line]
        so_far = f", best {best(max(scores))}" if scores else ""
        return f"epoch {min(len(lines) + 1, epochs)} of {epochs}{so_far}"

    with progress("training", (epochs - len(lines)) * per_epoch, unit, note) as advance:
        yield Callbacks(on_line, checkpoint.save, checkpoint.due, advance)
