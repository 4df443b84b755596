"""Markdown tables."""

from elman.data.text.markdown import escaped, table


def test_the_first_column_is_text_and_a_pipe_is_escaped():
    assert table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"


def test_text_of_a_user_is_neither_markdown_nor_html():
    assert escaped("<b> [x](y)\n| *z*") == "&lt;b&gt; \\[x\\](y) \\| \\*z\\*"


def test_images_code_html_and_terminal_escapes_are_text():
    row = table(["a"], [["![x](y) `z` <b>\x1b[0m\n"]]).splitlines()[2]
    assert row == "| \\!\\[x\\](y) \\`z\\` &lt;b&gt;\\x1b\\[0m\\n |"


def test_addresses_are_no_links():
    text = "See https://a.b/c, WWW.a.b and me@a.b: by @me."
    assert escaped(text) == "See https&#58;//a.b/c, WWW&#46;a.b and me&#64;a.b: by &#64;me."
    assert table(["a"], [["http://a.b"]]).splitlines()[2] == "| http&#58;//a.b |"
