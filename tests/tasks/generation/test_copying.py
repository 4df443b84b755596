"""Copied runs: the longest one, and the training piece it is of, as a search by brute force finds them."""

import numpy as np
import pytest

from elman.tasks.generation.copying import TrainingRuns


def longest(piece, pieces):
    """Longest run by comparing all."""

    def has(run):
        return any(run == other[i : i + len(run)] for other in pieces for i in range(len(other)))

    return max(
        (j - i for i in range(len(piece)) for j in range(i + 1, len(piece) + 1) if has(piece[i:j])), default=0
    )


@pytest.mark.parametrize("seed", range(8))
def test_runs_are_those_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    pieces = ["".join(rng.choice(list("abc"), rng.integers(1, 30))) for _ in range(6)]
    runs = TrainingRuns([f"t{i}" for i in range(6)], pieces)
    for _ in range(10):
        piece = "".join(rng.choice(list("abcd"), rng.integers(1, 25)))
        run, source = runs.longest(piece)
        assert run == longest(piece, pieces)
        if run:
            own = pieces[int(source[1:])]
            assert any(piece[i : i + run] in own for i in range(len(piece) - run + 1))


def test_a_run_does_not_go_from_one_piece_to_the_next():
    assert TrainingRuns(["a", "b"], ["xyz", "uvw"]).longest("zuvwx") == (3, "b")


def test_of_several_pieces_the_first_is_named_and_of_none_none():
    runs = TrainingRuns(["a", "b"], [[(60,), (62, 64)], [(62, 64)]])
    assert runs.longest([(62, 64), (1,)]) == (1, "a")
    assert runs.longest([(1,)]) == (0, None)
    assert runs.longest([]) == (0, None)
