"""Text in a stated encoding reads as the same text in UTF-8; invalid bytes are refused with their place."""

import gzip
import itertools
from dataclasses import replace

import pytest

from elman.data.errors import UsageError
from elman.data.formats.common.encodings import known_encoding
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document, Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.sources.reading import collect_sources, read
from elman.data.sources.splitting import read_slice, seekable, split_source, unpack
from elman.data.text.tokenizer import Tokenizer
from elman.flows.ingest import IngestConfig, ingest

OPTIONS = Options(tokenizer=Tokenizer())
WORDS = {
    "iso8859-1": "Müller café naïve",
    "cp1252": "“Müller” – 5€",
    "shift_jis": "東京 カタカナ 、。",
    "gb18030": "北京 你好 𠀀 é",
    "utf-16": "Öl 東 𠀀",
    "koi8-r": "Москва",
    "big5": "台北今天",
}
FORMATS = {
    "a.txt": "{0} met Ann. She left.\n{0}\n",
    "a.conll": "{1}\tB-PER\nmet\tO\n\n" * 3,
    "a.jsonl": '{{"id": "{0}", "text": "{0} met Ann."}}\n' * 3,
}


def write(path, text, encoding):
    raw = text.encode(encoding)
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return path


def records_of(path, encoding=None):
    (source,), _ = collect_sources([path], encoding=encoding)
    return list(read(source, OPTIONS))


def sliced(path, encoding, folder, size=20):
    """Records of a file read slice by slice."""
    (source,), _ = collect_sources([path], encoding=encoding)
    slices = split_source(source, OPTIONS, SliceSize.of(size))
    if isinstance(slices, Quarantined):
        return [slices]
    assert not seekable(source.files[0])
    folder.mkdir()
    files = unpack(source.files[0], slices, folder, [True] * len(slices))
    return list(
        itertools.chain.from_iterable(
            read_slice(source, slice_, OPTIONS, file, slice_.begin)
            for slice_, file in zip(slices, files, strict=True)
        )
    )


@pytest.mark.parametrize("encoding", WORDS)
@pytest.mark.parametrize("name", [*FORMATS, "a.conll.gz"])
def test_a_stated_encoding_gives_the_documents_of_utf8(tmp_path, name, encoding):
    words = WORDS[encoding]
    text = FORMATS[name.removesuffix(".gz")].format(words, words.split()[0])
    expected = records_of(write(tmp_path / name, text, "utf-8"))
    assert all(isinstance(record, Document) for record in expected)
    assert records_of(write(tmp_path / name, text, encoding), encoding) == expected
    parts = sliced(tmp_path / name, encoding, tmp_path / "unpacked")
    sentences = [
        text
        for part in parts
        for text in (part.texts() if hasattr(part, "texts") else [s.text for s in part.sentences])
    ]
    assert sentences == [sentence.text for document in expected for sentence in document.sentences]


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [("cp1252", b"\x81"), ("shift_jis", b"\xff"), ("gb18030", b"\xff"), ("euc_jp", b"\xa4 ")],
)
def test_an_invalid_byte_is_refused_with_its_place_in_the_file(tmp_path, encoding, bad):
    word = {"cp1252": "Müller"}.get(encoding, "東京")
    good = f"{word}\tB-PER\n\n".encode(encoding) * 150
    raw = good + b"x" + bad + b"x\tO\n\n" + good
    (tmp_path / "a.conll").write_bytes(raw)
    whole = [r for r in records_of(tmp_path / "a.conll", encoding) if isinstance(r, Quarantined)]
    parts = [
        r for r in sliced(tmp_path / "a.conll", encoding, tmp_path / "u", 500) if isinstance(r, Quarantined)
    ]
    assert whole[:1] == parts[:1]
    record = whole[0]
    assert record.reason == "invalid-utf8"
    assert record.byte_offset == len(good)
    assert f"expected {encoding}. Got byte {bad[0]:#04x} at byte {len(good) + 1} of the file" == record.detail
    assert raw[len(good) :].startswith(record.raw)
    assert "--encoding" in record.todo


def test_plain_text_with_an_invalid_byte_is_refused_with_its_place(tmp_path):
    (tmp_path / "a.txt").write_bytes("Müller met Ann. ".encode("cp1252") * 9 + b"\x81 end")
    (record,) = records_of(tmp_path / "a.txt", "cp1252")
    assert (record.byte_offset, record.reason) == (16 * 9, "invalid-utf8")
    assert "Got byte 0x81 at byte 144 of the file" in record.detail
    assert sliced(tmp_path / "a.txt", "cp1252", tmp_path / "u") == [record]


def test_a_file_that_is_not_utf8_brings_the_advice_to_state_its_encoding(tmp_path):
    for name, text in FORMATS.items():
        path = write(tmp_path / name, text.format("Müller", "Müller"), "latin-1")
        assert {record.todo for record in records_of(path)} == {
            "Save the file as UTF-8, or give --encoding latin-1 if it is."
        }
        path.unlink()


@pytest.mark.parametrize("name", ["rot13", "base64", "nonsense", "idna", "utf-7", "", "unicode_escape"])
def test_what_is_no_character_set_is_a_usage_error(name):
    with pytest.raises(UsageError, match="expected --encoding of a character set"):
        known_encoding(name)


def test_the_same_file_is_not_added_in_another_encoding(home, tmp_path):
    path = write(tmp_path / "a.conll", FORMATS["a.conll"].format("", "Müller"), "latin-1")
    first = ingest.fn(IngestConfig(sources=(path,), name="c", encoding="latin-1")).to_json()
    assert (
        ingest.fn(IngestConfig(sources=(path,), name="c", encoding="ISO-8859-1")).to_json()["digest"]
        == first["digest"]
    )
    with pytest.raises(UsageError, match=r"expected the encoding it was read by, iso8859-1"):
        ingest.fn(IngestConfig(sources=(path,), name="c", encoding="cp1252"))


def test_dna_has_no_encoding(home, tmp_path):
    (tmp_path / "a.fna").write_text(">c\nACGTACGT\n")
    with pytest.raises(UsageError, match="expected --encoding for text only"):
        ingest.fn(IngestConfig(sources=(tmp_path / "a.fna",), name="c", encoding="latin-1"))


MARKED = {
    **{name: text.format("Öl 東 𠀀", "東𠀀") for name, text in FORMATS.items()},
    "a.csv": "body,gold\nÖl 東 𠀀,[]\n",
    "a.json": '[{"text": "Öl 東 𠀀", "spans": []}]',
    "a.fna": ">c1\nATGAAATAA\n",
    "a.gb": "LOCUS       c1 9 bp DNA linear BCT 01-JAN-2020\nORIGIN\n        1 atgaaataa\n//\n",
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_byte_order_mark_says_that_a_file_is_utf16(tmp_path, name, encoding):
    column = {"text_column": "body", "labels_column": "gold"} if name.endswith(".csv") else {}
    options = replace(OPTIONS, **column)

    def found(raw):
        (tmp_path / name).write_bytes(raw)
        (source,), _ = collect_sources([tmp_path / name], text_column=column.get("text_column"))
        return list(read(source, options))

    expected = found(MARKED[name].encode())
    assert expected
    assert not any(isinstance(record, Quarantined) for record in expected)
    marked = MARKED[name] if encoding == "utf-16" else "\ufeff" + MARKED[name]
    assert found(marked.encode(encoding)) == expected
    assert found(gzip.compress(marked.encode(encoding))) == expected


def test_a_text_and_its_labels_and_an_annotation_may_be_utf16(home, tmp_path):
    (tmp_path / "a.txt").write_bytes("Öl Anna.\n".encode("utf-16"))
    (tmp_path / "a.ann").write_bytes("T1\tPER 3 7\tAnna\n".encode("utf-16"))
    (source,), _ = collect_sources([tmp_path])
    (document,) = read(source, OPTIONS)
    assert document.sentences[0].tags == ("O", "B-PER", "O")
    dna = tmp_path / "dna"
    dna.mkdir()
    (dna / "g.fna").write_bytes(">c1\nATGAAATAA\n".encode("utf-16"))
    (dna / "g.gff3").write_bytes("##gff-version 3\nc1\tx\tCDS\t1\t9\t.\t+\t0\tID=a\n".encode("utf-16"))
    (source,), _ = collect_sources([dna])
    (contig,) = read(source, OPTIONS)
    assert [(f.start, f.end) for f in contig.features] == [(0, 9)]
