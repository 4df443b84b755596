"""Windows: contigs cut into stretches that the network sees at once, and logits of their bases in order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from elman.data.genome.contigs import Contig
from elman.data.genome.masks import Masks, with_mask
from elman.data.genome.nucleotides import (
    BEYOND,
    STEP,
    TABLE_ROWS,
    UNKNOWN,
    Codes,
    ambiguous_rows,
    codons_of,
    encode_iupac,
    long_gaps,
    reverse_complement,
    step_rows,
    without_tga,
)
from elman.rnn.networks.both_strands import PreparedNetwork, predict

Logits = npt.NDArray[np.floating[Any]]  # (n, 9) of n bases; half precision where many are held
_GROUP = 1 << 20  # bases of short contigs computed together
_STEPS = 1 << 17  # time steps computed together
_REPEATED = 30_000  # bases of a circle that are tagged twice


class UnrolledContig:
    """A contig to be tagged; a circular one is followed by its first bases once more.

    Codes and codons are made part by part, as the sequence may lie in a file.
    """

    def __init__(self, contig: Contig, mask: Sequence[tuple[int, int]] = ()) -> None:
        self.contig, self.mask = contig, mask
        self._repeated = contig.bases[:_REPEATED] if contig.circular else ""
        self._gaps: dict[int, npt.NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return self.contig.length + len(self._repeated)

    def codes(self, low: int, high: int) -> Codes:
        """Codes of `nucleotides.encode_iupac` of bases low to high."""
        length = self.contig.length
        after = self._repeated[max(low - length, 0) : max(high - length, 0)]
        return encode_iupac(self.contig.bases[low:high] + after if after else self.contig.bases[low:high])

    def read(self, low: int, high: int, size: int) -> tuple[Codes, npt.NDArray[np.uint8]]:
        """Codes of `encode_bases` and codons of bases low to high, if the contig were `size` bases long."""
        codes = np.minimum(self.codes(low, min(high + 2, size)), np.uint8(UNKNOWN))
        return codes[: high - low], codons_of(codes)[: high - low]

    def codons(self, low: int, high: int) -> npt.NDArray[np.uint8]:
        """Codons that start at bases low to high."""
        return self.read(low, high, len(self))[1]

    def gaps(self, size: int, shortest: int) -> npt.NDArray[np.int64]:
        """Runs of at least `shortest` unknown bases, or of masked ones, among the first `size`.

        (n, 3) of `masks.with_mask`.
        """
        if size not in self._gaps:
            gaps = long_gaps(self.codes, size, shortest)
            self._gaps = {size: with_mask(gaps, self.mask, size, self.contig.length)}
        return self._gaps[size]


class TaggedContig(NamedTuple):
    """A contig and the logits of its bases, in consecutive blocks that are computed when asked for."""

    contig: UnrolledContig
    blocks: Iterator[Logits]


@dataclass(frozen=True)
class Windows:
    """Runs the network over contigs.

    Attributes:
        weights: of the network.
        length: bases of a window, a multiple of STEP.
        margin: bases of context on either side, whose logits are dropped.
        replace_tga: show the network TGG for TGA: it was trained where TGA is a stop codon.
        masks: intervals of each contig that no gene may lie on.
    """

    weights: PreparedNetwork
    length: int
    margin: int
    replace_tga: bool
    masks: Masks = field(default_factory=dict)

    def tag(self, contigs: Iterable[Contig]) -> Iterator[TaggedContig]:
        """Logits of contigs in order; short contigs are computed together."""
        group: list[UnrolledContig] = []
        size = 0
        for contig in (UnrolledContig(contig, self.masks.get(contig.id, ())) for contig in contigs):
            if len(contig) > _GROUP:
                yield from self._together(group)
                group, size = [], 0
                yield TaggedContig(contig, self._streamed(contig))
                continue
            group.append(contig)
            size += len(contig)
            if size >= _GROUP:
                yield from self._together(group)
                group, size = [], 0
        yield from self._together(group)

    def _together(self, contigs: list[UnrolledContig]) -> Iterator[TaggedContig]:
        spans = [(i, *span) for i, contig in enumerate(contigs) for span in self._spans(len(contig))]
        logits = iter(self.logits([contigs[i].codes(low, high) for i, _, low, _, high in spans]))
        blocks: list[list[Logits]] = [[] for _ in contigs]
        for i, start, low, end, _ in spans:
            blocks[i].append(next(logits)[start - low : end - low].astype(np.float16))
        for contig, own in zip(contigs, blocks, strict=True):
            yield TaggedContig(contig, iter(own))

    def _streamed(self, contig: UnrolledContig) -> Iterator[Logits]:
        """Logits of a long contig, window by window."""
        spans = list(self._spans(len(contig)))
        count = max(_STEPS * STEP // (self.length + 2 * self.margin), 1)
        for first in range(0, len(spans), count):
            some = spans[first : first + count]
            computed = self.logits([contig.codes(low, high) for _, low, _, high in some])
            for (start, low, end, _), logits in zip(some, computed, strict=True):
                yield logits[start - low : end - low].astype(np.float16)

    def _spans(self, length: int) -> Iterator[tuple[int, int, int, int]]:
        """Start, start with margin, end, end with margin of each window of a contig."""
        for start in range(0, length, self.length):
            end = min(start + self.length, length)
            yield start, max(start - self.margin, 0), end, min(end + self.margin, length)

    def logits(self, windows: list[Codes]) -> list[Logits]:
        """Logits (n, 9) of each window of n IUPAC codes; those of like length are computed together."""
        if self.replace_tga:
            windows = [without_tga(window) for window in windows]
        steps = np.array([-(-len(window) // STEP) for window in windows], np.int64)
        order = np.argsort(-steps, kind="stable")
        out: list[Logits] = [np.empty((0, 9), np.float32)] * len(windows)
        first = 0
        while first < len(order):
            T = max(int(steps[order[first]]), 1)
            some = order[first : first + max(_STEPS // T, 1)]
            first += len(some)
            computed = self._batch([windows[i] for i in some], steps[some], T)
            for i, logits in zip(some, computed, strict=True):
                out[i] = logits.reshape(T * STEP, -1)[: len(windows[i])]
        return out

    def _batch(self, windows: list[Codes], steps: npt.NDArray[np.int64], T: int) -> Logits:
        """Logits (B, T, STEP, 9) of B windows, padded to T time steps."""
        codes = np.full((len(windows), T * STEP), BEYOND, np.uint8)
        mirrored = codes.copy()
        for row, (window, n) in enumerate(zip(windows, (steps * STEP).tolist(), strict=True)):
            codes[row, : len(window)] = window
            mirrored[row, :n] = reverse_complement(codes[row, :n])
        rows, back = step_rows(codes), step_rows(mirrored)
        ambiguous = ambiguous_rows(codes, rows, TABLE_ROWS)
        ambiguous += ambiguous_rows(mirrored, back, TABLE_ROWS + len(ambiguous))
        weights = self.weights.with_ambiguous(ambiguous) if ambiguous else self.weights
        return predict(weights, rows.transpose(1, 0, 2), back.transpose(1, 0, 2), steps)
