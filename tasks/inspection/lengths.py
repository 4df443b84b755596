"""Histogram of sentence lengths as rows, for the terminal and the page of a check."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise


def length_rows(lengths: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, dict[str, int]]]:
    """The bins of a histogram that are not empty, by name, with the sentences of each split.

    Args:
        lengths: `lower_edges` of the bins, from the second on, and by split as many counts and one.
    """
    edges = lengths["lower_edges"]
    names = [
        f"below {edges[0]}",
        *(str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(edges)),
        f"{edges[-1]} and more",
    ]
    splits = [name for name in lengths if name != "lower_edges"]
    for number, name in enumerate(names):
        counts = {split: lengths[split][number] for split in splits}
        if any(counts.values()):
            yield name, counts
