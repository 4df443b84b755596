"""Printed is every step from text to tags, abbreviated, without control characters."""

from pathlib import Path

from elman.tasks.inspection import genes, render, text
from elman.tasks.models.model_folder import read


def test_a_corpus_of_text_is_printed_with_the_shapes_of_the_article(names, home):
    printed = render.text_of(text.of_corpus(names, "Tomson met \x1b[31mLison ."))
    for part in (
        "Padded batch (T, B, V) = (",
        "Waa (100, 100), Wax (100, 10000), Wa (100, 10100), Wya (5, 100)",
        "a<t> = tanh(Wa [a<t-1>; x<t>] + ba)",
        "a<0> = 0    0.00  0.00  0.00 ...  0.00",
        "<UNK>",
        "the longest training sentence",
    ):
        assert part in printed, part
    assert "\x1b" not in printed


def test_a_model_with_features_is_printed_with_its_templates_and_arrays(trained):
    printed = render.text_of(text.of_model(read(Path(trained["model"])), "Tomson met Lison ."))
    for part in ("met: word met", "0.forward.Wh (100, 100)", "preset article, for comparison", "tag"):
        assert part in printed, part


def test_a_gene_finder_is_printed_with_windows_and_classes(gene_model):
    printed = render.text_of(genes.of_model(read(gene_model), None))
    for part in ("(66, 4), channels A, C, G, T", "ATGAAA", "Probability of the class", "table (24582, 16)"):
        assert part in printed, part


def test_a_one_hot_row_is_abbreviated_around_its_one():
    assert render.sparse(0, 10_000) == "1 0 ... 0 0"
    assert render.sparse(2, 4) == "0 0 1 0"
    assert render.sparse(5_000, 10_000) == "0 0 ... 0 1 0 ... 0 0"
    assert render.sparse(9_999, 10_000) == "0 0 ... 0 1"


def test_numbers_are_abbreviated_and_have_no_negative_zero():
    assert render.numbers([-0.001, 1.5, 2, 3, 4, 5]).split() == ["0.00", "1.50", "2.00", "...", "5.00"]
    assert render.numbers([1, 2]).split() == ["1.00", "2.00"]
