"""The tagger: summed one-hot blocks -> recurrent layers -> one row of logits a step.

Parameters are a dict of arrays; with I table rows, H hidden units, O outputs a step (S * G), D directions,
F gates (1 for the Elman cell, 3 GRU, 4 LSTM):

    table              (I, D*F*H)  Wax transposed: what each block adds to the cell of each direction;
                       (I, E)      where an embedding of E stands between blocks and cell
    0.forward.Wx       (E, F*H)    only with an embedding; later layers: (D*H, F*H)
    0.forward.Wh       (H, F*H)    Waa transposed
    0.forward.b        (F*H,)      ba
    0.backward....                 the same from right to left, where bidirectional
    0.forward.bh       (H,)        GRU only, see rnn/layers/recurrent.py
    head.Wy            (D*H, O)    Wya transposed
    head.by            (O,)
    letters....        with `letters`, see rnn/layers/characters.py
    direct             (I, W*O)    with `direct`: what each block adds to the logits of W neighbours
    chain.start        (G,)        with output "crf": log weight of the first tag, of each step, of the last
    chain.transition   (G, G)
    chain.end          (G,)
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Int32, Params, compiled
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.layers import characters as letters
from elman.rnn.layers import dense as layers
from elman.rnn.layers.embedding import OneHot
from elman.rnn.layers.recurrent import CELLS, GATES, Cell
from elman.rnn.networks.architecture import Backprop, Noise, dropped, glorot, one_hot, replaced

OUTPUTS = ("softmax", "sigmoid", "crf")
ORTHOGONAL_GAIN = 1.0


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Which network.

    Attributes:
        rows: I, rows of the table: blocks of all kinds side by side.
        classes: G; 1 for sigmoid.
        hidden: H of each direction.
        cell: one of CELLS.
        bidirectional: a second cell runs from right to left.
        layers: recurrent layers on top of each other.
        output: softmax over classes, sigmoid for one yes/no label, or crf: a chain with trained transitions.
        outputs_per_step: S; more than 1 where a step covers several symbols (DNA).
        embedding: E, width between the blocks and the cell; 0 feeds the cell directly.
        direct: W, odd: weights from the blocks of W neighbours straight to the tags, beside the cells; with
            crf, a feature CRF; 0 for none.
        letters: L, how many rows at the end of the table are letters, read in their order by a cell of this
            kind; 0 where bags have none.
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
    direct: int = 0
    letters: int = 0

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {self.cell!r}")
        if self.output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}. Got {self.output!r}")
        if (
            min(self.rows, self.classes, self.hidden, self.layers, self.outputs_per_step) < 1
            or self.embedding < 0
        ):
            raise ValueError(f"sizes must be at least 1. Got {self}")
        if self.direct < 0 or (self.direct and self.direct % 2 == 0):
            raise ValueError(f"direct must be 0 or odd. Got {self.direct}")
        if not 0 <= self.letters < self.rows or (self.letters and (self.embedding < 4 or self.embedding % 4)):
            raise ValueError(
                "letters must be some of the rows, with an embedding that 4 divides. "
                f"Got {self.letters} of {self.rows}, embedding {self.embedding}"
            )
        if self.output == "sigmoid" and self.classes != 1:
            raise ValueError(f"a sigmoid output has classes=1. Got {self.classes}")

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the directions."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `kind` tells the architectures apart."""
        return {"kind": "network", **asdict(self)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "NetworkConfig":
        """Undo `to_dict`."""
        return cls(**{name: value for name, value in fields.items() if name != "kind"})

    def size(self) -> int:
        """How many numbers the parameters are."""
        return sum(math.prod(shape) for shape in self.parameters().values())

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order of the module's docstring."""
        D, H, F = len(self.directions), self.hidden, GATES[self.cell]
        shapes: dict[str, tuple[int, ...]] = {"table": (self.rows, self.embedding or D * F * H)}
        for layer in range(self.layers):
            for direction in self.directions:
                below = D * H if layer else self.embedding
                if below:
                    shapes[f"{layer}.{direction}.Wx"] = (below, F * H)
                shapes[f"{layer}.{direction}.Wh"] = (H, F * H)
                shapes[f"{layer}.{direction}.b"] = (F * H,)
                if self.cell == "gru":
                    shapes[f"{layer}.{direction}.bh"] = (H,)
        if self.letters:
            shapes |= letters.parameters(self.cell, self.embedding)
        outputs = self.classes * self.outputs_per_step
        shapes["head.Wy"] = (D * H, outputs)
        shapes["head.by"] = (outputs,)
        if self.direct:
            shapes["direct"] = (self.rows, self.direct * outputs)
        if self.output == "crf":
            G = self.classes
            shapes |= {"chain.start": (G,), "chain.transition": (G, G), "chain.end": (G,)}
        return shapes

    def start(self, rng: np.random.Generator) -> Params:
        """Orthogonal recurrent matrices, small normal tables, Glorot elsewhere, biases zero; float32."""
        params: Params = {}
        for name, shape in self.parameters().items():
            kind = name.rsplit(".", 1)[-1]
            if kind == "table":
                value = rng.standard_normal(shape, np.float32) * np.float32(0.1)
            elif kind == "Wh":
                gates = [
                    np.linalg.qr(rng.standard_normal((shape[0], shape[0])))[0]
                    for _ in range(shape[1] // shape[0])
                ]
                value = np.hstack(gates) * ORTHOGONAL_GAIN
            elif kind in ("Wx", "Wy"):
                value = glorot(rng, shape)
            else:
                value = np.zeros(shape)
            if kind == "b" and self.cell == "lstm":
                H = shape[0] // 4
                value[H : 2 * H] = 1  # forget nothing at first (Gers et al., 2000)
            params[name] = np.ascontiguousarray(value, np.float32)
        return params

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """Logits of a packed batch.

        Args:
            params: as `parameters`.
            bags: which table rows each symbol has.
            batch: B sequences, N rows.
            noise: in training only.

        Returns:
            logits (N, S*G), and backprop: dlogits -> gradients by parameter name.
        """
        x, onehot, below = self.states(params, bags, batch, noise, self.layers)
        logits, head_back = layers.linear(x, params["head.Wy"], params["head.by"])
        if self.direct:
            straight, direct_back = onehot.times(params["direct"])
            beside, beside_back = layers.window_sum(straight, self.direct, batch)
            logits += beside

        def backprop(dlogits: Floats) -> Gradients:
            gradients: Gradients = {}
            dx, gradients["head.Wy"], gradients["head.by"] = head_back(dlogits)
            below(dx, gradients)
            if self.direct:
                gradients["direct"] = direct_back(beside_back(dlogits))
            return gradients

        return logits, backprop

    def states(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None, upto: int
    ) -> tuple[Floats, OneHot, Callable[[Floats, Gradients], None]]:
        """The states of the cells of layer `upto`, counted from 1.

        Returns:
            h (N, D*H); the one-hot blocks that were drawn; and the way back: dh, into the gradients of all
            parameters below.
        """
        blocks, spelling = bags.parted(self.rows - self.letters) if self.letters else (bags, bags)
        tokens = replaced(batch.tokens, bags, noise)
        onehot = one_hot(blocks, tokens, noise, params["table"])
        backs: list[Any] = []
        enter_back: Any
        if self.embedding:
            x, embedded_back = self._embedded(params, onehot, spelling, tokens)
            x, back = dropped(x, batch, noise)
            backs += [embedded_back, back]
        for layer in range(upto):
            if layer or self.embedding:
                (entered, enter_back), rows = self._entered(params, layer, x), None
            else:
                entered, enter_back = self._looked_up(params, onehot)
                rows = onehot.which.astype(np.int32, copy=False)
            x, layer_back = self._recurrent(params, layer, entered, batch, noise, rows)
            x, back = dropped(x, batch, noise)
            backs += [enter_back, layer_back, back]

        def backprop(dx: Floats, gradients: Gradients) -> None:
            came: Any = dx
            for back in reversed(backs):
                came = back(came, gradients)

        return x, onehot, backprop

    def _embedded(
        self, params: Params, onehot: OneHot, spelling: Bags, tokens: Int32
    ) -> tuple[Floats, Callable[[Floats, Gradients], None]]:
        """The embedding of each token, (N, E): of its blocks, and of its letters if they are read."""
        x, table_back = onehot.times(params["table"])
        if self.letters:
            words, which = np.unique(tokens, return_inverse=True)
            cell = _cells(x.dtype)[self.cell]
            spelt, letters_back = letters.read(params, cell, spelling, words)
            spread, spread_back = letters.shared(spelt, which)
            x[:, : self.embedding // 2] += spread

        def backprop(dx: Floats, gradients: Gradients) -> None:
            gradients["table"] = of_blocks = table_back(dx)
            if self.letters:
                of_letters = letters_back(spread_back(dx[:, : self.embedding // 2]), gradients)
                gradients["table"] = letters.joined(of_blocks, of_letters)

        return x, backprop

    def _looked_up(
        self, params: Params, onehot: OneHot
    ) -> tuple[list[Floats], Callable[[list[Floats], Gradients], None]]:
        """What enters the first cells straight from the table: a row for each distinct bag, (U, F*H) each."""
        names = [f"0.{direction}.b" for direction in self.directions]
        entered, back = onehot.sums(params["table"], [params[name] for name in names])

        def backprop(dz: list[Floats], gradients: Gradients) -> None:
            gradients["table"], db = back(dz)
            gradients.update(zip(names, db, strict=True))

        return entered, backprop

    def _entered(
        self, params: Params, layer: int, x: Floats
    ) -> tuple[list[Floats], Callable[[list[Floats], Gradients], Floats]]:
        """What enters the cells of a layer from x (N, .) below them, (N, F*H) each."""
        names = [f"{layer}.{direction}" for direction in self.directions]
        each = [layers.linear(x, params[f"{name}.Wx"], params[f"{name}.b"]) for name in names]

        def backprop(dz: list[Floats], gradients: Gradients) -> Floats:
            dx = []
            for name, (_, back), d in zip(names, each, dz, strict=True):
                below, gradients[f"{name}.Wx"], gradients[f"{name}.b"] = back(d)
                dx.append(below)
            return sum(dx[1:], start=dx[0])

        return [z for z, _ in each], backprop

    def _recurrent(
        self,
        params: Params,
        layer: int,
        entered: list[Floats],
        batch: Batch,
        noise: Noise | None,
        rows: Int32 | None,
    ) -> tuple[Floats, Callable[[Floats, Gradients], list[Floats]]]:
        """The cells of a layer side by side: h (N, D*H) of what enters each, or of `entered[d][rows]`."""
        H, outputs, backs = self.hidden, [], []
        for direction, z in zip(self.directions, entered, strict=True):
            name = f"{layer}.{direction}"
            weights = {k: params[f"{name}.{k}"] for k in ("Wh", "bh") if f"{name}.{k}" in params}
            keep = None
            if noise and noise.states:
                keep = layers.mask((len(batch.sequences), H), noise.states, noise.rng, z.dtype)
            cell = _cells(z.dtype)[self.cell]
            h, back = cell(z, weights, batch, reverse=direction == "backward", keep=keep, rows=rows)
            outputs.append(h)
            backs.append((name, back))

        def backprop(dh: Floats, gradients: Gradients) -> list[Floats]:
            came = []
            for d, (name, back) in enumerate(backs):
                dz, recurrent = back(dh[:, d * H : (d + 1) * H])
                gradients.update({f"{name}.{key}": value for key, value in recurrent.items()})
                came.append(dz)
            return came

        return outputs[0] if len(outputs) == 1 else np.hstack(outputs), backprop


def _cells(dtype: np.dtype[Any]) -> dict[str, Cell]:
    """The recurrent cells for arrays of this type: kernels or their reference."""
    if not compiled(dtype):
        return CELLS
    from elman.rnn.layers import recurrent_kernels

    return recurrent_kernels.CELLS
