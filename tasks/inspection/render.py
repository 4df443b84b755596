"""Output of `elman show` on a terminal: one numbered section per step from text to tags."""

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from elman.data.encoding.vocabulary import UNK
from elman.data.genome.nucleotides import STEP, WIDTH, WINDOWS
from elman.tasks.inspection.article import Shapes
from elman.tasks.inspection.genes import ShownGenome
from elman.tasks.inspection.text import Network, ShownText
from elman.tasks.runtime.console import printable

EQUATIONS = ("a<t> = tanh(Wa [a<t-1>; x<t>] + ba)", "y<t> = softmax(Wya a<t> + by)")
LIKELIEST = 3  # tags of a step
LINE, ARRAYS = 30, 6  # bases and arrays in a line


@singledispatch
def text_of(shown: Any) -> str:
    """All sections as text."""
    raise TypeError(f"expected something shown. Got {type(shown).__name__}")


@text_of.register
def _text(shown: ShownText) -> str:
    return "\n".join(printable(line) if line else "" for line in _text_lines(shown))


@text_of.register
def _genome(shown: ShownGenome) -> str:
    return "\n".join(printable(line) if line else "" for line in _genome_lines(shown))


def _text_lines(shown: ShownText) -> Iterator[str]:
    first, V = shown.sentences[0], shown.size
    T, B = shown.batch.shape
    yield f"{shown.source}: {' '.join(first.tokens)}"
    yield from (f"{name}: {text}" for name, text in shown.about.items())
    yield from ("", f"1. Tokens, and their ids in a vocabulary of {V:,} ({shown.known:,} words known)")
    head = ["t", "token", "id", ""] + (["tag"] if first.tags else []) + (["p"] if first.probabilities else [])
    rows = []
    for t, (token, number, unknown) in enumerate(zip(first.tokens, first.ids, first.unknown, strict=True)):
        row = [str(t + 1), token, f"{number:,}", UNK if unknown else ""]
        row += [first.tags[t]] if first.tags else []
        rows.append(row + ([f"{first.probabilities[t]:.2f}"] if first.probabilities else []))
    yield from table(head, rows)
    for sentence in shown.sentences[1:]:
        pairs = zip(sentence.tokens, sentence.tags or [""] * len(sentence.tokens), strict=True)
        words = " ".join(f"{token}/{tag}" if tag not in ("", "O") else token for token, tag in pairs)
        yield f"   {sentence.origin}: {words}"
    if shown.templates:
        yield from ("", "   Feature templates of each token, with their rows in the table:")
        for token, templates in zip(first.tokens, shown.templates, strict=True):
            yield f"   {token}: {', '.join(map(_template, templates.items()))}"
    yield from ("", f"2. One-hot rows x<t>, {V:,} numbers each, a single 1")
    yield from table(
        ["", "index", "row"],
        [[f"x<{t}>", f"{i:,} -> 1 of {V:,}", sparse(i, V)] for t, i in enumerate(first.ids, 1)],
    )
    yield from ("", f"3. Padded batch (T, B, V) = ({T}, {B}, {V:,}), with its mask (T, B) = ({T}, {B})")
    for b in range(B):
        yield f"   ids  {b + 1}  {' '.join(f'{i:>5}' for i in shown.batch.ids[:, b])}"
        yield f"   mask {b + 1}  {' '.join(f'{int(m):>5}' for m in shown.batch.mask[:, b])}"
    yield from ("", "4. Weights")
    if shown.own:
        yield from _network(shown.own)
        yield ""
    yield from _network(shown.article)
    yield from (f"   {equation}" for equation in EQUATIONS)
    standard = shown.standard
    yield from ("", "5. The standard network beside it, which sees the padded sentence at once")
    yield (
        f"   padded to {standard.steps} positions, {standard.longest}: "
        f"input {standard.steps} x {V:,} = {standard.inputs:,}, hidden {standard.hidden}, "
        f"outputs {standard.outputs}, {standard.parameters:,} parameters"
    )
    if shown.steps:
        yield from ("", "6. Steps: states a<t>, and the likeliest tags of y<t>")
        yield f"   a<0> = 0   {numbers(shown.steps.a[0])}"
        for t, (a, y) in enumerate(zip(shown.steps.a[1:], shown.steps.y, strict=True)):
            tags = likeliest(y, shown.article.tags)
            yield f"   {f'a<{t + 1}>':<9}  {numbers(a)}   {f'y<{t + 1}>':<5}  {tags}   {first.tokens[t]}"


def _template(item: tuple[str, list[tuple[str, int]]]) -> str:
    name, symbols = item
    if len(symbols) == 1:
        return f"{name} {symbols[0][0]} {symbols[0][1]:,}"
    return f"{name} {' '.join(symbol for symbol, _ in symbols)}"


def _network(network: Network) -> Iterator[str]:
    several = f", an ensemble of {network.members}; one of them:" if network.members > 1 else ""
    yield f"   {network.name}: {network.parameters:,} parameters{several}"
    yield from arrays(network.shapes)


def _genome_lines(shown: ShownGenome) -> Iterator[str]:
    T = len(shown.bases)
    yield f"{shown.source}: {shown.origin}"
    yield from (f"{name}: {text}" for name, text in shown.about.items())
    yield from ("", f"1. Bases ({T}), and their classes: no (none), or strand and place in the codon")
    for at in range(0, T, LINE):
        yield f"   {at:>4}  {'  '.join(shown.bases[at : at + LINE])}"
        if shown.classes:
            yield f"         {' '.join(c[:2].ljust(2) for c in shown.classes[at : at + LINE])}"
    yield from ("", f"2. One-hot rows (T, 4) = ({T}, 4), channels A, C, G, T; unknown bases are all zero")
    rows = shown.one_hot.astype(int).tolist()
    for t in [*range(min(T, 4)), *range(max(T - 2, 4), T)]:
        yield f"   x<{t + 1}>  {shown.bases[t]}  {' '.join(map(str, rows[t]))}"
    yield f"   beside its reverse complement, x[::-1, ::-1], a batch of {(*shown.batch.shape, 4)}"
    yield from (
        "",
        f"3. Windows of {WIDTH} bases, {STEP} a step: row = slot * {WINDOWS:,} + word, of {STEP * WINDOWS:,}",
    )
    yield from table(
        ["step", *(f"slot {slot}" for slot in range(STEP))],
        [
            [str(step), *(f"{word} {row}" for word, row in zip(shown.words(step), rows, strict=True))]
            for step, rows in enumerate(shown.windows[:4].tolist())
        ],
    )
    yield from ("", "4. Weights", f"   {shown.network}: {shown.parameters:,} parameters")
    yield from arrays(shown.shapes)
    yield "   one GRU reads both strands; the state before the first step is 0"
    if shown.probabilities is not None:
        yield from ("", f"5. Probability of the class of each base: {numbers(shown.probabilities, 6)}")
        genes = [
            f"{g['label']} {g['start']:,} to {g['end']:,} {g['strand']} {g['probability']:.2f}"
            for g in shown.genes or ()
        ]
        yield f"   genes: {'; '.join(genes) or 'none in so short a stretch'}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns side by side; those of numbers to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell.replace(",", "").isdigit() for cell in column[1:]) for column in columns]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        yield f"   {'  '.join(cells)}".rstrip()


def arrays(shapes: Shapes) -> Iterator[str]:
    """Lines of names with shapes: Waa (100, 100), Wax (100, 10000)."""
    named = [f"{name} {shape}" for name, shape in shapes.items()]
    for at in range(0, len(named), ARRAYS):
        yield f"   {', '.join(named[at : at + ARRAYS])}"


def sparse(index: int, size: int) -> str:
    """A one-hot row, abbreviated around its 1."""
    before = "0 " * index if index < 3 else "0 0 ... 0 "
    left = size - 1 - index
    return f"{before}1{' 0' * left if left < 3 else ' 0 ... 0 0'}"


def numbers(values: Iterable[float], first: int = 3) -> str:
    """Numbers to two places, abbreviated."""
    shown = [f"{value + 0.0:5.2f}" for value in np.asarray(list(values), float).round(2)]
    return " ".join(shown if len(shown) <= first + 2 else [*shown[:first], "...", shown[-1]])


def likeliest(chances: Iterable[float], tags: Sequence[str]) -> str:
    """The likeliest tags with their probabilities."""
    pairs = sorted(zip(np.asarray(list(chances), float).round(2).tolist(), tags, strict=True), reverse=True)
    return ", ".join(f"{tag} {chance:.2f}" for chance, tag in pairs[:LIKELIEST])
