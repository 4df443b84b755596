"""Quality checks find planted faults with their place, and count a corpus exactly."""

import polars as pl
import pytest

from elman.data.quality import sentence_table, text_checks
from elman.data.quality.text_checks import TextChecks
from elman.data.store import schema


def corpus(*sentences: tuple[str, str]) -> pl.DataFrame:
    """Sentences given as (split, "token/TAG token/TAG"), a document each; without tags unlabelled."""
    rows = []
    for number, (split, line) in enumerate(sentences):
        pairs = [item.rpartition("/") for item in line.split()]
        tokens = [token if slash else tag for token, slash, tag in pairs]
        tags = [tag for _, slash, tag in pairs if slash] or None
        starts, at = [], 0
        for token in tokens:
            starts.append(at)
            at += len(token) + 1
        ends = [start + len(token) for start, token in zip(starts, tokens, strict=True)]
        rows.append((f"d{number}", 0, split, " ".join(tokens), 0, starts, ends, tags, "a.conll", 0))
    return pl.DataFrame(rows, schema=schema.TEXT, orient="row")


LONG = (
    "the/O old/O ship/O sailed/O from/O Bergen/B-PLACE to/O Oslo/B-PLACE with/O Ann/B-PERSON Li/I-PERSON ./O"
)
PLAIN = (("train", LONG), ("dev", "she/O saw/O Rome/B-PLACE"), ("test", "he/O met/O Tom/B-PERSON"))


def check_text(frames: list[pl.DataFrame]) -> TextChecks:
    return text_checks.check_text(lambda: frames)


def codes(checks: TextChecks) -> dict[str, int]:
    return {finding.code: finding.count for finding in checks.findings()}


def test_splits_types_and_lengths_are_counted():
    checks = check_text([corpus(*PLAIN)])
    assert checks.splits["train"] == {"sentences": 1, "tokens": 12, "labelled": 1}
    assert checks.types == {
        "PLACE": {"train": 2, "dev": 1, "test": 0},
        "PERSON": {"train": 1, "dev": 0, "test": 1},
    }
    assert sum(checks.lengths["dev"]) == 1


def test_frames_add_up_to_the_whole():
    frame = corpus(*PLAIN, *PLAIN)
    whole, parts = check_text([frame]), check_text([frame[:2], frame[2:]])
    assert whole.to_json() == parts.to_json()
    assert codes(whole) == codes(parts)


def test_the_share_of_unknown_words_is_exact():
    checks = check_text([corpus(("train", "a/O b/O"), ("dev", "a/O c/O c/O d/O"))])
    assert checks.vocabulary() == {"dev": {"unseen": 0.75, "beyond_vocabulary": 0.75}}


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        (("test", LONG), "duplicate-across-splits"),
        (("test", LONG.replace("the/O old/O ship/O", "THE/O old/O ship,/O")), "near-duplicate-across-splits"),
        (("train", LONG), "duplicate"),
        (("test", LONG.replace("ship/O", "boat/O")), "similar-across-splits"),
        (("train", LONG.replace("ship/O", "boat/O")), "similar"),
        (("train", LONG.replace("Bergen/B-PLACE", "Bergen/O")), "conflicting-sentence-labels"),
        (("train", "I/O see/O Oslo/B-SHIP"), "several-types"),
        (("train", "wo\u0430rd/O"), "mixed-scripts"),
        (("train", "caf\u00c3\u00a9/O"), "wrong-encoding"),
        (("train", "a\x07b/O"), "control-character"),
        (("train", "a\u202eb/O"), "direction-override"),
        (("train", "a\ufffdb/O"), "replacement-character"),
    ],
)
def test_a_planted_fault_is_found_once(sentence, code):
    before = codes(check_text([corpus(*PLAIN)]))
    after = codes(check_text([corpus(*PLAIN, sentence)]))
    assert code not in before
    assert after[code] == (2 if code == "conflicting-sentence-labels" else 1)


def test_a_string_mostly_labelled_and_once_not_is_named():
    rows = [("train", "in/O Oslo/B-PLACE")] * 3 + [("train", "near/O Oslo/O town/O")]
    finding = next(f for f in check_text([corpus(*rows)]).findings() if f.code == "sometimes-unlabelled")
    assert finding.examples[0].text == "Oslo: 3 labelled, 1 not"


def test_findings_do_not_depend_on_spilling_to_disk(monkeypatch):
    frame = corpus(*PLAIN, ("test", LONG), ("train", LONG), *(("train", f"a/O b{n}/O") for n in range(50)))
    in_memory = codes(check_text([frame]))
    monkeypatch.setattr(sentence_table, "MOST_ROWS", 7)
    assert codes(check_text([frame[at : at + 5] for at in range(0, frame.height, 5)])) == in_memory


def test_a_corpus_without_faults_has_none():
    many = [("train", f"w{n}/O Bo{n}/B-PERSON lives/O in/O To{n}/B-PLACE") for n in range(20)]
    assert codes(check_text([corpus(*many, ("dev", "Al/B-PERSON"), ("test", "Ed/B-PERSON"))])) == {}
