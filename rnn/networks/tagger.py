"""The tagger: summed one-hot features -> recurrent layers -> one row of logits a time step.

Parameters are a dict of arrays; with I table rows, H hidden units, O outputs a step (S * G), D directions,
F gates (1 for the Elman cell, 3 GRU, 4 LSTM):

    table              (I, D*F*H)  Wax transposed: what each feature adds to the cell of each direction;
                       (I, E)      where an embedding of E stands between features and cell
    0.forward.Wx       (E, F*H)    only with an embedding; later layers: (D*H, F*H)
    0.forward.Wh       (H, F*H)    Waa transposed
    0.forward.b        (F*H,)      ba
    0.forward.bh       (H,)        GRU only, see rnn/layers/cells/gru.py
    0.backward....                 the same from right to left, where bidirectional
    letters....        with `letters`, see rnn/layers/characters.py
    flags.table        (R, E)      with `flags`, see rnn/layers/flags.py
    head.Wy            (D*H, O)    Wya transposed
    head.by            (O,)
    chain.start        (G,)        with output "crf": log weight of the first tag, of each transition, of the
    chain.transition   (G, G)      last tag
    chain.end          (G,)
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import characters, dense, flags
from elman.rnn.layers.embedding import OneHot
from elman.rnn.layers.recurrent import cell_named, cell_names, first_rows, glorot
from elman.rnn.networks.architecture import (
    OUTPUTS,
    Backprop,
    Noise,
    dropped,
    flagged,
    noisy_features,
    noisy_tokens,
)

RETIRED = {"direct": 0}  # fields of earlier configs, with the one value that is still accepted
StatesBackprop: TypeAlias = Callable[[Floats, Gradients], None]  # dh, and where gradients are put


@dataclass
class Carried:
    """States carried from one batch to the next, which goes on with the same sequences.

    Attributes:
        before: by LAYER.DIRECTION, (B, H), row i of sequence i; a cell that has none begins at 0.
        after: the same, after the last step of each sequence; set by the forward pass.
    """

    before: Params
    after: Params = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Settings of a tagger.

    Attributes:
        rows: I, rows of the table: one-hot features of all kinds side by side.
        classes: G; 1 for sigmoid.
        hidden: H of each direction.
        cell: name of a cell in rnn/layers/cells/.
        bidirectional: a second cell runs from right to left.
        layers: recurrent layers on top of each other.
        output: softmax over classes, sigmoid for one yes/no label, or crf with trained transitions.
        outputs_per_step: S; more than 1 where a step covers several symbols (DNA).
        embedding: E, width between the features and the cell; 0 feeds the cell directly.
        letters: L, how many rows at the end of the table are characters, encoded in their order by cells of
            this kind; 0 where bags have none.
        flags: R, flags of a symbol beside its bag, which need an embedding.
    """

    rows: int
    classes: int
    hidden: int = 100
    cell: str = "elman"
    bidirectional: bool = True
    layers: int = 1
    output: str = "softmax"
    outputs_per_step: int = 1
    embedding: int = 0
    letters: int = 0
    flags: int = 0

    def __post_init__(self) -> None:
        if self.cell not in cell_names():
            raise ValueError(f"cell must be one of {', '.join(cell_names())}. Got {self.cell!r}")
        if self.output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}. Got {self.output!r}")
        if (
            min(self.rows, self.classes, self.hidden, self.layers, self.outputs_per_step) < 1
            or self.embedding < 0
        ):
            raise ValueError(f"sizes must be at least 1. Got {self}")
        if not 0 <= self.letters < self.rows or (self.letters and (self.embedding < 4 or self.embedding % 4)):
            raise ValueError(
                "letters must be some of the rows, with an embedding that 4 divides. "
                f"Got {self.letters} of {self.rows}, embedding {self.embedding}"
            )
        if not 0 <= self.flags <= flags.MOST or (self.flags and not self.embedding):
            raise ValueError(
                f"flags must be at most {flags.MOST}, with an embedding. Got {self.flags}, "
                f"embedding {self.embedding}"
            )
        if self.output == "sigmoid" and self.classes != 1:
            raise ValueError(f"a sigmoid output has classes=1. Got {self.classes}")

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the directions."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `kind` tells the architectures apart."""
        fields = asdict(self)
        if not self.flags:  # networks of before have none
            del fields["flags"]
        return {"kind": "network", **fields, **RETIRED}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "NetworkConfig":
        """Undo `to_dict`.

        Raises:
            ValueError: a retired field has another value than it may.
        """
        for name, value in RETIRED.items():
            if fields.get(name, value) != value:
                raise ValueError(
                    f"{name} must be {value}: this version has no such networks. Got {fields[name]}"
                )
        return cls(**{name: value for name, value in fields.items() if name not in {"kind", *RETIRED}})

    def size(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def inputs(self, layer: int) -> int:
        """Width of what the cells of a layer read by Wx; 0 where the table feeds them directly."""
        return len(self.directions) * self.hidden if layer else self.embedding

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order of the module's docstring."""
        cell, D, H, G = cell_named(self.cell), len(self.directions), self.hidden, self.classes
        shapes: dict[str, tuple[int, ...]] = {"table": (self.rows, self.embedding or D * len(cell.gates) * H)}
        for layer in range(self.layers):
            for direction in self.directions:
                own = cell.shapes(self.inputs(layer), H)
                shapes |= {f"{layer}.{direction}.{name}": shape for name, shape in own.items()}
        if self.letters:
            shapes |= characters.parameters(cell, self.embedding)
        if self.flags:
            shapes["flags.table"] = (self.flags, self.embedding)
        outputs = G * self.outputs_per_step
        shapes |= {"head.Wy": (D * H, outputs), "head.by": (outputs,)}
        if self.output == "crf":
            shapes |= {"chain.start": (G,), "chain.transition": (G, G), "chain.end": (G,)}
        return shapes

    def build(self) -> "RecurrentNetwork":
        """The network with these settings."""
        return RecurrentNetwork(self)


class RecurrentNetwork:
    """The tagger with the settings of a `NetworkConfig`."""

    def __init__(self, config: NetworkConfig) -> None:
        self.config, self.cell = config, cell_named(config.cell)

    def init(self, rng: np.random.Generator) -> Params:
        """First weights, float32: normal table, those of the cells, Glorot for the head, zero elsewhere."""
        config, shapes = self.config, self.config.parameters()
        params: Params = {"table": rng.standard_normal(shapes["table"], np.float32) * np.float32(0.1)}
        for layer in range(config.layers):
            for direction in config.directions:
                own = self.cell.init(rng, config.inputs(layer), config.hidden)
                params |= {f"{layer}.{direction}.{name}": value for name, value in own.items()}
        if config.letters:
            params |= characters.init(self.cell, rng, config.embedding)
        params["head.Wy"] = glorot(rng, shapes["head.Wy"])
        return {
            name: params[name] if name in params else np.zeros(shape, np.float32)
            for name, shape in shapes.items()
        }

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits (N, S*G) of a packed batch, and backprop; see `architecture.Network`."""
        return self.forward_from(params, bags, batch, noise)

    def forward_from(
        self,
        params: Params,
        bags: Bags,
        batch: Batch,
        noise: Noise | None = None,
        carried: Carried | None = None,
    ) -> tuple[Floats, Backprop]:
        """As `forward`, begun from the states carried over; the last states are put into `carried`."""
        x, states_back = self.states(params, bags, batch, noise, self.config.layers, carried)
        logits, head_back = dense.linear(x, params["head.Wy"], params["head.by"])

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            dx, gradients["head.Wy"], gradients["head.by"] = head_back(dlogits)
            states_back(dx, gradients)
            return gradients

        return logits, backprop

    def states(
        self,
        params: Params,
        bags: Bags,
        batch: Batch,
        noise: Noise | None,
        upto: int,
        carried: Carried | None = None,
    ) -> tuple[Floats, StatesBackprop]:
        """States of layer `upto`, counted from 1; with `carried`, begun from the states carried over.

        Returns:
            h (N, D*H), and backprop: dh, into the gradients of all parameters below.
        """
        tokens = noisy_tokens(batch.tokens, bags, noise)
        if self.config.embedding:
            x, embedding_back = self._embed(params, bags, tokens, noise)
            x, flags_back = flagged(params, x, batch, noise, self.config.flags)
            h, layers_back = self.dense_states(params, x, batch, noise, upto, carried)

            def backprop_dense(dh: Floats, gradients: Gradients) -> None:
                dx = layers_back(dh, gradients)
                flags_back(dx, gradients)
                embedding_back(dx, gradients)

            return h, backprop_dense
        onehot = noisy_features(bags, tokens, noise, params["table"])
        inputs, table_back = self._look_up(params, onehot)
        rows = onehot.which.astype(np.int32, copy=False)
        x, first_back = self._recur(params, 0, inputs, batch, rows, carried)
        x, dropout_back = _dropout(x, batch, noise)
        h, above_back = self._layers(params, x, batch, noise, range(1, upto), carried)

        def backprop(dh: Floats, gradients: Gradients) -> None:
            dx = dropout_back(above_back(dh, gradients), gradients)
            table_back(first_back(dx, gradients), gradients)

        return h, backprop

    def dense_states(
        self,
        params: Params,
        x: Floats,
        batch: Batch,
        noise: Noise | None,
        upto: int,
        carried: Carried | None = None,
    ) -> tuple[Floats, Callable[[Floats, Gradients], Floats]]:
        """States of layer `upto` of a network with an embedding, from x (N, E) in its place.

        Returns:
            h (N, D*H), and backprop: dh -> dx, gradients of the layers are put where it is told.
        """
        x, dropout_back = _dropout(x, batch, noise)
        h, layers_back = self._layers(params, x, batch, noise, range(upto), carried)
        return h, lambda dh, gradients: dropout_back(layers_back(dh, gradients), gradients)

    def _layers(
        self,
        params: Params,
        x: Floats,
        batch: Batch,
        noise: Noise | None,
        layers: range,
        carried: Carried | None,
    ) -> tuple[Floats, Callable[[Floats, Gradients], Floats]]:
        """Some recurrent layers one after the other, each projecting what is below it."""
        backs: list[Callable[[Any, Gradients], Any]] = []
        for layer in layers:
            inputs, inputs_back = self._project(params, layer, x)
            x, layer_back = self._recur(params, layer, inputs, batch, None, carried)
            x, dropout_back = _dropout(x, batch, noise)
            backs += [inputs_back, layer_back, dropout_back]

        def backprop(dx: Floats, gradients: Gradients) -> Floats:
            gradient: Any = dx
            for back in reversed(backs):
                gradient = back(gradient, gradients)
            below: Floats = gradient
            return below

        return x, backprop

    def _embed(
        self, params: Params, bags: Bags, tokens: Int32, noise: Noise | None
    ) -> tuple[Floats, StatesBackprop]:
        """The embedding of each token, (N, E): the sum of its features, and its encoded characters if any."""
        config = self.config
        if not config.letters:
            x, table_back = noisy_features(bags, tokens, noise, params["table"]).times(params["table"])

            def backprop(dx: Floats, gradients: Gradients) -> None:
                gradients["table"] = table_back(dx)

            return x, backprop
        features, spelling = bags.split_at(config.rows - config.letters)
        x, table_back = noisy_features(features, tokens, noise, params["table"]).times(params["table"])
        half = slice(0, config.embedding // 2)
        symbols, which = np.unique(tokens, return_inverse=True)
        encoded, characters_back = characters.encode(params, self.cell, spelling, symbols)
        spread, spread_back = characters.spread(encoded, which)
        x[:, half] += spread

        def backprop_both(dx: Floats, gradients: Gradients) -> None:
            gradients["table"] = of_features = table_back(dx)
            of_characters = characters_back(spread_back(dx[:, half]), gradients)
            gradients["table"] = characters.concatenated(of_features, of_characters)

        return x, backprop_both

    def _look_up(
        self, params: Params, onehot: OneHot
    ) -> tuple[list[Floats], Callable[[list[Floats], Gradients], None]]:
        """Inputs of the first cells straight from the table: a row for each distinct bag, (U, F*H) each."""
        names = [f"0.{direction}.b" for direction in self.config.directions]
        inputs, back = onehot.cell_inputs(params["table"], [params[name] for name in names])

        def backprop(dz: list[Floats], gradients: Gradients) -> None:
            gradients["table"], db = back(dz)
            gradients.update(zip(names, db, strict=True))

        return inputs, backprop

    def _project(
        self, params: Params, layer: int, x: Floats
    ) -> tuple[list[Floats], Callable[[list[Floats], Gradients], Floats]]:
        """Inputs of the cells of a layer, x @ Wx + b of each, (N, F*H), from x (N, .) below them."""
        names = [f"{layer}.{direction}" for direction in self.config.directions]
        projections = [dense.linear(x, params[f"{name}.Wx"], params[f"{name}.b"]) for name in names]

        def backprop(dz: list[Floats], gradients: Gradients) -> Floats:
            dx = []
            for name, (_, back), d in zip(names, projections, dz, strict=True):
                below, gradients[f"{name}.Wx"], gradients[f"{name}.b"] = back(d)
                dx.append(below)
            return sum(dx[1:], start=dx[0])

        return [z for z, _ in projections], backprop

    def _recur(
        self,
        params: Params,
        layer: int,
        inputs: list[Floats],
        batch: Batch,
        rows: Int32 | None,
        carried: Carried | None = None,
    ) -> tuple[Floats, Callable[[Floats, Gradients], list[Floats]]]:
        """The cells of a layer side by side: h (N, D*H), from inputs of each or from `inputs[d][rows]`."""
        H, outputs, backs = self.config.hidden, [], []
        for direction, z in zip(self.config.directions, inputs, strict=True):
            name = f"{layer}.{direction}"
            weights = self.cell.recurrent(params, name)
            if carried is not None and name in carried.before:
                weights["h0"] = carried.before[name]
            h, back = self.cell.run(z, weights, batch, reverse=direction == "backward", rows=rows)
            if carried is not None:
                carried.after[name] = h[first_rows(batch, direction != "backward")]
            outputs.append(h)
            backs.append((name, back))

        def backprop(dh: Floats, gradients: Gradients) -> list[Floats]:
            dz = []
            for d, (name, back) in enumerate(backs):
                own, recurrent = back(dh[:, d * H : (d + 1) * H])
                gradients.update({f"{name}.{key}": value for key, value in recurrent.items()})
                dz.append(own)
            return dz

        return outputs[0] if len(outputs) == 1 else np.hstack(outputs), backprop


def _dropout(
    x: Floats, batch: Batch, noise: Noise | None
) -> tuple[Floats, Callable[[Floats, Gradients], Floats]]:
    """Dropout, as a link of the chain of backprops."""
    y, back = dropped(x, batch, noise)
    return y, lambda dy, gradients: back(dy)
