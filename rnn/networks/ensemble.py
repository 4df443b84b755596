"""A committee: networks of one shape side by side, which learn apart and answer together.

Each member has its own first weights, order of the data and noise, and its own loss; of an answer, the logits
and the weights of the chain are the means over the members (a product of experts: Smith, Cohn and Osborne,
2005, section 3, with equal weights), so that a committee is decoded as one network is.

Its parameters are those of the members, the name of each behind the member's number: `0/table`, `1/table`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.networks.architecture import Architecture, Backprop, Noise
from elman.rnn.networks.tagger import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Some networks that answer together; an architecture like `NetworkConfig`.

    Attributes:
        member: the shape of each.
        members: M.
    """

    member: NetworkConfig
    members: int = 2

    def __post_init__(self) -> None:
        if self.members < 1:
            raise ValueError(f"members must be at least 1. Got {self.members}")

    @property
    def rows(self) -> int:
        """I."""
        return self.member.rows

    @property
    def classes(self) -> int:
        """G."""
        return self.member.classes

    @property
    def output(self) -> str:
        """One of OUTPUTS."""
        return self.member.output

    @property
    def outputs_per_step(self) -> int:
        """S."""
        return self.member.outputs_per_step

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"kind": "committee", "members": self.members, "member": self.member.to_dict()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Ensemble":
        """Undo `to_dict`."""
        return cls(member=NetworkConfig.from_dict(fields["member"]), members=fields["members"])

    def size(self) -> int:
        """How many numbers the parameters are."""
        return self.members * self.member.size()

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        shapes = self.member.parameters()
        return {f"{k}/{name}": shape for k in range(self.members) for name, shape in shapes.items()}

    def start(self, rng: np.random.Generator) -> Params:
        """First weights, float32, other ones for each member."""
        first = [self.member.start(rng) for _ in range(self.members)]
        return {f"{k}/{name}": value for k, own in enumerate(first) for name, value in own.items()}

    def member_params(self, params: Params) -> list[Params]:
        """The parameters of each member, under the names the member gives them; not copied."""
        names = self.member.parameters()
        return [{name: params[f"{k}/{name}"] for name in names} for k in range(self.members)]

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """The mean of the members' logits (N, S*G) of a packed batch, and the way back."""
        heard = [self.member.forward(own, bags, batch, noise) for own in self.member_params(params)]
        share = heard[0][0].dtype.type(1 / self.members)

        def backprop(dlogits: Floats) -> Gradients:
            apart = [back(dlogits * share) for _, back in heard]
            return {f"{k}/{name}": value for k, own in enumerate(apart) for name, value in own.items()}

        mean: Floats = np.mean([logits for logits, _ in heard], axis=0)
        return mean, backprop


def members_of(config: Architecture, params: Params) -> list[tuple[str, Architecture, Params]]:
    """What learns by itself in a network: the members of a committee, or the network.

    Returns:
        for each: what stands before its parameters' names, its shape and its parameters.
    """
    if isinstance(config, Ensemble):
        return [(f"{k}/", config.member, own) for k, own in enumerate(config.member_params(params))]
    return [("", config, params)]
