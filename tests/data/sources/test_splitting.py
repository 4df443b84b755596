"""A source read slice by slice gives the records of the whole, wherever it is split."""

import gzip
import itertools
import random
from pathlib import Path

import pytest

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Flat, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import open_whole, read_slice, seekable, split_source, unpack
from elman.data.text.tokenizer import Tokenizer


def flat_of(records):
    """Records as plain values; the parts of a document joined."""
    out = []
    for record in records:
        if not isinstance(record, Document | Flat):
            out.append(record)
            continue
        document = record.document() if isinstance(record, Flat) else record
        if out and isinstance(out[-1], tuple) and out[-1][0] == document.id:
            out[-1][1].extend(document.sentences)
        else:
            out.append((document.id, list(document.sentences)))
    return out


def both(path: Path, size: int, tmp_path: Path, options: Options | None = None, family="text"):
    """A file read at once and in slices, and how many there are."""
    options = options or Options(tokenizer=Tokenizer())
    (source,), _ = collect_sources([path], family=family)
    slices = split_source(source, options, SliceSize.of(size))
    assert not isinstance(slices, Quarantined)
    assert slices[0].begin in (0, 3)
    assert all(a.end == b.begin for a, b in itertools.pairwise(slices))
    files = itertools.repeat(None)
    if not seekable(source.files[0]):
        (tmp_path / "unpacked").mkdir(exist_ok=True)
        files = unpack(source.files[0], slices, tmp_path / "unpacked", [True] * len(slices))
    records = []
    for slice_, file in zip(slices, files, strict=False):
        records += read_slice(source, slice_, options, file, slice_.begin if file else 0)
    return flat_of(read(source, options)), flat_of(records), len(slices)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("unit", ["word", "char"])
def test_plain_text_can_be_cut_between_any_two_sentences(tmp_path, seed, unit):
    draw = random.Random(seed)
    marks = [*list("....!?  \n\r\t'\"”)。」aBé5字"), "Mr.", "\n\n", " " * 300, "The cat sat. ", "word "]
    text = "x " + "".join(draw.choices(marks, k=1500))
    raw = text.encode(["utf-8", "utf-8-sig", "utf-16"][seed % 3])
    path = tmp_path / ("a.txt.gz" if seed % 2 else "a.txt")
    path.write_bytes(gzip.compress(raw) if seed % 2 else raw)
    options = Options(unit=unit, tokenizer=Tokenizer(unit=unit))
    whole, sliced, count = both(path, draw.choice([100, 300, 2000]), tmp_path, options)
    assert sliced == whole
    assert count > 2


def test_text_without_a_place_to_cut_is_one_slice(tmp_path):
    (tmp_path / "a.txt").write_text("no end " * 20_000)
    whole, sliced, count = both(tmp_path / "a.txt", 1000, tmp_path)
    assert (sliced, count) == (whole, 1)


def test_json_lines_keep_their_line_and_offset(tmp_path):
    lines = [f'{{"text": "Sam met Tom {n}. He left."}}' for n in range(50)]
    lines[20] = "broken"
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for size in (1, 100, 333, 10_000):
        whole, sliced, _ = both(tmp_path / "a.jsonl", size, tmp_path)
        assert sliced == whole


@pytest.mark.parametrize("marked", [True, False])
def test_conll_is_cut_between_documents(tmp_path, marked):
    draw = random.Random(4)
    rows = []
    for number in range(300):
        if marked and number % 7 == 3:
            rows.append("-DOCSTART-\tO\n\n")
        rows += [f"word{number}.{n}\tO\n" for n in range(draw.randint(1, 5))]
        rows.append("odd row here\n\n" if number % 50 == 9 else "\n")
    (tmp_path / "a.conll").write_text("".join(rows))
    for size in (1, 500, 3000):
        whole, sliced, count = both(tmp_path / "a.conll", size, tmp_path)
        assert sliced == whole
        assert count > 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_fasta_is_cut_between_entries_and_each_id_counts_once(tmp_path, ending):
    draw = random.Random(5)
    entries = [f">c{n % 40} x{ending}" + "ACGT" * draw.randint(0, 90) + ending for n in range(60)]
    (tmp_path / "a.fna").write_bytes(("junk" + ending + "".join(entries)).encode())
    for size in (1, 500, 3000):
        whole, sliced, count = both(tmp_path / "a.fna", size, tmp_path, family="dna")
        assert sliced == whole
        assert count > 2


def test_fasta_that_is_cut_off_gives_the_entries_before(tmp_path):
    draw = random.Random(6)
    entries = [f">c{n}\n" + "".join(draw.choices("ACGT", k=5000)) + "\n" for n in range(600)]
    packed = gzip.compress("".join(entries).encode())
    (tmp_path / "a.fna.gz").write_bytes(packed[: len(packed) // 2])
    whole, sliced, count = both(tmp_path / "a.fna.gz", 200_000, tmp_path, family="dna")
    assert sliced == whole
    assert sliced[-1].reason == "truncated"
    assert count > 2


def test_genbank_is_cut_after_entries(tmp_path):
    from Bio import SeqIO
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    records = [
        SeqRecord(
            Seq("ACGT" * (n + 9)), id=f"AB{n % 9:04}.1", name=f"AB{n}", annotations={"molecule_type": "DNA"}
        )
        for n in range(12)
    ]
    SeqIO.write(records, tmp_path / "a.gb", "genbank")
    for size in (1, 1000):
        whole, sliced, count = both(tmp_path / "a.gb", size, tmp_path, family="dna")
        assert sliced == whole
        assert count > 3


def test_the_bytes_of_utf16_count_as_in_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes("Café. Sam.\n".encode("utf-16"))
    (source,), _ = collect_sources([tmp_path / "a.txt"], family="text")
    (slice_,) = split_source(source, Options(tokenizer=Tokenizer()), SliceSize.of(100))
    with open_whole(source.files[0]) as stream:
        assert stream.read()[slice_.begin : slice_.end] == "Café. Sam.\n".encode()
