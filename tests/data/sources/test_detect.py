"""Sources are detected by content, and opened."""

import gzip
import json
import os
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from elman.data.errors import BadInput
from elman.data.formats.common import streams
from elman.data.sources.detect import discover, open_bytes

CONLL = "John\tB-PER\nsleeps\tO\n.\tO\n\n"
SAMPLES = {
    "a.conll": ("conll", CONLL),
    "b.txt": ("conll", "1 John B-PER - -\n2 sleeps O - -\n"),
    "c": ("jsonl", '{"id": "1", "text": "a b"}\n'),
    "d.jsonl": ("jsonl", '{"id": broken\n'),
    "e.fa": ("fasta", ">x y\nACGT\n"),
    "f.data": ("fasta", "ACGTNNACGTTTACGGACGTACGT\nACGT\n"),
    "g.gff3": ("gff3", "##gff-version 3\n"),
    "h": ("gff3", "c\tx\tCDS\t1\t30\t.\t+\t0\tID=a\n"),
    "i.gb": ("genbank", "LOCUS       X 5028 bp DNA\n"),
    "j.txt": ("plain", "It was the best of times,\nit was the worst of times.\n"),
    "k.txt": ("plain", "> quoted mail, he said\n> and more, of 3\n"),
    "l.txt": ("plain", "台北今天下雨。\n"),
    "m.conll": ("conll", "John B-PER\nlives\n\nMary B-PER here\n"),
    "n.conll": ("conll", "John Q-PER\nlives PER\n"),
}
NOT_CORPORA = {
    "README.md": "about the corpus",
    "readme": "about the corpus",
    "notes.md": "about the corpus",
    "LICENSE": "about the corpus",
    "licence.txt": "about the corpus",
    "split.tsv": "table without a column of tags",
    "x.csv": "table without a column of tags",
    "kaggle.csv": "token a row, with commas",
    "table.txt": "table without a column of tags",
    "x.json": "JSON",
    "list.txt": "JSON",
    "page.txt": "markup",
    "run.py": "no prose",
    "u.txt": "UTF-16 without a byte order mark: give --encoding utf-16-le",
    "w.txt": "give --encoding utf-32",
    "p.txt": "PDF",
    "x.xls": "Excel",
    "b.txt": "binary",
    "x.zip": "zip archive",
    ".hidden": "hidden file",
}
CONTENT = {
    "split.tsv": b"doc1\ttrain\ndoc2\ttest\n",
    "table.txt": b"doc1\ttrain\ndoc2\ttest\n",
    "x.csv": b"a,b\n1,2\n",
    "kaggle.csv": b"Sentence #,Word,POS,Tag\nSentence: 1,of,IN,O\n,London,NNP,B-geo\n",
    "x.json": b'{"a": 1}\n',
    "list.txt": b"[\n1,\n2]\n",
    "page.txt": b"<!DOCTYPE html>\n<p>a\n",
    "u.txt": CONLL.encode("utf-16-le"),
    "w.txt": CONLL.encode("utf-32"),
    "p.txt": b"%PDF-1.4\n",
    "x.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "b.txt": bytes(range(32)) * 9,
    "x.zip": b"PK\x03\x04 and so on",
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_the_kind_shows_in_the_first_bytes(tmp_path, name, ending):
    kind, text = SAMPLES[name]
    pack = {"": bytes, ".gz": gzip.compress, ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True)}[
        ending
    ]
    path = tmp_path / (name + ending)
    path.write_bytes(pack(text.encode()))
    (source,), skipped = discover([path])
    assert (source.kind, source.compression, source.name) == (kind, ending[1:] or None, path.name)
    assert skipped == []
    with open_bytes(source) as stream:
        assert stream.read() == text.encode()


def test_compression_is_told_by_content_and_not_by_name(tmp_path):
    (tmp_path / "a.conll.gz").write_text(CONLL)
    (tmp_path / "b.conll").write_bytes(gzip.compress(CONLL.encode()))
    found, _ = discover([tmp_path])
    assert [source.compression for source in found] == [None, "gz"]
    assert [open_bytes(source).read() for source in found] == [CONLL.encode()] * 2


def test_a_folder_gives_its_corpora_and_lists_the_rest_with_reasons(tmp_path):
    for name in NOT_CORPORA:
        (tmp_path / name).write_bytes(CONTENT.get(name, b"Some prose here.\n"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "x.conll").write_text(CONLL)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "y.conll").write_text(CONLL)
    os.mkfifo(tmp_path / "pipe")
    found, skipped = discover([tmp_path])
    assert [source.name for source in found] == ["deep/er/x.conll"]
    reasons = {path.name: reason for path, reason in skipped}
    assert set(reasons) == {*NOT_CORPORA, ".git", "pipe"}
    for name, part in NOT_CORPORA.items():
        assert part in reasons[name]


@pytest.mark.parametrize("name", ["split.tsv", "x.zip", "b.txt", "u.txt"])
def test_a_file_named_itself_that_is_no_corpus_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(CONTENT[name])
    with pytest.raises(BadInput, match=rf"{name}: expected a corpus\. Got .*\. Give CoNLL"):
        discover([tmp_path / name])


def test_plain_text_may_be_utf16(tmp_path):
    (tmp_path / "x.txt").write_bytes("Some prose here.\n".encode("utf-16"))
    assert discover([tmp_path])[0][0].kind == "plain"


def test_prose_about_a_corpus_is_prose_when_it_is_named_itself(tmp_path):
    (tmp_path / "README.md").write_text("Some prose here.\n")
    assert discover([tmp_path / "README.md"])[0][0].kind == "plain"
    with pytest.raises(BadInput, match=r"README\.md: about the corpus"):
        discover([tmp_path])


def test_a_link_to_itself_is_skipped_in_a_folder_and_refused_by_name(tmp_path):
    (tmp_path / "x.conll").write_text(CONLL)
    (tmp_path / "self").symlink_to("self")
    found, skipped = discover([tmp_path])
    assert [source.name for source in found] == ["x.conll"]
    assert skipped == [(tmp_path / "self", "no regular file")]
    with pytest.raises(BadInput, match=r"self: .*Got a link that leads to itself"):
        discover([tmp_path / "self"])


def test_a_pipe_named_by_the_user_is_refused_with_the_way_to_read_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match=r"pipe: .*Got a pipe\. Give - for standard input"):
        discover([tmp_path / "pipe"])
    with pytest.raises(BadInput, match=r"null: .*Got a device or socket"):
        discover([Path("/dev/null")])


def test_a_missing_file_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="nothing there"):
        discover([tmp_path / "x.conll"])


@pytest.mark.parametrize("content", [b"", b" \n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_bad_input_by_name_and_skipped_in_a_folder(tmp_path, content):
    (tmp_path / "_SUCCESS").write_bytes(content)
    (tmp_path / "y.conll").write_text(CONLL)
    with pytest.raises(BadInput, match=r"_SUCCESS: expected a corpus\. Got an empty file"):
        discover([tmp_path / "_SUCCESS"])
    (source,), ((skipped, reason),) = discover([tmp_path])
    assert (source.name, skipped.name) == ("y.conll", "_SUCCESS")
    assert reason.startswith("an empty file")


@pytest.mark.parametrize(
    "name",
    [
        "Thumbs.db",
        "desktop.ini",
        "~$notes.txt",
        "_committed_71",
        "_started_71",
        "_metadata",
        "_delta_log/0.json",
        "_temporary/0/a.txt",
        "__MACOSX/y.conll",
    ],
)
def test_files_of_other_systems_are_skipped_in_a_folder_and_listed(tmp_path, name):
    path = tmp_path / "part" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"Ann left.\n")
    (tmp_path / "y.conll").write_text(CONLL)
    (source,), skipped = discover([tmp_path])
    assert source.name == "y.conll"
    assert skipped == [(path, "a file of another system, not of the corpus")]


def test_a_file_named_as_those_of_other_systems_is_read_where_the_user_names_it(tmp_path):
    (tmp_path / "_started_71").write_text("Ann left.\n")
    ((source,), _) = discover([tmp_path / "_started_71"])
    assert source.kind == "plain"


def test_a_linked_folder_is_read_once_and_a_loop_is_skipped(tmp_path):
    inside, outside = tmp_path / "s", tmp_path / "e"
    inside.mkdir()
    outside.mkdir()
    (outside / "a.txt").write_text("Oslo.\n")
    (inside / "b.txt").write_text("Rome.\n")
    (inside / "train").symlink_to(outside)
    (inside / "again").symlink_to(inside)
    sources, skipped = discover([inside])
    assert sorted((source.name, source.split) for source in sources) == [
        ("b.txt", None),
        ("train/a.txt", "train"),
    ]
    assert [(path.name, reason) for path, reason in skipped] == [
        ("again", "a link to a folder that is read already")
    ]


@pytest.mark.parametrize("name", ["d.json", "d.txt"])
@pytest.mark.parametrize("text", ["x " * 40_000, "Anna\u2028Brown"])
def test_json_lines_are_known_whatever_their_name_and_length(tmp_path, name, text):
    line = json.dumps({"text": text, "spans": []}, ensure_ascii=False) + "\n"
    (tmp_path / name).write_text(line, encoding="utf-8")
    ((source,), _) = discover([tmp_path / name])
    assert source.kind == "jsonl"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.tsv.gz", "train"),
        ("proper_names.dev.conll", "dev"),
        ("devel.tsv", "dev"),
        ("eng-valid_1.txt", "dev"),
        ("VAL.conllu", "dev"),
        ("zh-ud-test.iob2", "test"),
        ("contest.txt", None),
        ("trains.txt", None),
        ("train_and_test.txt", None),
        ("test/part1.txt", "test"),
        ("train/dev.txt", "dev"),
    ],
)
def test_the_split_stands_in_the_name(tmp_path, name, split):
    path = tmp_path / "top" / name
    path.parent.mkdir(parents=True)
    path.write_text(CONLL)
    assert discover([tmp_path / "top"])[0][0].split == split


def test_names_differ_and_the_same_file_counts_once(tmp_path):
    for name in ("a/x.conll", "b/x.conll", "b/c/x.conll"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(CONLL)
    paths = [tmp_path / "a" / "x.conll", tmp_path / "b", tmp_path / "b" / "x.conll"]
    assert [source.name for source in discover(paths)[0]] == ["a/x.conll", "b/x.conll", "c/x.conll"]
    assert discover(paths) == discover([*paths[::-1], tmp_path / "a" / ".." / "a" / "x.conll"])


def test_a_name_that_is_no_unicode_can_be_written_in_tables(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.conll")).write_text(CONLL)
    assert discover([tmp_path])[0][0].name == "\\xff.conll"


def test_only_the_family_asked_for_is_taken(tmp_path):
    (tmp_path / "a.conll").write_text(CONLL)
    (tmp_path / "b.fa").write_text(">x\nACGT\n")
    assert [s.name for s in discover([tmp_path], family="dna")[0]] == ["b.fa"]
    assert [s.name for s in discover([tmp_path], family="text")[0]] == ["a.conll"]
    assert [s.family for s in discover([tmp_path])[0]] == ["text", "dna"]
    with pytest.raises(BadInput, match="Got conll, not dna"):
        discover([tmp_path / "a.conll"], family="dna")


def test_columns_named_by_the_user_make_a_corpus_of_a_table(tmp_path):
    (tmp_path / "a.tsv").write_text("John\tperson\nsleeps\tnone\n")
    assert discover([tmp_path / "a.tsv"], columns=True)[0][0].kind == "conll"


@pytest.mark.parametrize(("name", "row"), [("a.csv", "key,gold"), ("a.tsv", "key\tgold")])
def test_a_table_without_the_column_named_is_refused_with_those_it_has(tmp_path, name, row):
    (tmp_path / name).write_text(f"{row}\n{row}\n")
    message = f"{name}: .*a table of the columns key, gold, without 'body' that --text-column names"
    with pytest.raises(BadInput, match=message):
        discover([tmp_path / name], text_column="body")
    (tmp_path / "b.txt").write_text("Some text, and more.\n")
    _, ((path, reason),) = discover([tmp_path], text_column="body")
    assert (path.name, "columns key, gold" in reason) == (name, True)


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_file_that_is_cut_off_says_so_when_it_is_read(tmp_path, ending):
    raw = os.urandom(200_000).hex().encode()
    packed = gzip.compress(raw) if ending == ".gz" else pa.compress(raw, "zstd", asbytes=True)
    path = tmp_path / f"x.txt{ending}"
    path.write_bytes(packed[: len(packed) // 2])
    (source,), _ = discover([path])
    with open_bytes(source) as stream, pytest.raises((EOFError, OSError, zlib.error)):
        stream.read()


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_members_one_after_the_other_are_all_read(tmp_path, ending):
    pack = gzip.compress if ending == ".gz" else lambda raw: pa.compress(raw, "zstd", asbytes=True)
    path = tmp_path / f"x.txt{ending}"
    path.write_bytes(pack(b"one line\n") + pack(b"two lines\n"))
    with open_bytes(discover([path])[0][0]) as stream:
        assert stream.readlines() == [b"one line\n", b"two lines\n"]


def test_a_bomb_stops_at_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "BOMB_FROM", 1 << 20)
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"all the same\n" * 1_000_000))
    with (
        open_bytes(discover([path])[0][0]) as stream,
        pytest.raises(BadInput, match="at most 200 times the size"),
    ):
        list(iter(lambda: stream.read(1 << 16), b""))


def test_real_corpora_are_recognised(corpora):
    found, skipped = discover([corpora / "text" / "litbank"])
    assert [(s.name, s.kind, s.split) for s in found] == [
        ("proper_names.dev.conll", "conll", "dev"),
        ("proper_names.test.conll", "conll", "test"),
        ("proper_names.train.conll.gz", "conll", "train"),
    ]
    assert {path.name for path, _ in skipped} == {"README.md", "entities_tsv.tar.gz", "split.tsv"}
    found, _ = discover([corpora / "text" / "ncbi-disease"])
    assert [(s.name, s.split) for s in found] == [
        ("devel.tsv", "dev"),
        ("test.tsv", "test"),
        ("train.tsv.gz", "train"),
    ]
    kinds = {s.kind for s in discover([corpora / "text" / "gutenberg100"])[0]}
    assert kinds == {"plain"}
    kinds = [s.kind for s in discover([corpora / "dna" / "ecoli_k12_mg1655"])[0]]
    assert kinds == ["fasta", "gff3", "gff3"]
