"""EMBL entries as a stream, parsed by Biopython as those of GenBank are; see `data.formats.dna.genbank`.

Format: https://ena-docs.readthedocs.io/en/latest/submit/fileprep/flat-file-example.html and the release notes
of EMBL, https://ftp.ebi.ac.uk/pub/databases/embl/doc/usrman.txt.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import EntryPattern
from elman.data.formats.dna.genbank import FlatFile, entries_of, read_entries
from elman.data.formats.registry import Head, SequenceFormat, register
from elman.data.genome.contigs import Contig

_ID = re.compile(r"(?P<accession>[^\s;]+)(\s*;\s*SV\s+(?P<version>\d+))?")


def _id_of(line: str) -> str:
    """Accession and version of an entry, as in `X56734.1`, from what follows ID in its first line."""
    match = _ID.match(line.strip())
    if match is None:
        return ""
    return f"{match['accession']}.{match['version']}" if match["version"] else match["accession"]


_EMBL = FlatFile(
    parser="embl",
    title="EMBL",
    reason="bad-embl",
    sequence=b"SQ ",
    numbers=re.compile(rb"[0-9]+[ \t\r\n]*$"),
    id_of=lambda line: _id_of(line.decode("utf-8", "surrogateescape").removeprefix("ID")),
)
_ENTRIES = EntryPattern(
    re.compile(rb"\n(?://[ \t\r]*|ID {3}([^\n]*))(?=\n)"), False, re.compile(rb"\n"), _id_of
)


def read_embl(
    stream: BinaryIO,
    source: str,
    options: Options,
    *,
    byte_offset: int = 0,
    line: int = 1,
    seen: set[str] | None = None,
) -> Iterator[Contig | Quarantined]:
    """Read EMBL entries; see `data.formats.dna.genbank.read_genbank`."""
    entries = entries_of(_EMBL, stream, line, byte_offset, options.spool)
    return read_entries(_EMBL, entries, source, options, set() if seen is None else seen)


def _matches(head: Head) -> bool:
    return re.match(r"ID {3}\S.*\bBP\.?\s*$", head.first) is not None


register(
    SequenceFormat(
        name="embl",
        rank=21,
        matches=_matches,
        read=read_embl,
        entries=_ENTRIES,
        has_features=True,
        title="EMBL",
        record="an entry",
        notes="sequence, features and topology",
        hint="EMBL",
        reasons={
            "invalid-utf8": "bytes that are not UTF-8",
            "bad-embl": "an entry that cannot be parsed",
            "empty-record": "an entry without a sequence",
            "not-dna": "a sequence with characters that are not IUPAC DNA or RNA",
            "duplicate-id": "an entry with the id of an earlier one",
            "bad-location": "a feature whose location cannot be read",
            "outside-contig": "a feature that lies outside its contig",
            "truncated": "the file breaks off or is damaged there",
        },
    )
)
