"""`elman suggest`: what to label next, as tasks of an annotation tool with what a model found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from elman.data.errors import UsageError
from elman.flows.arguments import Config, Model, Sources
from elman.flows.tag import TagConfig, TagPlan, tag
from elman.tasks.labelling.suggestions import Suggested, suggest_from
from elman.tasks.models import model_folder
from elman.tasks.runtime.orchestration import call, flow


@dataclass(frozen=True, kw_only=True)
class SuggestConfig(Config):
    """Suggest documents to label, by the errors that a model expects of itself."""

    model: Model
    """of text: a folder, models:/NAME@alias, models:/NAME/VERSION or a run id"""
    sources: Sources
    """files, archives, folders or a corpus, without labels; what `elman tag` reads"""
    out: Path
    """folder of the suggestions"""
    count: Annotated[int, Ge(1)] = 100
    """documents to suggest at most"""
    per_string: Annotated[int, Ge(1)] = 3
    """documents at most that are chosen for one doubtful string"""
    format: Literal["doccano", "label-studio"] = "doccano"
    """of the tasks"""
    workers: Annotated[int, Ge(0)] | None = None
    """processes; as many as there are cores if not given; 0: in this process"""

    def __post_init__(self) -> None:
        """Check that something is named."""
        super().__post_init__()
        if not self.sources:
            raise UsageError("expected files or folders to choose from. Got none.")


@flow
def suggest(config: SuggestConfig) -> Suggested:
    """Tag the sources with every token's probability, choose documents, and write them as tasks."""
    kind = model_folder.read(model_folder.resolve(config.model)).kind
    if kind != "text":
        raise UsageError(f"expected a model of text. Got one of {kind}.")
    tagging = TagConfig(
        model=config.model,
        sources=config.sources,
        out=config.out / "tagged",
        format=config.format,
        tokens=True,
        workers=config.workers,
        retag=(config.out / "tagged" / "manifest.json").is_file(),
    )
    tagged = call(tag, tagging)
    assert not isinstance(tagged, TagPlan)
    return suggest_from(config.out / "tagged", config.out, config.count, config.per_string, config.format)
