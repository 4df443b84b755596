"""WAV: a clip a file, by content or by its name; its text is that of NAME.txt beside it, if there is one."""

from elman.data.audio.wav import is_wav
from elman.data.formats.registry import Head, SpeechFormat, register
from elman.data.formats.speech.clip_records import CLIP_REASONS, read_file


def _matches(head: Head) -> bool:
    return is_wav(head.raw) or head.name.endswith((".wav", ".wave"))


register(
    SpeechFormat(
        name="wav",
        rank=16,
        matches=_matches,
        read=read_file,
        binary=True,
        title="WAV",
        record="a file",
        notes="PCM of 8 to 64 bits or floats, any rate of 1 to 384 kHz, channels mixed down; also RIFX, RF64 "
        "and files whose length was never stated; what is said stands in `NAME.txt` beside `NAME.wav`",
        hint="WAV",
        reasons=CLIP_REASONS,
    )
)
