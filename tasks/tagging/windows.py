"""Windows: the records of a slice in groups of bounded size, which are tagged together."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from elman.data.formats.common.records import Quarantined
from elman.data.genome.contigs import Contig
from elman.tasks.tagging.sentences import Record, Sentences

SUSPECT_PARTS = 16  # windows that a range of suspect records is divided into


@dataclass
class Window:
    """Records that are tagged together.

    size: characters or bases; last: True for the last window of its slice; probe: True if its rows are not
    kept, as its records come again; probed: True if they came in probes before.
    """

    sentences: list[Sentences] = field(default_factory=list)
    contigs: list[Contig] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    size: int = 0
    last: bool = False
    probe: bool = False
    probed: bool = False

    def __len__(self) -> int:
        """Number of records that can be skipped: sentences and contigs."""
        return sum(map(len, self.sentences)) + len(self.contigs)


def windows(records: Iterable[Record], most: int, unit: int = 1) -> Iterator[Window]:
    """Group records into windows of about `most` characters or bases; equal records give equal windows.

    A window ends after the contig or the unit that fills it; each `unit` sentences of a document are one.
    """
    window = Window()
    for record in records:
        if isinstance(record, Sentences):
            ends, number = np.cumsum(record.length + 1), record.number
            done = 0
            while done < len(record):
                if window.size >= most and (number[done] % unit == 0 or not _goes_on(window, record)):
                    yield window
                    window = Window()
                before = int(ends[done - 1]) if done else 0
                upto = int(np.searchsorted(ends, before + max(most - window.size, 0))) + 1
                begins = np.flatnonzero(number[upto:] % unit == 0) if unit > 1 else np.zeros(1, np.int64)
                upto = min(upto + int(begins[0]) if len(begins) else len(record), len(record))
                window.sentences.append(record.slice(done, upto))
                window.size += int(ends[upto - 1]) - before
                done = upto
            continue
        if window.size >= most:
            yield window
            window = Window()
        if isinstance(record, Contig):
            window.contigs.append(record)
            window.size += len(record.bases)
        else:
            window.quarantined.append(record)
            window.size += len(record.raw)
    window.last = True
    yield window


def _goes_on(window: Window, sentences: Sentences) -> bool:
    """Return True if sentences are of the document that a window ends with."""
    last = window.sentences[-1] if window.sentences else None
    return last is not None and (last.source, last.document) == (sentences.source, sentences.document)


def numbered_windows(
    records: Iterable[Record], most: int, suspect: tuple[int, int] | None = None, unit: int = 1
) -> Iterator[tuple[int, Window]]:
    """Yield windows with the number of their first record in the slice, skipped records not counted.

    Args:
        records: of a slice, without those to be skipped.
        most: see `windows`.
        suspect: range of records that come in `SUSPECT_PARTS` small windows.
        unit: see `windows`; the small windows, which may cut units, are probes if it is above 1.
    """
    first = 0
    for window in windows(records, most, unit):
        end = first + len(window)
        if suspect is None or suspect[1] <= first or end <= suspect[0]:
            yield first, window
        elif unit == 1:
            yield from _divide(window, first, suspect)
        else:
            for number, part in _divide(window, first, suspect):
                yield number, replace(part, quarantined=[], probe=True)
            yield first, replace(window, probed=True)
        first = end


def _divide(window: Window, first: int, suspect: tuple[int, int]) -> Iterator[tuple[int, Window]]:
    end = first + len(window)
    low, high = max(suspect[0], first), min(suspect[1], end)
    step = max(-(-(suspect[1] - suspect[0]) // SUSPECT_PARTS), 1)
    edges = sorted({first, *range(low, high, step), high, end})
    yield first, replace(window, sentences=[], contigs=[])
    for a, b in itertools.pairwise(edges):
        part, at = Window(), first
        for sentences in window.sentences:
            x, y = max(a - at, 0), min(b - at, len(sentences))
            if x < y:
                part.sentences.append(sentences.slice(x, y))
            at += len(sentences)
        part.contigs = window.contigs[max(a - at, 0) : max(b - at, 0)]
        yield a, part
