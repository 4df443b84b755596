"""The page of a check holds its counts and examples, and corpus text in it is never markup."""

from html.parser import HTMLParser

from elman.data.quality.findings import Example, Finding
from elman.tasks.inspection.check_html import page

HOSTILE = '<script>alert("x")</script>&amp;'


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def parsed(document: str) -> Text:
    parser = Text()
    parser.feed(document)
    return parser


def finding(text: str) -> Finding:
    example = Example(text, source="a.conll", line=3)
    return Finding("duplicate", "warning", 1200, "sentences", "repeated", "Remove them.", (example,), 5000)


def test_findings_stand_with_counts_places_and_advice():
    text = parsed(page("letters", {}, [finding("Oslo")])).text
    for part in ("0 errors, 1 warnings", "1,200 of 5,000 sentences", "a.conll:3", "Oslo", "Remove them."):
        assert part in text


def test_text_of_the_corpus_is_escaped():
    parser = parsed(page(HOSTILE, {"types": {HOSTILE: {"train": 1}}}, [finding(HOSTILE)]))
    assert "script" not in parser.tags
    assert parser.text.count(HOSTILE) == 4


def test_statistics_are_tables_and_lengths_a_histogram():
    statistics = {
        "splits": {"train": {"sentences": 1234}},
        "lengths": {"lower_edges": [1, 2, 4], "train": [0, 5, 10, 0]},
        "unknown_words": {"dev": {"unseen": 0.25}},
    }
    text = parsed(page("letters", statistics, [])).text
    for part in ("1,234", "0.25", "2 to 3", "10"):
        assert part in text
    assert "below 1" not in text
