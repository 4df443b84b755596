"""Documents with most expected errors are chosen, few for one string, from all sources."""

import random
from collections import Counter

import polars as pl
import pytest

from elman.data.store import schema
from elman.tasks.labelling.choice import Candidate, Candidates, Choice, choose, doubts_of


def of(document: str, source: str = "a", tokens: int = 1, **errors: float) -> Candidate:
    return Candidate(source=source, document=document, tokens=tokens, doubts=errors)


def names(chosen: list[Choice]) -> list[str]:
    return [choice.candidate.document for choice in chosen]


def drawn(count: int, seed: int = 0) -> list[Candidate]:
    rng = random.Random(seed)
    return [
        of(f"d{n}", f"s{rng.randrange(3)}", **{f"w{rng.randrange(9)}": rng.random() for _ in range(4)})
        for n in range(count)
    ]


def test_the_most_expected_errors_come_first():
    some = [of("low", x=0.1), of("high", y=0.9, z=0.2), of("mid", w=0.5)]
    assert names(choose(some, 2, 1)) == ["high", "mid"]


def test_no_more_than_k_documents_are_chosen_for_a_string():
    same = [of(f"d{n}", paris=0.9 - n / 100) for n in range(5)]
    assert names(choose([*same, of("other", rome=0.1)], 5, 2)) == ["d0", "d1", "other"]


@pytest.mark.parametrize("per_string", [1, 3])
def test_no_string_is_the_reason_of_more_than_k(per_string):
    chosen = choose(drawn(200), 60, per_string)
    reasons = Counter(string for choice in chosen for string in choice.reasons)
    assert all(choice.reasons for choice in chosen)
    assert max(reasons.values()) == per_string


def test_a_string_in_passing_is_no_reason():
    some = [of(f"d{n}", **{"the": 0.01, f"x{n}": 0.9 - n / 10}) for n in range(3)]
    chosen = choose([*some, of("last", the=0.001)], 4, 1)
    assert [choice.reasons for choice in chosen] == [("x0",), ("x1",), ("x2",), ("the",)]


def test_what_is_left_of_a_document_counts():
    some = [of("both", paris=0.5, rome=0.3), of("first", paris=0.9), of("rest", oslo=0.4)]
    chosen = choose(some, 3, 1)
    assert names(chosen) == ["first", "rest", "both"]
    assert chosen[-1].reasons == ("rome",)


def test_every_source_gets_its_share_and_what_is_over_goes_to_others():
    many = [of(f"a{n}", "a", **{f"s{n}": 0.9}) for n in range(6)]
    few = [of("b0", "b", t=0.1)]
    assert sorted(names(choose([*many, *few], 4, 1))) == ["a0", "a1", "a2", "b0"]


def test_nothing_doubtful_is_nothing_to_choose():
    assert choose([], 3, 1) == []
    assert choose([of("sure")], 3, 1) == []


def test_the_order_of_candidates_does_not_matter():
    some = drawn(60)
    assert choose(some, 20, 2) == choose(some[::-1], 20, 2)


def test_doubts_are_the_errors_of_entities_and_of_tokens_left_out():
    tokens = pl.DataFrame(
        [("s", "d", 0, 0, 4, "Rome", "B-LOC", 0.6, "m"), ("s", "d", 0, 5, 8, "was", "O", 0.75, "m"),
         ("s", "d", 0, 9, 12, "Was", "O", 0.9, "m"), ("s", "d", 0, 13, 14, ".", "O", 0.9999, "m"),
         ("s", "e", 0, 0, 2, "ok", "O", 1.0, "m"), ("s", "f", 0, 0, 2, "left", "O", None, "m")],
        schema=schema.TOKENS, orient="row",
    )  # fmt: skip
    entities = pl.DataFrame(
        [("s", "d", 0, 0, 4, "Rome", "LOC", 0.5, "m")], schema=schema.ENTITIES, orient="row"
    )
    ((source, document, size, strings, errors),) = doubts_of(tokens, entities).rows()
    assert (source, document, size) == ("s", "d", 4)
    assert dict(zip(strings, errors, strict=True)) == {
        "was": pytest.approx(0.35, abs=1e-6),
        "rome": pytest.approx(0.5),
    }


def doubts(*rows: tuple[str, str, int, list[str], list[float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, ["source", "document", "tokens", "string", "errors"], orient="row")


def test_a_document_goes_on_in_the_next_shard_and_the_best_are_kept():
    kept = Candidates(most=2, per_string=9)
    kept.add(doubts(*(("s", f"d{n}", 10, ["x"], [n / 10]) for n in range(1, 8))))
    kept.add(doubts(("s", "d7", 5, ["x", "y"], [0.1, 0.2]), ("s", "d8", 10, ["z"], [0.6])))
    found = {candidate.document: candidate for candidate in kept.all()}
    assert (found["d7"].tokens, found["d7"].doubts) == (15, {"x": pytest.approx(0.8), "y": 0.2})
    assert (set(found), kept.documents) == ({"d6", "d7", "d8"}, 8)


def test_candidates_of_a_string_do_not_push_out_others():
    kept = Candidates(most=4, per_string=2)
    kept.add(
        doubts(*(("s", f"d{n}", 1, ["paris"], [0.9]) for n in range(20)), ("s", "e", 1, ["oslo"], [0.1]))
    )
    assert "e" in names(choose(kept.all(), 3, 2))
