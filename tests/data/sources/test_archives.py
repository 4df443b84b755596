"""Members of archives are sources; hostile archives stop at a limit and write nothing but copies."""

import bz2
import contextlib
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile

import pyarrow as pa
import pytest

from elman.data.errors import BadInput
from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Document
from elman.data.sources import archives
from elman.data.sources.archives import archive_kind
from elman.data.sources.copies import Copies
from elman.data.sources.detect import discover
from elman.data.sources.reading import collect_sources, read
from elman.data.text.tokenizer import Tokenizer

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"
FILES = {
    "a.conll": CONLL,
    "dir/train.conll": CONLL + "Ann\tB-PER\n\n",
    "README.md": "about",
    "dir/x.bin": "\0" * 99,
}
ZIPPED = {
    "": lambda raw: raw,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
}


def zip_of(files, method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar_of(files, format_=tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        for name, content in files.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            raw = content.encode() if isinstance(content, str) else b""
            info.size = info.size or len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return out.getvalue()


def found_in(tmp_path, name, raw):
    """Sources, and what is skipped, of an archive of these bytes."""
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(raw)
    return discover([tmp_path / "in" / name], copies=Copies(tmp_path / "copies"))


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_of_a_zip_archive_are_sources(tmp_path, method):
    sources, skipped = found_in(tmp_path, "c.zip", zip_of(FILES, method))
    assert [(s.name, s.kind, s.split) for s in sources] == [
        ("c.zip/a.conll", "conll", None),
        ("c.zip/dir/train.conll", "conll", "train"),
    ]
    assert [(path.name, reason.split()[0]) for path, reason in skipped] == [
        ("README.md", "about"),
        ("x.bin", "binary"),
    ]
    assert sources[0].path.read_text() == CONLL
    assert sources[0].shown == tmp_path / "in" / "c.zip" / "a.conll"


@pytest.mark.parametrize("ending", ZIPPED)
@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_of_a_tar_archive_are_sources(tmp_path, ending, format_):
    files = {"./a.conll": CONLL, "dir/" + "n" * 60 + "/b.conll": CONLL}
    sources, _ = found_in(tmp_path, "c.tar" + ending, ZIPPED[ending](tar_of(files, format_)))
    assert [s.name for s in sources] == [f"c.tar{ending}/a.conll", f"c.tar{ending}/dir/{'n' * 60}/b.conll"]


@pytest.mark.parametrize("ending", [".bz2", ".xz"])
def test_bzip2_and_xz_are_read_member_after_member(tmp_path, ending):
    pack = ZIPPED[ending]
    (tmp_path / f"a.conll{ending}").write_bytes(pack(CONLL.encode()) + pack(CONLL.encode() * 2))
    (source,), _ = collect_sources([tmp_path])
    assert source.files[0].compression == ending[1:]
    records = list(read(source, Options(tokenizer=Tokenizer())))
    assert sum(len(record.sentences) for record in records if isinstance(record, Document)) == 3


@pytest.mark.parametrize("ending", [".bz2", ".xz"])
def test_a_cut_file_is_bad_input(tmp_path, ending):
    raw = "".join(random.Random(1).choices("abcdefgh \n", k=300_000)).encode()
    packed = ZIPPED[ending](raw)
    (tmp_path / f"a.txt{ending}").write_bytes(packed[: len(packed) // 2])

    def read_all():
        (source,), _ = collect_sources([tmp_path])
        return list(read(source, Options(tokenizer=Tokenizer())))

    with pytest.raises(BadInput, match="expected a whole file"):
        read_all()


def test_genomes_of_an_archive_are_paired_with_their_annotation(tmp_path):
    gff = "##gff-version 3\nc1\tx\tCDS\t1\t9\t.\t+\t0\tID=a\n"
    files = {"one/g.fna": ">c1\nATGAAATAA\n", "one/g.gff3": gff, "two/g.fna": ">c1\nATGCCCTAA\n"}
    (tmp_path / "g.zip").write_bytes(zip_of(files))
    items, _ = collect_sources([tmp_path / "g.zip"], copies=Copies(tmp_path / "copies"))
    assert [(item.name, len(item.annotations)) for item in items] == [
        ("g.zip/one/g.fna", 1),
        ("g.zip/two/g.fna", 0),
    ]


def link(name, target, type_=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type_, target
    return info


HOSTILE = {
    "ok.conll": CONLL,
    "../x.conll": CONLL,
    "a/../../y.conll": CONLL,
    "/tmp/abs.conll": CONLL,
    "-rf": CONLL,
    "n" * 300 + ".conll": CONLL,
    "d/" + "m" * 300: CONLL,
    "con\ttrol\n.conll": CONLL,
    "..\\win.conll": CONLL,
    "..": CONLL,
    "~": CONLL,
    "$(touch x)": CONLL,
}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_hostile_names_write_nothing_outside_the_copies(tmp_path, kind):
    files = dict(HOSTILE)
    if kind == "tar":
        files |= {
            "l1": link("l1", "/etc/passwd"),
            "l2": link("l2", "ok.conll", tarfile.LNKTYPE),
            "l3": link("l3", ".."),
            "l3/z.conll": CONLL,
            "dev": link("dev", "", tarfile.CHRTYPE),
            "fifo": link("fifo", "", tarfile.FIFOTYPE),
        }
    raw = tar_of(files) if kind == "tar" else zip_of(files)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "h").write_bytes(raw)
    before = tree(tmp_path)
    copies = Copies(tmp_path / "home" / "tmp" / "copies")
    sources, skipped = discover([tmp_path / "in" / "h"], copies=copies)
    after = tree(tmp_path)
    new = [
        path
        for path in after
        if path not in before and path not in (tmp_path / "home", tmp_path / "home/tmp")
    ]
    assert all(path.is_relative_to(copies.folder) for path in new)
    assert not any(path.is_symlink() for path in new)
    assert {path: after[path] for path in before} == before
    names = {source.name for source in sources}
    assert {"h/ok.conll", "h/tmp/abs.conll", "h/-rf", "h/$(touch x)", f"h/{'n' * 300}.conll"} <= names
    assert not any(".." in name for name in names)
    reasons = {reason for _, reason in skipped}
    assert {"a name that leads out of the archive", "a name with control characters"} <= reasons
    assert len(sources) + len(skipped) == len(files)
    copies.remove()
    assert tree(tmp_path / "in") == {tmp_path / "in" / "h": raw}


def test_a_name_that_comes_twice_is_read_twice(tmp_path):
    (tmp_path / "d.zip").write_bytes(
        zip_of({"a.conll": CONLL, "b.conll": CONLL * 2}).replace(b"b.conll", b"a.conll")
    )
    sources, _ = discover([tmp_path / "d.zip"], copies=Copies(tmp_path / "copies"))
    assert [(s.name, s.size) for s in sources] == [
        ("d.zip/a.conll", len(CONLL)),
        ("d.zip/a.conll~2", 2 * len(CONLL)),
    ]


def test_archives_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.zip").write_bytes(zip_of({"t.conll": CONLL}))
    paths = [tmp_path / folder / "x.zip" for folder in ("a", "b")]
    sources, _ = discover(paths, copies=Copies(tmp_path / "copies"))
    assert [s.name for s in sources] == ["a/x.zip/t.conll", "b/x.zip/t.conll"]


@pytest.mark.parametrize("inner", ["i.zip", "i.tar", "i.tar.gz"])
@pytest.mark.parametrize("outer", ["zip", "tar"])
def test_an_archive_inside_an_archive_is_refused_with_the_reason(tmp_path, inner, outer):
    packed = zip_of(FILES) if inner == "i.zip" else ZIPPED[inner[5:]](tar_of(FILES))
    if outer == "zip":
        raw = zip_of({inner: packed})
    else:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            info = tarfile.TarInfo(inner)
            info.size = len(packed)
            archive.addfile(info, io.BytesIO(packed))
        raw = out.getvalue()
    with pytest.raises(BadInput, match="archive inside an archive, which is to be unpacked first") as error:
        found_in(tmp_path, "o", raw)
    assert error.value.exit_code == 3


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "BOMB_FROM", 1 << 20)
    files = {"a.conll": CONLL, "b.txt": "0" * (1 << 22)}
    raw = zip_of(files) if kind == "zip" else gzip.compress(tar_of(files))
    with pytest.raises(
        BadInput, match=r"at most [\d,]+ bytes when unpacked \(200 times its size, or 1 GiB\)"
    ):
        found_in(tmp_path, f"b.{kind}", raw)
    assert sum(path.stat().st_size for path in (tmp_path / "copies").rglob("*.*")) <= len(CONLL)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_members_stop_at_the_limit(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 50)
    files = {f"{n}.txt": "x" for n in range(51)}
    with pytest.raises(BadInput, match="at most 50 members in an archive"):
        found_in(tmp_path, f"m.{kind}", zip_of(files) if kind == "zip" else tar_of(files))


def test_a_table_of_contents_that_lies_about_its_members_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_LARGEST_DIRECTORY", 1000)
    raw = bytearray(zip_of({f"{n}.txt": "x" for n in range(51)}))
    struct.pack_into("<HH", raw, raw.rfind(b"PK\x05\x06") + 8, 1, 1)
    with pytest.raises(BadInput, match="members in an archive"):
        found_in(tmp_path, "m.zip", bytes(raw))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_cut_archive_is_bad_input(tmp_path, kind, share):
    text = "".join(random.Random(1).choices("abcdefgh \n", k=100_000))
    files = {"a.txt": text, "b.txt": text[::-1]}
    raw = {"zip": zip_of, "tar": tar_of, "tar.gz": lambda files: gzip.compress(tar_of(files))}[kind](files)
    with pytest.raises(BadInput, match="expected a whole archive"):
        found_in(tmp_path, f"x.{kind}", raw[: int(len(raw) * share)])


def test_a_damaged_header_in_the_middle_of_a_tar_archive_is_an_error(tmp_path):
    raw = bytearray(tar_of({"a.txt": "x" * 600, "b.txt": "y" * 600}, tarfile.USTAR_FORMAT))
    raw[512 * 3 + 148] ^= 1
    with pytest.raises(BadInput, match="expected a whole archive"):
        found_in(tmp_path, "x.tar", bytes(raw))


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_archive_is_read_or_bad_input(tmp_path, seed):
    draw = random.Random(seed)
    raw = bytearray((zip_of if seed % 2 else tar_of)(FILES))
    for _ in range(draw.choice([1, 3, 30])):
        raw[draw.randrange(len(raw))] = draw.randrange(256)
    with contextlib.suppress(BadInput):
        found_in(tmp_path, "x", bytes(raw))


def test_documents_of_office_programs_are_no_archives(tmp_path):
    (tmp_path / "a.docx").write_bytes(zip_of({"[Content_Types].xml": "<x/>", "word/document.xml": "<w/>"}))
    (tmp_path / "b.conll").write_text(CONLL)
    sources, skipped = discover([tmp_path], copies=Copies(tmp_path / "copies"))
    assert [s.name for s in sources] == ["b.conll"]
    reason = "a document or package of a program, not an archive of files"
    assert skipped == [(tmp_path / "a.docx", reason)]


@pytest.mark.parametrize("raw", [b"", b"text", b"PK", bytes(512), b"a" * 600])
def test_other_files_are_no_archives(raw):
    assert archive_kind(raw) is None
