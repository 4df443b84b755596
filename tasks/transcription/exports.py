"""Files of transcripts: plain text, CTM and SRT.

CTM is the format of NIST's sclite: a word a line, `clip channel start duration word confidence`
(https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm). SRT is that of SubRip
(https://www.loc.gov/preservation/digital/formats/fdd/fdd000569.shtml): numbered cues of an utterance each, a
long one divided between words.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

FORMATS = ("parquet", "txt", "ctm", "srt")
LONGEST_CUE_S, LONGEST_CUE = 7.0, 84  # seconds and characters, two lines
_BLANK = re.compile(r"\s+")
_PLAIN = re.compile(r"[^\w.+()=@-]+", re.ASCII)

Row = tuple[float, float, str, float]  # start and end in seconds, text, probability


def text_line(clip: str, texts: Iterable[str]) -> str:
    """A line of `transcripts.txt`: name of the clip, a tab, and all its utterances."""
    return f"{_one_line(clip)}\t{' '.join(text for text in texts if text)}\n"


def ctm_lines(clip: str, words: Iterable[Row]) -> Iterator[str]:
    """Lines of `transcripts.ctm`, times in seconds; white space in the name of the clip becomes `_`."""
    name = _BLANK.sub("_", clip)
    for start, end, word, probability in words:
        yield f"{name} 1 {start:.2f} {max(end - start, 0.01):.2f} {word} {probability:.4f}\n"


def srt(utterances: Sequence[Sequence[Row]]) -> str:
    """The SRT file of a clip.

    Args:
        utterances: words of each.
    """
    cues = [cue for words in utterances for cue in _cues(words)]
    return "".join(
        f"{number}\n{_time(cue[0][0])} --> {_time(max(cue[-1][1], cue[0][0] + 0.001))}\n"
        f"{' '.join(word[2] for word in cue)}\n\n"
        for number, cue in enumerate(cues, 1)
    )


class FileNames:
    """Names of files for clips, plain and all different, whatever the clips are called."""

    def __init__(self) -> None:
        self._used = Counter[str]()

    def name(self, clip: str) -> str:
        """A name for the next clip, without an ending."""
        plain = _PLAIN.sub("_", clip).strip("._")[:100] or "clip"
        key = plain.lower()
        self._used[key] += 1
        if self._used[key] == 1:
            return plain
        return self.name(f"{plain}~{self._used[key]}".replace("~", "-"))


def _cues(words: Sequence[Row]) -> Iterator[list[Row]]:
    cue = list[Row]()
    for word in words:
        length = sum(len(other[2]) + 1 for other in cue) + len(word[2])
        if cue and (word[1] - cue[0][0] > LONGEST_CUE_S or length > LONGEST_CUE):
            yield cue
            cue = []
        cue.append(word)
    if cue:
        yield cue


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


def _one_line(name: str) -> str:
    return _BLANK.sub(" ", name)
