"""Masks: bases that no gene may lie on, such as those of tRNA, rRNA and repeats, read from BED or GFF3.

BED: https://samtools.github.io/hts-specs/BEDv1.pdf, of which the first three columns count. GFF3:
https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md, of which every feature counts but
`region`, which stands for the whole contig.
"""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from elman.data.errors import BadInput

Masks = Mapping[str, Sequence[tuple[int, int]]]  # intervals of each contig, 0-based half-open, apart
_GFF3_COLUMNS = 9
_WHOLE = ("region", "source", "chromosome", "contig")  # types of features that stand for a whole contig
_TODO = "Give lines of BED (contig, start, end) or of GFF3, tab-separated."


def read_masks(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Read the masked intervals of each contig, merged and sorted; the file may be gzipped.

    Raises:
        BadInput: the file is not there, or a line of it is neither BED nor GFF3.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput("a file of BED or GFF3", got=str(error), todo=_TODO, source=path) from error
    found: dict[str, list[tuple[int, int]]] = {}
    for contig, start, end in _intervals(text, path):
        found.setdefault(contig, []).append((start, end))
    return {contig: _merged(intervals) for contig, intervals in found.items()}


def _intervals(text: str, path: Path) -> Iterator[tuple[str, int, int]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("##FASTA"):
            return
        if not line.strip() or line.startswith(("#", "track ", "browser ")):
            continue
        columns = line.split("\t")
        if len(columns) == _GFF3_COLUMNS and columns[3].isdecimal() and columns[4].isdecimal():
            if columns[2] in _WHOLE:
                continue
            contig, start, end = unquote(columns[0]), int(columns[3]) - 1, int(columns[4])
        elif len(columns) >= 3 and columns[1].isdecimal() and columns[2].isdecimal():
            contig, start, end = columns[0], int(columns[1]), int(columns[2])
        else:
            expected = "a line of BED or GFF3"
            raise BadInput(expected, got=repr(line[:60]), todo=_TODO, source=path, line=number)
        if not 0 <= start <= end:
            expected = "an interval that begins before it ends"
            raise BadInput(expected, got=repr(line[:60]), todo=_TODO, source=path, line=number)
        if end > start:
            yield contig, start, end


def _merged(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], end)
        else:
            out.append((start, end))
    return out


def with_mask(
    gaps: npt.NDArray[np.int64], mask: Sequence[tuple[int, int]], size: int, length: int
) -> npt.NDArray[np.int64]:
    """Gaps and masked intervals that no gene crosses.

    Args:
        gaps: (n, 2) of unknown bases, at whose edges genes may be cut off.
        mask: intervals of the contig, in its first `length` bases.
        size: bases that count, of the contig and of its first bases once more if it is circular.
        length: of the contig.

    Returns:
        (m, 3) by start: first base, end, and 1 where no gene may be cut off at the edges, as some of it is
        masked. Those that touch are one.
    """
    rows = [(start, end, 0) for start, end in gaps.tolist()]
    for turn in (0, length):
        rows += [(a + turn, min(b + turn, size), 1) for a, b in mask if a + turn < size and a < length]
    out: list[tuple[int, int, int]] = []
    for start, end, masked in sorted(rows):
        if out and start <= out[-1][1]:
            out[-1] = out[-1][0], max(out[-1][1], end), max(out[-1][2], masked)
        else:
            out.append((start, end, masked))
    return np.array(out, np.int64).reshape(-1, 3)
