"""Clips whose texts stand in other files: transcripts beside them, and lists that name them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from elman.data.formats.common.records import BadRecord, Quarantined
from elman.data.formats.common.streams import BROKEN, COMPRESSED_NAME
from elman.data.formats.speech.transcripts import audio_of, places, sidecar_name
from elman.data.sources.copies import STDIN_NAME
from elman.data.sources.detect import Source, open_bytes

_TRANSCRIPT = ".txt"


@dataclass(frozen=True)
class ClipFiles:
    """A clip with its transcript, if there is one, or a list of transcripts with the clips that it names."""

    list_or_clip: Source
    beside: tuple[Source, ...] = ()


def pair_clips(sources: Sequence[Source]) -> tuple[list[ClipFiles], list[Source]]:
    """Find the transcript of each clip, NAME.txt beside NAME.wav, and the clips that lists name.

    A list of an archive names members of that archive alone; any other may name any file. A clip that a list
    names is no source of its own.

    Returns:
        lists and clips in their order, and the sources that are neither these nor transcripts.
    """
    clips = {
        _place(source): source for source in sources if source.family == "speech" and not _is_list(source)
    }
    texts = {_place(source): source for source in sources if source.family == "text"}
    used: set[str] = set()
    named: dict[Source, tuple[Source, ...]] = {}
    for source in filter(_is_list, sources):
        found = _named(source, clips)
        named[source] = tuple(found.values())
        used |= set(found)
    pairs: list[ClipFiles] = []
    for source in sources:
        if _is_list(source):
            pairs.append(ClipFiles(source, named[source]))
        elif source.family == "speech" and _place(source) not in used:
            transcript = os.path.splitext(_place(source))[0] + _TRANSCRIPT
            beside = texts.get(transcript)
            used |= {transcript} if beside else set()
            pairs.append(ClipFiles(source, (beside,) if beside else ()))
    others = [s for s in sources if s.family != "speech" and (s.family != "text" or _place(s) not in used)]
    return pairs, others


def _is_list(source: Source) -> bool:
    return source.kind == "transcripts"


def _place(source: Source) -> str:
    """Path of a file as the user has it, without the ending of a compression."""
    return os.path.normpath(source.shown.with_name(COMPRESSED_NAME.sub("", source.shown.name)))


def _named(source: Source, clips: Mapping[str, Source]) -> dict[str, Source]:
    """Clips that a list names, by place; called as `sidecar_name` does."""
    found: dict[str, Source] = {}
    in_archive = source.given is not None and source.given != Path(STDIN_NAME)
    names: set[str] = set()
    try:
        for place in places(partial(open_bytes, source), source.name):
            try:
                if not isinstance(place, Quarantined):
                    names.add(audio_of(place))
            except BadRecord:
                continue  # quarantined when the list is read
    except BROKEN:
        pass  # reported when the list is read
    for name in sorted(names):
        at = os.path.normpath(source.shown.parent / name)
        clip = clips.get(at) or (None if in_archive else _on_disk(Path(at)))
        if clip is not None:
            # A clip may be named by two paths, which are two sidecars.
            key = at if at not in found else f"{at}\0{name}"
            found[key] = replace(clip, name=sidecar_name(source.name, name))
    return found


def _on_disk(path: Path) -> Source | None:
    """A file that was not among those found, if it is a regular one."""
    try:
        size = path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        return None
    return None if size is None else Source(path, path.name, "wav", None, None, size)
