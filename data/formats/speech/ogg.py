"""OGG (RFC 3533) with Vorbis or Opus: a clip a file, as WAV is; read by soundfile, the extra `speech`."""

from elman.data.formats.registry import Head, SpeechFormat, register
from elman.data.formats.speech.clip_records import CLIP_REASONS, read_file


def _matches(head: Head) -> bool:
    return head.raw.startswith(b"OggS") or head.name.endswith((".ogg", ".oga", ".opus"))


register(
    SpeechFormat(
        name="ogg",
        rank=18,
        matches=_matches,
        read=read_file,
        binary=True,
        title="OGG (Vorbis, Opus)",
        record="a file",
        notes='as WAV; needs `pip install "elman[speech]"`',
        hint="OGG",
        reasons=CLIP_REASONS,
    )
)
