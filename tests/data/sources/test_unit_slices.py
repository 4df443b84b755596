"""Slices of long documents end at units, and have the sentences of the whole."""

import itertools
import random

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.slices import SliceSize
from elman.data.sources.reading import collect_sources
from elman.data.sources.splitting import split_source
from elman.data.text.tokenizer import Tokenizer
from tests.data.sources.test_splitting import both

UNIT = 4
OPTIONS = Options(tokenizer=Tokenizer(), unit_sentences=UNIT)
LINES = Options(tokenizer=Tokenizer(), unit_sentences=UNIT, sentence_per_line=True)


def prose(seed, count=900):
    draw = random.Random(seed)
    words = ["Anne", "und", "the sea", "Mr. Bée", "北京。", "\n\n", "   ", "a.b", '"So!"', "x" * 30]
    return "".join(
        " ".join(draw.choices(words, k=draw.randint(1, 9))) + draw.choice([". ", "?\n", "!  "])
        for _ in range(count)
    )


def sentences(slices, path, options):
    """Sentences of each slice."""
    from elman.data.sources.splitting import read_slice

    (source,), _ = collect_sources([path], family="text", sentence_per_line=options.sentence_per_line)
    return [sum(len(part.first) for part in read_slice(source, one, options)) for one in slices]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [40, 700, 5000])
def test_slices_of_plain_text_end_at_units(tmp_path, seed, size):
    path = tmp_path / "a.txt"
    path.write_bytes((b"\xef\xbb\xbf" if seed % 2 else b"") + prose(seed).encode())
    whole, parts, count = both(path, size, tmp_path, OPTIONS)
    assert parts == whole
    assert count > 3
    (source,), _ = collect_sources([path], family="text")
    slices = split_source(source, OPTIONS, SliceSize.of(size))
    assert all(a.end == b.begin for a, b in itertools.pairwise(slices))
    assert all(n % UNIT == 0 for n in sentences(slices, path, OPTIONS)[:-1])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\n\n \n"])
def test_slices_of_lines_end_at_units(tmp_path, ending):
    path = tmp_path / "a.txt"
    text = ending.join(f"Zeile {n} mit ö . And more" for n in range(400))
    path.write_bytes(text.encode())
    (source,), _ = collect_sources([path], family="text", sentence_per_line=True)
    slices = split_source(source, LINES, SliceSize.of(300))
    counts = sentences(slices, path, LINES)
    assert len(slices) > 5
    assert sum(counts) == 400
    assert all(n % UNIT == 0 for n in counts[:-1])


def test_a_text_without_a_place_to_end_is_one_slice(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("word " * 5000)
    assert both(path, 100, tmp_path, OPTIONS)[0] == both(path, 100, tmp_path, OPTIONS)[1]
