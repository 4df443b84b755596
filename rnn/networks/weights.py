"""Weights files (safetensors): equal bytes for equal weights, nothing pickled; the article's matrices."""

import json
import mmap
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import save as serialize

from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.networks.acoustic import AcousticConfig
from elman.rnn.networks.architecture import Parameterised
from elman.rnn.networks.baselines import WindowConfig
from elman.rnn.networks.classifier import ClassifierConfig
from elman.rnn.networks.ensemble import EnsembleConfig
from elman.rnn.networks.next_symbol import NextSymbolConfig
from elman.rnn.networks.tagger import NetworkConfig

VIEWED = 1 << 20  # bytes from which arrays of a mapped file are views
# By `kind` in JSON, classes with `from_dict`; both_strands.py adds its own.
KINDS: dict[str, Any] = {
    "network": NetworkConfig,
    "window": WindowConfig,
    "committee": EnsembleConfig,
    "next_symbol": NextSymbolConfig,
    "acoustic": AcousticConfig,
    "classifier": ClassifierConfig,
}


class Article(NamedTuple):
    """The matrices of the article, which multiply column vectors: a = tanh(Waa @ a + Wax @ x + ba).

    Attributes:
        Waa: (H, H); Wax: (H, I); Wa: (H, H + I) both side by side; Wya: (G, H); ba: (H, 1); by: (G, 1).
    """

    Waa: Floats
    Wax: Floats
    Wa: Floats
    Wya: Floats
    ba: Floats
    by: Floats


def article(params: Params, config: NetworkConfig) -> Article:
    """The article's matrices as views of the parameters: what is written to one is written to the other.

    The table and the recurrent matrix are moved into one memory block, once, so that Wa is a view as well.

    Raises:
        ValueError: the network is not the article's: one Elman cell running forward on one-hot input.
    """
    plain = NetworkConfig(
        rows=config.rows,
        classes=config.classes,
        hidden=config.hidden,
        output=config.output,
        bidirectional=False,
    )
    if config != plain:
        raise ValueError(f"the article's network is one forward Elman cell on one-hot input. Got {config}")
    H, Wh, table = config.hidden, params["0.forward.Wh"], params["table"]
    stacked = Wh.base
    if stacked is None or stacked is not table.base or stacked.shape != (H + config.rows, H):
        stacked = np.concatenate([Wh, table])
        params["0.forward.Wh"], params["table"] = stacked[:H], stacked[H:]
    Wa = stacked.T
    return Article(
        Wa[:, :H],
        Wa[:, H:],
        Wa,
        params["head.Wy"].T,
        params["0.forward.b"][:, None],
        params["head.by"][:, None],
    )


def to_bytes(params: Params, config: Parameterised, extra: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of the parameters, with the config in its metadata.

    Args:
        params: as `config.parameters()` names them, float32.
        config: written as sorted JSON under "config".
        extra: more metadata, text to text.

    Returns:
        the file; equal input gives equal bytes.
    """
    _check(params, config, "to_bytes")
    fields = json.dumps(config.to_dict(), sort_keys=True)
    # one metadata entry, as safetensors keeps several in no fixed order
    metadata = {"elman": json.dumps({"config": fields, "extra": dict(extra or {})}, sort_keys=True)}
    return serialize({name: np.ascontiguousarray(params[name]) for name in sorted(params)}, metadata)


def from_bytes(file: bytes | mmap.mmap) -> tuple[Params, Any, dict[str, str]]:
    """Undo `to_bytes`.

    Args:
        file: its contents; of a file that is mapped so that it may be written to (`ACCESS_COPY`), arrays of
            VIEWED bytes or more are views.

    Returns:
        params, config, extra.

    Raises:
        ValueError: not such a file, or its arrays are not those its config asks for.
    """
    try:
        first = 8 + int.from_bytes(file[:8], "little")
        entries = json.loads(file[8:first])
        header = json.loads(entries.pop("__metadata__")["elman"])
        fields = json.loads(header["config"])
        config = KINDS[fields["kind"]].from_dict(fields)
        params = {name: _array(file, first, entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected safetensors with the config of a network. Got {error!r}") from error
    _check(params, config, "from_bytes")
    return params, config, header["extra"]


def _array(file: bytes | mmap.mmap, first: int, entry: Mapping[str, Any]) -> Floats:
    """An array of a safetensors file whose data begin at byte `first`."""
    begin, end = entry["data_offsets"]
    if entry["dtype"] != "F32" or not 0 <= begin <= end <= len(file) - first:
        raise ValueError(f"an array of {entry['dtype']} (expected F32) at {begin} to {end}")
    array = np.frombuffer(file, "<f4", (end - begin) // 4, first + begin).reshape(entry["shape"])
    return array if array.flags.writeable and array.nbytes >= VIEWED else array.astype(np.float32)


def _check(params: Params, config: Parameterised, what: str) -> None:
    """Raise ValueError unless the arrays are those of the network."""
    wanted, got = config.parameters(), {name: value.shape for name, value in params.items()}
    for name in sorted(wanted.keys() | got.keys()):
        if wanted.get(name) != got.get(name):
            raise ValueError(f"{what}: {name} must have shape {wanted.get(name)}. Got {got.get(name)}")
        if params[name].dtype != np.float32:
            raise ValueError(f"{what}: {name} must be float32. Got {params[name].dtype}")
