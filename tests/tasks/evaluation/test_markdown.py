"""Markdown tables."""

from elman.tasks.evaluation.markdown import table


def test_the_first_column_is_text_and_a_pipe_is_escaped():
    assert table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"
