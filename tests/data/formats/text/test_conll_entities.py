"""Entities in brackets or with numbers in CoNLL-U's MISC: the outermost ones are read."""

import io

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.registry import Head, detect
from elman.data.formats.text import conll
from elman.data.text.tags import spans


def conllu(*misc: str, comment: str = "# global.Entity = GRP-etype-infstat-centering") -> str:
    """A sentence whose tokens w1, w2 ... have these values of MISC."""
    rows = [f"{n}\tw{n}\t_\tNOUN\t_\t_\t0\tdep\t_\t{value}\n" for n, value in enumerate(misc, 1)]
    return f"{comment}\n" * bool(comment) + "".join(rows) + "\n"


def read(raw: str, **options) -> list:
    """Spans of each sentence, or the reason and line of one in quarantine."""
    records = conll.read(lambda: io.BytesIO(raw.encode()), "f.conllu", Options(**options))
    return [
        (record.reason, record.line) if isinstance(record, Quarantined) else spans(sentence.tags)
        for record in records
        for sentence in (record.sentences if isinstance(record, Document) else [None])
    ]


@pytest.mark.parametrize(
    ("misc", "expected"),
    [
        (["Entity=(1-person-new-cf1)", "_", "_"], [(0, 1, "person")]),
        (["SpaceAfter=No|Entity=(1-person-new", "_", "Entity=1)"], [(0, 3, "person")]),
        (["Entity=(1-organization-new(2-person-new)", "Entity=1)", "_"], [(0, 2, "organization")]),
        (["Entity=(1-event-new", "Entity=(2-place-new)", "Entity=(3-time-new)1)"], [(0, 3, "event")]),
        (
            ["Entity=(1-a-new)", "Entity=(1-a-giv)", "Entity=(12-b-new)"],
            [(0, 1, "a"), (1, 2, "a"), (2, 3, "b")],
        ),
        (["Entity=(1-a-new(1-a-giv", "Entity=1)", "Entity=1)"], [(0, 3, "a")]),
        (["Entity=(1-a-new", "Entity=(2-b-new", "Entity=1)2)"], [(0, 3, "a")]),  # that cross
        (["Entity=(e1[1/2]-a-new)", "_", "Entity=(e1[2/2]-a-new)"], [(0, 1, "a"), (2, 3, "a")]),
        (["Entity=(1--new)", "_", "_"], [(0, 1, "ENTITY")]),
    ],
)
def test_brackets_hold_entities_of_which_the_outermost_are_read(misc, expected):
    assert read(conllu(*misc)) == [expected]


def test_the_type_stands_where_the_header_says_or_after_the_number():
    old = ["Entity=(person-1-new", "Entity=person-1)", "Entity=(place-2-new)"]
    expected = [[(0, 2, "person"), (2, 3, "place")]]
    assert read(conllu(*old, comment="# global.Entity = entity-GRP-infstat")) == expected
    assert read(conllu(*old, comment="")) == expected
    assert read(conllu("Entity=(x7-new-person)", comment="# global.Entity = eid-infstat-etype")) == [
        [(0, 1, "person")]
    ]
    assert read(conllu("Entity=(7-person-new)", comment="")) == [[(0, 1, "person")]]


def test_numbers_hold_entities_of_which_the_outermost_are_read():
    misc = ["NE=P_1-pf_2", "NE=P_1-ps_3|SpaceAfter=No", "_", "NE=gu_4", "NE=gu_5"]
    expected = [[(0, 2, "P"), (3, 4, "gu"), (4, 5, "gu")]]
    for comment in ("# sent_id = 1", ""):
        assert read(conllu(*misc, comment=comment)) == expected
        assert read(conllu(*misc, comment=comment), tag_column="NE") == expected


@pytest.mark.parametrize("misc", [["Entity=(1-a-new)", "Entity=2)"], ["Entity=(1-a-new)", "Entity=(2-b"]])
def test_brackets_that_do_not_match_cost_their_sentence_alone(misc):
    good = conllu("Entity=(1-a-new", "Entity=1)")
    found = read(good + conllu(*misc, comment="") + good)
    assert found == [("unknown-tag", 6), [(0, 2, "a")], [(0, 2, "a")]]


def test_such_files_are_known_by_their_attributes():
    for misc in ("Entity=(1-person-new)", "NE=P_1"):
        assert detect(Head("f.txt", conllu(misc, comment="").encode(), True)).name == "conll"


def test_slices_give_the_sentences_of_the_whole():
    raw = "".join(
        conllu("Entity=(x1-person-new", "Entity=x1)", comment="# global.Entity = eid-etype-infstat" * (not n))
        for n in range(200)
    )
    whole = read(raw)
    slices = conll.split(lambda: io.BytesIO(raw.encode()), "f.conllu", Options(), SliceSize.of(800))
    assert len(slices) > 2
    found = []
    for slice_ in slices:
        part = io.BytesIO(raw.encode()[slice_.begin : slice_.end])
        records = conll.read(lambda part=part: part, "f.conllu", Options(), slice_)
        found += [spans(sentence.tags) for record in records for sentence in record.sentences]
    assert found == whole == [[(0, 2, "person")]] * 200
