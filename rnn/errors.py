"""What can go wrong inside the network."""


class TrainingError(RuntimeError):
    """Training cannot go on: a loss or gradient that is no number.

    Attributes:
        step: optimiser step, from 1.
        layer: name of the parameter (or "loss") where it was seen first.
        norm: the offending value: the loss, or the norm of that gradient.
    """

    def __init__(self, message: str, *, step: int, layer: str, norm: float) -> None:
        super().__init__(f"step {step}, {layer}: {message}")
        self.step, self.layer, self.norm = step, layer, norm
