"""Precision, recall and F1 from counts."""

from typing import Any

import numpy as np
import numpy.typing as npt


def rates(counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Precision, recall and F1, 0 to 1; a rate whose denominator is 0 is 0.

    Args:
        counts: (..., 3) correct, predicted and gold.

    Returns:
        (..., 3) precision, recall and F1, the harmonic mean of the two.
    """
    correct, predicted, gold = np.moveaxis(np.asarray(counts), -1, 0)
    precision: npt.NDArray[Any] = correct / np.maximum(predicted, 1)
    recall: npt.NDArray[Any] = correct / np.maximum(gold, 1)
    f1 = 2 * precision * recall / np.where(correct > 0, precision + recall, 1)
    return np.stack([precision, recall, f1], axis=-1)
