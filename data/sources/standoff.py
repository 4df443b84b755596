"""Texts whose labels stand in files beside them: which files belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from elman.data.formats.common.streams import COMPRESSED_NAME
from elman.data.formats.registry import SidecarFormat
from elman.data.sources.detect import Source
from elman.data.sources.genomes import stem


@dataclass(frozen=True)
class LabelledText:
    """A text, and the files of its labels, if it has any."""

    text: Source
    labels: tuple[Source, ...] = ()


def pair_texts(sources: Sequence[Source]) -> tuple[list[LabelledText], list[tuple[Path, str]]]:
    """Find the text of each file of labels: NAME.txt of NAME.ann in the same folder.

    Returns:
        texts in their order, those with labels in the format of the pair; and (path, reason) of each file of
        labels without a text. A file of labels is never a text.
    """
    texts = [source for source in sources if not isinstance(source.format, SidecarFormat)]
    by_path = {text.shown.with_name(COMPRESSED_NAME.sub("", text.shown.name)): text for text in texts}
    of: dict[Source, list[Source]] = {}
    skipped: list[tuple[Path, str]] = []
    for source in sources:
        format_ = source.format
        if not isinstance(format_, SidecarFormat):
            continue
        wanted = [stem(source.shown) + ending for ending in format_.text_endings]
        text = next(
            (by_path[path] for name in wanted if (path := source.shown.with_name(name)) in by_path), None
        )
        if text is None:
            skipped.append((source.shown, f"labels of a text that is not there, {' or '.join(wanted)}"))
        else:
            of.setdefault(text, []).append(source)
    return [_labelled(text, of.get(text, [])) for text in texts], skipped


def _labelled(text: Source, labels: list[Source]) -> LabelledText:
    if not labels:
        return LabelledText(text)
    format_ = labels[0].format
    assert isinstance(format_, SidecarFormat)
    return LabelledText(replace(text, kind=format_.pair), tuple(labels))
