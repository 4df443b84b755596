"""FLAC (RFC 9639): a clip a file, as WAV is; read by soundfile, the extra `speech`."""

from elman.data.formats.registry import Head, SpeechFormat, register
from elman.data.formats.speech.clip_records import CLIP_REASONS, read_file


def _matches(head: Head) -> bool:
    return head.raw.startswith(b"fLaC") or head.name.endswith(".flac")


register(
    SpeechFormat(
        name="flac",
        rank=17,
        matches=_matches,
        read=read_file,
        binary=True,
        title="FLAC",
        record="a file",
        notes='as WAV; needs `pip install "elman[speech]"`',
        hint="FLAC",
        reasons=CLIP_REASONS,
    )
)
