"""Fitting of a model of a task: from a checkpoint to its model folder."""

from collections.abc import Callable
from typing import Any, Protocol

from elman.rnn.networks.architecture import Parameterised
from elman.rnn.networks.weights import to_bytes
from elman.rnn.training.state import FitResult, State
from elman.rnn.training.trainer import Callbacks
from elman.tasks.learning.registry import FittedModel, OnEpoch
from elman.tasks.models import model_folder
from elman.tasks.training.checkpoint import Checkpoint
from elman.tasks.training.failures import training_failures
from elman.tasks.training.progress import training_progress


class Fitting(Protocol):
    """Data, network and settings of a requested training.

    Attributes:
        network: that is trained.
        key: hash of everything the weights depend on.
    """

    @property
    def network(self) -> Parameterised: ...  # noqa: D102

    @property
    def key(self) -> str: ...  # noqa: D102

    def run(self, checkpoint: Checkpoint, on_epoch: OnEpoch) -> FitResult:
        """Train from the checkpoint on."""
        ...

    def passport(self, result: FitResult) -> Any:
        """The passport of the trained model."""
        ...


class StateTrainer(Protocol):
    """A trainer of rnn/training that can continue from a state."""

    def run(self, callbacks: Callbacks, state: State | None) -> FitResult:
        """Train to the end."""
        ...


def run_trainer(
    trainer: StateTrainer,
    checkpoint: Checkpoint,
    on_epoch: OnEpoch,
    *,
    epochs: int,
    per_epoch: int,
    unit: str,
    best: Callable[[float], str],
) -> FitResult:
    """Run a trainer from the checkpoint on; the last four arguments are those of `training_progress`.

    Raises:
        BadInput: a loss or gradient is not finite.
    """
    state = checkpoint.load()
    with (
        training_failures(),
        training_progress(
            checkpoint, state, on_epoch, epochs=epochs, per_epoch=per_epoch, unit=unit, best=best
        ) as callbacks,
    ):
        return trainer.run(callbacks, state)


def fit_model(fitting: Fitting, vocabulary: bytes, checkpoint_s: float, on_epoch: OnEpoch) -> FittedModel:
    """Fit a model and write its folder; a killed training continues from its checkpoint.

    Args:
        fitting: what is trained.
        vocabulary: content of the model's vocabulary file.
        checkpoint_s: seconds between two checkpoints.
        on_epoch: called with the numbers of each epoch.

    Raises:
        Locked: the same training is running.
    """
    with Checkpoint(fitting.key, checkpoint_s) as checkpoint:
        result = fitting.run(checkpoint, on_epoch)
        files = {
            model_folder.WEIGHTS: to_bytes(result.params, fitting.network),
            model_folder.VOCABULARY: vocabulary,
        }
        folder = model_folder.write(fitting.passport(result), files)
    return FittedModel(
        model=str(folder),
        parameters=sum(value.size for value in result.params.values()),
        best_epoch=result.best_epoch,
        history=result.history,
    )
