"""The article's network written as its equations, on one-hot columns, and the standard network's sizes.

a<t> = tanh(Wa [a<t-1>; x<t>] + ba)     Wa = [Waa | Wax], a<0> = 0
y<t> = softmax(Wya a<t> + by)           sigmoid for a yes/no answer
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats
from elman.rnn.networks.architecture import init
from elman.rnn.networks.baselines import PaddedConfig
from elman.rnn.networks.tagger import NetworkConfig
from elman.rnn.networks.weights import Article, article
from elman.tasks.models.presets import ARTICLE_VOCABULARY, preset

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Steps:
    """One sentence through the article's network.

    a: (T + 1, H), the states, a[0] = 0; y: (T, G), the probabilities of each step.
    """

    a: Floats
    y: Floats

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"a": self.a.tolist(), "y": self.y.tolist()}


@dataclass(frozen=True)
class Standard:
    """Sizes of the padded standard network, which the recurrent one replaces.

    steps: positions the sentence is padded to; longest: the sentence that has so many; inputs: one-hot
    numbers of all positions side by side; hidden, outputs: units, numbers of the output; parameters: how many
    weights and biases.
    """

    steps: int
    longest: str
    inputs: int
    hidden: int
    outputs: int
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def forward(matrices: Article, x: Floats, output: str) -> Steps:
    """Run the article's equations.

    Args:
        matrices: of the network.
        x: (T, V), the one-hot rows of a sentence.
        output: `softmax` or `sigmoid`.
    """
    a: list[Floats] = [np.zeros_like(matrices.ba)]
    y: list[Floats] = []
    for row in x:
        a.append(np.tanh(matrices.Wa @ np.vstack([a[-1], row[:, None]]) + matrices.ba))
        y.append(_answer(matrices.Wya @ a[-1] + matrices.by, output))
    return Steps(np.hstack(a).T, np.hstack(y).T)


def _answer(z: Floats, output: str) -> Floats:
    if output == "sigmoid":
        positive: Floats = 1 / (1 + np.exp(-z))
        return positive
    exponentials = np.exp(z - z.max())
    shares: Floats = exponentials / exponentials.sum()
    return shares


def shapes_of(matrices: Article) -> Shapes:
    """The shape of each matrix by its name in the article."""
    return {name: value.shape for name, value in matrices._asdict().items()}


def untrained(
    classes: int, rows: int = ARTICLE_VOCABULARY, output: str = "softmax"
) -> tuple[NetworkConfig, Article]:
    """The network of the preset `article` with its first weights (seed 0)."""
    fields = {**preset("article").network, "output": output}
    config = NetworkConfig(rows=rows, classes=classes, **fields)
    return config, article(init(config, 0), config)


def standard(rows: int, classes: int, steps: int, longest: str) -> Standard:
    """The standard network for sentences padded to so many steps."""
    config = PaddedConfig(rows=rows, classes=max(classes, 2), longest=steps, pairs=np.empty(0, np.int64))
    return Standard(steps, longest, steps * rows, config.hidden, steps * config.classes, config.size())
