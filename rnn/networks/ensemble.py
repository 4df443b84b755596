"""Ensemble: networks of one shape, trained independently, whose logits are averaged.

Each member has its own first weights, order of the data and noise, and its own loss. Logits and CRF weights
of the ensemble are the means over its members (a product of experts: Smith, Cohn and Osborne, 2005, section
3, with equal weights), so that an ensemble is decoded as one network is.

Its parameters are those of the members, with the member's number before each name: `0/table`, `1/table`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.rnn.compute.arrays import Floats, Gradients, Params
from elman.rnn.compute.batches import Bags, Batch
from elman.rnn.networks.architecture import Architecture, Backprop, Network, Noise
from elman.rnn.networks.tagger import NetworkConfig


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig:
    """Settings of an ensemble.

    Attributes:
        member: settings of every member.
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
    def from_dict(cls, fields: Mapping[str, Any]) -> "EnsembleConfig":
        """Undo `to_dict`."""
        return cls(member=NetworkConfig.from_dict(fields["member"]), members=fields["members"])

    def size(self) -> int:
        """Number of weights."""
        return self.members * self.member.size()

    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter."""
        shapes = self.member.parameters()
        return {f"{k}/{name}": shape for k in range(self.members) for name, shape in shapes.items()}

    def member_params(self, params: Params) -> list[Params]:
        """The parameters of each member, under the names the member gives them; not copied."""
        names = self.member.parameters()
        return [{name: params[f"{k}/{name}"] for name in names} for k in range(self.members)]

    def build(self) -> "Ensemble":
        """The ensemble with these settings."""
        return Ensemble(self)


class Ensemble:
    """Networks whose logits are averaged."""

    def __init__(self, config: EnsembleConfig) -> None:
        self.config, self.member = config, config.member.build()

    def init(self, rng: np.random.Generator) -> Params:
        """First weights, float32, other ones for each member."""
        first = [self.member.init(rng) for _ in range(self.config.members)]
        return {f"{k}/{name}": value for k, own in enumerate(first) for name, value in own.items()}

    def forward(
        self, params: Params, bags: Bags, batch: Batch, noise: Noise | None = None
    ) -> tuple[Floats, Backprop]:
        """The mean of the members' logits (N, S*G) of a packed batch, and backprop."""
        passes = [self.member.forward(own, bags, batch, noise) for own in self.config.member_params(params)]
        share = passes[0][0].dtype.type(1 / self.config.members)

        def backprop(dlogits: Floats) -> Gradients:
            gradients = [back(dlogits * share) for _, back in passes]
            return {f"{k}/{name}": value for k, own in enumerate(gradients) for name, value in own.items()}

        mean: Floats = np.mean([logits for logits, _ in passes], axis=0)
        return mean, backprop


class Member(NamedTuple):
    """A network that is trained by itself.

    Attributes:
        prefix: stands before the names of its parameters in the whole.
        architecture: its settings.
        network: built from them.
        params: its parameters, not copied.
    """

    prefix: str
    architecture: Architecture
    network: Network
    params: Params


def members_of(architecture: Architecture, params: Params) -> list[Member]:
    """The members of an ensemble, or the network itself as its only member."""
    if isinstance(architecture, EnsembleConfig):
        member, network = architecture.member, architecture.member.build()
        return [
            Member(f"{k}/", member, network, own) for k, own in enumerate(architecture.member_params(params))
        ]
    return [Member("", architecture, architecture.build(), params)]
