"""The sample tunes: all are read, their bars add up to their metre, and no two are the same."""

import io
from fractions import Fraction
from functools import partial

from elman.data.formats.common.options import Options
from elman.data.formats.music.abc import read
from elman.data.music.abc import BAR
from elman.data.music.notes import metre_of, notes_of_abc


def test_every_bar_adds_up(checkout):
    raw = (checkout / "data" / "samples" / "tunes" / "tunes.abc").read_bytes()
    tunes = list(read(partial(io.BytesIO, raw), "tunes.abc", Options()))
    assert len({tune.symbols for tune in tunes}) == len(tunes) == 36
    for tune in tunes:
        head, bar, bars = tune.symbols[:3], [], []
        for symbol in tune.symbols[3:]:
            if BAR.fullmatch(symbol):
                bars += [bar] if bar else []
                bar = []
            else:
                bar.append(symbol)
        metre = metre_of(head[0].removeprefix("M:"))
        lengths = {sum((note.duration for note in notes_of_abc((*head, *bar))), Fraction(0)) for bar in bars}
        assert lengths == {4 * metre}, tune.id
        assert len(bars) == 16
