"""Checkpoints: the state of a training between two steps as bytes, and back.

One safetensors file: nothing pickled, equal states give equal bytes. Random numbers in training come from the
seed, the epoch and the step, so a state holds no generator, and a training resumed from one ends with the
weights of the uninterrupted training, bit for bit.
"""

import json
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as serialize

from elman.rnn.compute.arrays import Params
from elman.rnn.training.optimiser import Adam
from elman.rnn.training.state import Progress, State


def to_bytes(state: State, extra: Mapping[str, str] | None = None) -> bytes:
    """The state as a safetensors file.

    Args:
        state: not changed.
        extra: metadata, text to text (hashes of data and settings, say).
    """
    arrays = {"params": state.params, "mean": state.mean, "best": state.best}
    for k, member in enumerate(state.members):
        arrays |= {f"m{k}": member.adam.m, f"v{k}": member.adam.v}
    scalars = {
        "members": [
            {
                "adam": [member.adam.step, member.adam.beta1, member.adam.beta2, member.adam.epsilon],
                "done": member.done,
                "loss": member.loss,
                "seen": member.seen,
            }
            for member in state.members
        ],
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "best_score": state.best_score,
        "history": state.history,
        "finished": state.finished,
        "extra": dict(extra or {}),
    }
    tensors = {
        f"{part}/{name}": np.ascontiguousarray(value)
        for part, values in arrays.items()
        for name, value in (values or {}).items()
    }
    return serialize(dict(sorted(tensors.items())), {"state": json.dumps(scalars, sort_keys=True)})


def from_bytes(file: bytes) -> tuple[State, dict[str, str]]:
    """Undo `to_bytes`.

    Returns:
        state, extra.

    Raises:
        ValueError: not such a file.
    """
    parts: dict[str, Params] = defaultdict(dict)
    try:
        entries = deserialize(file)  # type: ignore[no-untyped-call]  # safetensors has no types here
        header = json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")])
        scalars = json.loads(header["__metadata__"]["state"])
        for path, entry in entries:
            part, _, name = path.partition("/")
            dtype = {"F32": "<f4", "F64": "<f8"}[entry["dtype"]]
            parts[part][name] = np.frombuffer(entry["data"], dtype).reshape(entry["shape"]).copy()
        members = [
            Progress(Adam(parts[f"m{k}"], parts[f"v{k}"], *fields.pop("adam")), **fields)
            for k, fields in enumerate(scalars.pop("members"))
        ]
        extra = scalars.pop("extra")
        mean, best = parts["mean"] or None, parts["best"] or None
        return State(params=parts["params"], members=members, mean=mean, best=best, **scalars), extra
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"expected the checkpoint of a training. Got {error!r}") from error
