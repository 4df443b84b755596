"""First weights from a trained network that has fewer table rows or classes: what both have is taken over."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from elman.rnn.compute.arrays import Int64, Params

_BY_CLASS = ("head.Wy", "head.by", "chain.start", "chain.end")  # their last axis counts classes


@dataclass(frozen=True, kw_only=True)
class EarlierNetwork:
    """A trained network of the same kind, and which of its table rows and classes a new one shares.

    Attributes:
        params: its weights.
        rows: (I,) its table row for each row of the new network; -1 for none.
        classes: (G,) its class for each class of the new network; -1 for none.
    """

    params: Mapping[str, np.ndarray]
    rows: Int64
    classes: Int64


def take_over(params: Params, earlier: EarlierNetwork) -> None:
    """Put the weights of an earlier network among the first weights of a new one, in place.

    Table rows and classes that the earlier network lacks stay as they are.

    Args:
        params: first weights of a network with one output a time step; changed.
        earlier: the trained network.

    Raises:
        ValueError: the two networks differ in more than rows and classes.
    """
    rows, classes = np.flatnonzero(earlier.rows >= 0), np.flatnonzero(earlier.classes >= 0)
    old_rows, old_classes = earlier.rows[rows], earlier.classes[classes]
    if params.keys() != earlier.params.keys():
        different = sorted(params.keys() ^ earlier.params.keys())
        raise ValueError(f"expected an earlier network with the same parameters. {different[0]} differs")
    for name, value in params.items():
        before, kind = earlier.params[name], name.rpartition("/")[2]
        by_row, by_class = kind == "table", kind in _BY_CLASS
        squared = kind == "chain.transition"
        fixed = value.shape[:-1] if by_class else value.shape[1:] if by_row else value.shape
        had = before.shape[:-1] if by_class else before.shape[1:] if by_row else before.shape
        if fixed != had and not squared:
            raise ValueError(
                f"{name}: expected the shape {value.shape} of the new network. Got {before.shape}"
            )
        if by_row:
            value[rows] = before[old_rows]
        elif by_class:
            value[..., classes] = before[..., old_classes]
        elif squared:
            value[np.ix_(classes, classes)] = before[np.ix_(old_classes, old_classes)]
        else:
            value[...] = before
