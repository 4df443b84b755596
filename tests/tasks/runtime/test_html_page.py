"""Text in a page is text, whatever it holds; a picture stands inside the page."""

from html.parser import HTMLParser

from elman.tasks.runtime.html_page import html_table, page, picture, table, text

HOSTILE = '<script>alert("x")</script>![a](http://b/c.png)\x1b[31m\u202e&amp;'
SHOWN = '<script>alert("x")</script>![a](http://b/c.png)\\x1b[31m\\u202e&amp;'


class Parsed(HTMLParser):
    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_markup_and_control_characters_are_shown_as_text():
    found = Parsed(page(HOSTILE, [table([HOSTILE], [[HOSTILE]]), html_table(["a"], [[text(HOSTILE)]])]))
    assert found.text.count(SHOWN) == 4
    assert not {"script", "img"} & set(found.tags)


def test_a_picture_stands_inside_the_page():
    found = Parsed(picture(b"png", HOSTILE))
    assert found.tags == ["p", "img"]
    assert found.sources == ["data:image/png;base64,cG5n"]


def test_line_breaks_tabs_and_letters_of_all_scripts_are_left():
    assert text("a\tb\nنص 漢字 é") == "a\tb\nنص 漢字 é"
