"""A small valid file of each input format, with the files it needs beside it and how many records it has."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

BASES = "ATGAAACCCGGGTTTTAA" * 4  # 72 bases


@dataclass(frozen=True)
class Sample:
    """A file: its name, content and number of records, files beside it by name, and options."""

    name: str
    raw: bytes
    records: int
    beside: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


def _json_lines(*values: object) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def _table(write: Callable[[pa.Table, io.BytesIO], None]) -> bytes:
    out = io.BytesIO()
    write(pa.table({"text": ["Ann left Oslo\U0001f600.", "He\r\nstayed."], "n": [1, 2]}), out)
    return out.getvalue()


def _arrow(table: pa.Table, out: io.BytesIO) -> None:
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


_TASKS = [
    {
        "id": number,
        "data": {"text": "Ann met Tom\U0001f600 in Oslo."},
        "annotations": [
            {
                "result": [
                    {"type": "labels", "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}}
                ]
            }
        ],
    }
    for number in range(2)
]
_GENBANK = f"""\
LOCUS       A1                        72 bp    DNA     linear   BCT 01-JAN-2020
DEFINITION  test.
ACCESSION   A1
VERSION     A1.1
FEATURES             Location/Qualifiers
     source          1..72
     CDS             complement(join(1..18,37..54))
                     /product="a; b"
ORIGIN
        1 {BASES[:60].lower()}
       61 {BASES[60:].lower()}
//
"""
_EMBL = f"""\
ID   A1; SV 1; linear; genomic DNA; STD; PRO; 72 BP.
XX
AC   A1;
XX
FH   Key             Location/Qualifiers
FH
FT   CDS             complement(join(1..18,37..54))
FT                   /product="a; b"
XX
SQ   Sequence 72 BP; 20 A; 16 C; 16 G; 20 T; 0 other;
     {BASES[:60].lower()}        60
     {BASES[60:].lower()}        72
//
"""
_FASTA = f">c1 x\n{BASES[:40]}\n{BASES[40:]}\n>c2 topology=circular\n{BASES.lower()}\n".encode()

_TEXT = {"text_column": "text"}

SAMPLES = {
    "delimited": Sample("a.csv", b'id,text\r\n1,"Ann, ""x""\r\nleft"\r\n2,Oslo\r\n', 2, {}, _TEXT),
    "parquet": Sample("a.parquet", _table(pq.write_table), 2, {}, _TEXT),
    "arrow": Sample("a.arrow", _table(_arrow), 2, {}, _TEXT),
    "plain": Sample("a.txt", "Ann met Tom. She left Oslo, “quickly”.\r\nHe stayed \U0001f600.\n".encode(), 1),
    "conll": Sample("a.conll", b"# text\nAnn\tB-PER\nleft\tO\nOslo\tB-LOC\n\nHe\tO\nstayed\tO\n\n", 2),
    "jsonl": Sample(
        "a.jsonl",
        _json_lines(
            {
                "id": "1",
                "text": "Ann left Oslo\U0001f600.",
                "spans": [{"start": 0, "end": 3, "label": "PER"}],
            },
            {"text": "Nothing\r\nhere.", "spans": []},
        ),
        2,
    ),
    "token_jsonl": Sample(
        "a.json",
        _json_lines(
            {"tokens": ["Ann", "left"], "ner_tags": ["B-PER", "O"]}, {"tokens": ["He"], "ner_tags": ["O"]}
        ),
        2,
    ),
    "label_studio": Sample("export.json", json.dumps(_TASKS).encode(), 2),
    "pubtator": Sample(
        "a.pubtator",
        b"1|t|Aspirin works.\n1|a|It helps Ann.\n1\t0\t7\tAspirin\tChemical\tD1\n\n2|t|Two.\n2|a|More.\n\n",
        2,
    ),
    "sentence_lines": Sample("a.txt", b"Ann left. She ran\nOslo\n", 1, {}, {"sentence_per_line": True}),
    "brat": Sample("a.txt", b"Ann left Oslo.\n", 1, {"a.ann": b"T1\tPER 0 3\tAnn\nT2\tLOC 9 13\tOslo\n"}),
    "fasta": Sample("g.fna", _FASTA, 2),
    "fastq": Sample("r.fastq", b"@r1 1:N:0\nACGTN\n+\n@+I>I\n@r2\nACG\n+r2\nIII\n", 2),
    "genbank": Sample("g.gb", _GENBANK.encode(), 1),
    "embl": Sample("g.embl", _EMBL.encode(), 1),
    "gff3": Sample(
        "g.gff3",
        b"##gff-version 3\nc1\tx\tgene\t1\t18\t.\t+\t.\tID=g;Name=a%3B b\n"
        b"c1\tx\tCDS\t1\t18\t.\t+\t0\tID=c;Parent=g\n",
        2,
        {"g.fna": _FASTA},
    ),
    "bed": Sample(
        "g.bed",
        b"track name=x\nc1\t0\t18\tg\t0\t+\nc2\t0\t72\th\t0\t-\t18\t54\t0\t2\t30,20,\t0,52,\n",
        2,
        {"g.fna": _FASTA},
    ),
    "abc": Sample(
        "t.abc",
        b'X:1\nT:One\nM:4/4\nL:1/4\nK:D\n|:"D"D2 ^F/[FA]|1 (3abc- c>d:|\n\nX:2\nM:3/4\nK:C\nc,4|]\n',
        2,
    ),
    "midi": Sample(
        "m.mid",
        b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x0c\0\x90\x3c\x40\x83\x60\x3c\0\0\xff\x2f\0",
        1,
    ),
    "musicxml": Sample(
        "s.musicxml",
        b'<?xml version="1.0"?><score-partwise><part-list/><part id="P1"><measure number="1"><note><pitch>'
        b"<step>C</step><octave>4</octave></pitch><duration>1</duration></note></measure></part></score-partwise>",
        1,
    ),
    "rolls": Sample("r.json", b'{"train": [[[60, 64], []], [[72]]], "test": [[[21, 108]]]}', 3),
}
