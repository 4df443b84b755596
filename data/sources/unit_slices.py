"""Slices of whole units of a long document: each `Options.unit_sentences` sentences of it are a unit.

What is tagged together must not depend on where a file is cut. So the sentences of a document that has
several slices are counted, and the slices end at units.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import Slice
from elman.data.formats.registry import TextFormat


def of_whole_units(
    slices: list[Slice],
    read: Callable[[Options], Iterable[Document | Flat | Quarantined]],
    options: Options,
    format_: TextFormat,
) -> list[Slice]:
    """Move the ends of slices on to where a unit ends, and a slice may; join slices without such a place.

    Args:
        slices: of one document, with the characters before each as state "char".
        read: reads the document as a whole.
        options: of reading.
        format_: says where a slice may end.
    """
    if len(slices) < 2:
        return slices
    assert format_.may_end is not None
    unit, out, left = options.unit_sentences, list[Slice](), slices[1:]
    begin = slices[0]
    count, char, byte = 0, begin.state["char"], begin.begin  # a place whose byte is known
    for part in read(replace(options, flat=True)):
        if not isinstance(part, Flat):
            return slices  # it goes to quarantine when it is tagged
        last = (part.last - part.at).tolist()
        for sentence in range(-count % unit or unit, len(last), unit):
            if not left or part.at + len(part.text) < left[0].state["char"]:
                break
            if part.at + last[sentence - 1] < left[0].state["char"]:
                continue
            end = format_.may_end(part.text, last[sentence - 1], options, begin)
            if end is None or part.at + end < left[0].state["char"]:
                continue
            while left and left[0].state["char"] <= part.at + end:
                char, byte = left[0].state["char"], left.pop(0).begin
            if char < part.at:  # characters that no part has are in between
                continue
            byte += len(part.text[char - part.at : end].encode())
            char = part.at + end
            out.append(Slice(begin.begin, byte, begin.state))
            begin = Slice(byte, byte, {**begin.state, "char": char})
        count += len(last)
        if part.at <= char <= part.at + len(part.text):
            byte += len(part.text[char - part.at :].encode())
            char = part.at + len(part.text)
    if slices[-1].end > begin.begin or not out:
        out.append(Slice(begin.begin, slices[-1].end, begin.state))
    return out
