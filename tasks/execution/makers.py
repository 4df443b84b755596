"""Makers of shards: what a worker does with its jobs, chosen by the request that it gets first."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from elman.tasks.tagging.renumber import RenumberJob, renumber
from elman.tasks.tagging.shard import Announce, Job, ShardTagger, WorkerRequest

MAKER = "maker"  # key of a request: a module with `load(request) -> ShardMaker`; without it shards are tagged


class ShardRequest(Protocol):
    """Settings that all shards of a run have in common."""

    @property
    def model(self) -> str:
        """Folder of the model."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `load_maker` takes them."""
        ...


class ShardMaker(Protocol):
    """Loaded model that makes shards."""

    def make(self, job: dict[str, Any], announce: Announce) -> dict[str, Any]:
        """Run a job: stage its shard, and return that as plain values."""
        ...


@dataclass(frozen=True)
class PlainRequest:
    """A request that came as plain values."""

    values: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Folder of the model."""
        return str(self.values["model"])

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dict(self.values)


class _Tagging:
    """Tags slices, and renumbers staged shards."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.tagger = ShardTagger.load(WorkerRequest.from_json(request))

    def make(self, job: dict[str, Any], announce: Announce) -> dict[str, Any]:
        """Tag a slice, or renumber a shard."""
        if "renumber" in job:
            return renumber(self.tagger.staging, RenumberJob.from_json(job)).to_json()
        return self.tagger.tag(Job.from_json(job), announce).to_json()


def load_maker(request: dict[str, Any]) -> ShardMaker:
    """Load the maker of a request.

    Raises:
        BadInput, IntegrityError: see `tasks.models.model_folder.read`.
    """
    if MAKER not in request:
        return _Tagging(request)
    maker: ShardMaker = import_module(request[MAKER]).load(request)
    return maker
