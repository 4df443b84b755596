"""Exceptions of training."""


class TrainingError(RuntimeError):
    """A loss or gradient is NaN or infinite.

    Attributes:
        step: optimiser step, from 1.
        layer: name of the parameter (or "loss") where it occurred first.
        norm: the offending value: the loss, or the norm of that gradient.
    """

    def __init__(self, message: str, *, step: int, layer: str, norm: float) -> None:
        super().__init__(f"step {step}, {layer}: {message}")
        self.step, self.layer, self.norm = step, layer, norm
