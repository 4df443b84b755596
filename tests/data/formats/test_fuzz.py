"""No bytes whatever break a reader: it accepts, quarantines, or says that the input is bad.

Formats are those of the registry. `FUZZED` byte strings a reader in the usual suite, `FUZZED_SLOWLY` in the
slow one: valid files with bytes changed, cut, repeated and exchanged for what has broken readers elsewhere.
What is accepted is the text of the file: `IN_FILE` compares.
"""

import csv
import io
import json
import random
import re
import warnings
from functools import partial

import numpy as np
import pytest

from elman.data.errors import BadInput
from elman.data.formats import registry
from elman.data.formats.common.lines import universal_lines
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.streams import BROKEN
from elman.data.formats.dna.fasta import IUPAC
from elman.data.formats.registry import (
    HEAD_BYTES,
    AnnotationFormat,
    Head,
    MusicFormat,
    SequenceFormat,
    SidecarFormat,
    TextFormat,
    format_of,
)
from elman.data.genome.contigs import Contig
from elman.data.music.notes import notes_of_abc
from elman.data.music.pieces import Piece
from elman.data.text.tokenizer import Tokenizer
from tests.data.formats.samples import SAMPLES

DELIMITERS = (",", "\t", ";", "|")
FUZZED, FUZZED_SLOWLY = 500, 10_000
NAMES = [
    format_.name
    for format_ in registry.all_formats()
    if isinstance(format_, TextFormat | SidecarFormat | SequenceFormat | AnnotationFormat | MusicFormat)
]
TOKENIZER = Tokenizer()
PIECES = [
    *(
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xed\xb0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xe2\x82",
        b"\xf0\x9f",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\x00",
        b"\xc2\x85",
        b"\xc2\x9b",
        b"\x1b[31m",
        b"\x1c",
        b"\x7f",
    ),
    *(
        s.encode()
        for s in "\u202e\u2066\u200d\u00ad\u2028\u2029\ufeff\u0301\U0001f600\U000e0041\ufffe٣²Ⅷ\u3000"
    ),
    *(b"\r", b"\r\r\n", b"\n\n", b"\t", b"\t\t", b" ", b"\x0b", b"\x0c", b"#", b"##FASTA\n", b"-DOCSTART-\n"),
    *(b"9" * 30, b"9" * 5000, b"-1", b"1e999", b"NaN", b"0x1", b"1.5", b"null", b"true", b"{}", b"[]", b'""'),
    *(
        b"[" * 3000,
        b'{"a":' * 2000,
        b"\\ud800",
        b"\\ud83d",
        b"\\udc00",
        b"\\u0000",
        b'"',
        b"'",
        b"\\",
        b",",
        b":",
        b"{",
        b"}",
        b"]",
    ),
    *(
        b">",
        b"@",
        b"+",
        b"//\n",
        b"%",
        b"%zz",
        b"%00",
        b"=",
        b";",
        b"ID=a;Parent=a",
        b"..",
        b"complement(",
        b"join(",
    ),
    *(
        b"B-",
        b"I-",
        b"-",
        b"O",
        b"B-PER",
        b"U-X",
        b"ORIGIN\n",
        b"LOCUS ",
        b"SQ ",
        b"ID   ",
        b"|t|",
        b"|a|",
        b"T1\t",
    ),
]


def fuzzed(draw: random.Random, base: bytes) -> bytes:
    """Bytes changed in one to eight places; now and then in another encoding, or nothing but odd pieces."""
    if draw.random() < 0.05:
        return b"".join(draw.choices(PIECES, k=draw.randint(0, 30)))
    raw = bytearray(base)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        at = draw.randint(0, len(raw))
        to = min(at + draw.choice([0, 1, 1, 4, 30]), len(raw))
        change = draw.randrange(6)
        if change == 0:
            raw[at:to] = draw.choice(PIECES)
        elif change == 1:
            del raw[at:to]
        elif change == 2:
            raw[at:at] = raw[at:to] * draw.choice([1, 2, 50])
        elif change == 3:
            raw[at:to] = draw.randbytes(to - at)
        elif change == 4:  # a number or word of the file
            words = list(re.finditer(rb"\d+" if draw.random() < 0.5 else rb"[^\s]+", raw))
            if words:
                word = draw.choice(words)
                raw[word.start() : word.end()] = draw.choice([*PIECES, draw.choice(words)[0]])
        else:
            other = draw.choice(list(SAMPLES.values())).raw
            raw[at:to] = other[draw.randrange(len(other)) :][: draw.choice([3, 40])]
    if draw.random() < 0.05:
        return bytes(raw).decode("utf-8", "replace").encode(draw.choice(["utf-16", "utf-16-be", "utf-32"]))
    return bytes(raw[: draw.randint(0, len(raw))] if draw.random() < 0.1 else raw)


def records_of(name: str, raw: bytes) -> list:
    """Records that the reader of a format gives of these bytes."""
    format_, opener = format_of(name), partial(io.BytesIO, raw)
    options = Options(tokenizer=TOKENIZER, **(SAMPLES[name].options if name in SAMPLES else {}))
    if isinstance(format_, SequenceFormat):
        return list(format_.read(io.BytesIO(raw), "x", options))
    if isinstance(format_, AnnotationFormat):
        return list(format_.read(io.BytesIO(raw), "x").quarantined)
    if isinstance(format_, SidecarFormat):
        text = SAMPLES[format_.pair].raw if format_.pair in SAMPLES else b"Ann left Oslo."
        options = Options(tokenizer=TOKENIZER, sidecars=(("x.ann", opener),))
        return list(format_of(format_.pair).read(partial(io.BytesIO, text), "x", options))
    return list(format_.read(partial(_buffered, raw), "x", options))


def _buffered(raw: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(raw))


def check(record: object, name: str, raw: bytes) -> None:
    """Check what must hold of a record, whatever the bytes were."""
    if isinstance(record, Quarantined):
        assert record.reason
        assert (record.detail + record.todo).encode()
        assert 0 <= record.byte_offset <= len(raw) * 2
    elif isinstance(record, Contig):
        assert set(record.bases.encode()) <= set(IUPAC)
        assert all(0 <= f.start < f.end <= record.length for f in record.features or ())
    elif isinstance(record, Piece):
        assert record.steps
        assert all(len(voice) == record.steps for voice in record.voices)
        assert all(
            symbol.encode() in raw for symbol in record.symbols if ":" not in symbol and '"' not in symbol
        )
        notes_of_abc(record.symbols)
    else:
        assert isinstance(record, Document | Flat)
        document = record.document() if isinstance(record, Flat) else record
        document.id.encode()  # no lone surrogate
        for sentence in document.sentences:
            sentence.text.encode()
            assert len(sentence.text) == sentence.end - sentence.start
            bounds = np.array([sentence.token_start, sentence.token_end]).T.ravel()
            assert (np.diff(bounds) >= 0).all()
            assert sentence.start <= bounds[0] <= bounds[-1] <= sentence.end
            assert sentence.tags is None or len(sentence.tags) == len(sentence.token_start)
            "".join(sentence.tags or ()).encode()
        if document.text is not None:
            assert all(document.text[s.start : s.end] == s.text for s in document.sentences)
        if name in IN_FILE:
            IN_FILE[name](document, raw)
        if name == "plain":
            utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
            text = raw.decode("utf-16") if utf16 else raw.decode("utf-8-sig")
            assert all(text[s.start : s.end] == s.text for s in document.sentences)


def json_of(document: Document, raw: bytes) -> dict:
    """The object in the line of a document."""
    line = raw[document.byte_offset :].split(b"\n", 1)[0]
    return json.loads((line if document.byte_offset else line.removeprefix(b"\xef\xbb\xbf")).decode())


def check_text(document: Document, raw: bytes) -> None:
    """The text of a document is that of its line of JSON."""
    assert json_of(document, raw)["text"] == document.text


def check_token_list(document: Document, raw: bytes) -> None:
    """The text of a document is the tokens of its line of JSON, joined by spaces."""
    assert " ".join(json_of(document, raw)["tokens"]) == document.sentences[0].text


def check_cells(document: Document, raw: bytes) -> None:
    """The text of a document is a cell of its row."""
    rest = raw[document.byte_offset :]
    lines = [line.decode("utf-8", "surrogateescape") for line in universal_lines(io.BytesIO(rest))]
    assert any(document.text in next(csv.reader(lines, delimiter=mark)) for mark in DELIMITERS)


def check_tokens(document: Document, raw: bytes) -> None:
    """The tokens of each sentence stand in the rows of the file, in their order."""
    for sentence in document.sentences:
        lines = iter(universal_lines(io.BytesIO(raw[sentence.byte_offset :])))
        for start, end in zip(sentence.token_start, sentence.token_end, strict=True):
            token = sentence.text[start - sentence.start : end - sentence.start].encode()
            assert any(token in values_of(line.rstrip(b"\r\n")) for line in lines)


def values_of(line: bytes) -> set[bytes]:
    """Values of a row, by tabs or by spaces, in the first line or another."""
    lines = (line, line.removeprefix(b"\xef\xbb\xbf"))
    return {value.strip(b" ") for line in lines for value in (*line.split(b"\t"), *line.split())}


IN_FILE = {
    "jsonl": check_text,
    "token_jsonl": check_token_list,
    "delimited": check_cells,
    "conll": check_tokens,
}


def fuzz(name: str, seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(f"{name} {seed}")
        own = draw.random() < 0.8 and name in SAMPLES
        raw = fuzzed(draw, SAMPLES[name if own else draw.choice(list(SAMPLES))].raw)
        try:
            head = Head("x", raw[:HEAD_BYTES], whole=True)
            registry.detect(head).unfit(head)
            for record in records_of(name, raw):
                check(record, name, raw)
        except BadInput:
            pass
        except Exception as error:
            if isinstance(error, BROKEN) and getattr(error, "errno", None) is None:
                continue  # a damaged file, which `data.sources.reading` makes bad input
            pytest.fail(
                f"{name}, seed {seed}: {type(error).__name__}: {error!s:.300} of {raw[:300]!r}", pytrace=True
            )


@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_break_a_reader(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fuzz(name, range(FUZZED))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_bytes_of_very_many_break_a_reader(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fuzz(name, range(FUZZED, FUZZED + FUZZED_SLOWLY))
