"""EMBL entries as a stream, parsed by Biopython as those of GenBank are; see `data.formats.dna.genbank`.

Format: https://ena-docs.readthedocs.io/en/latest/submit/fileprep/flat-file-example.html and the release notes
of EMBL, https://ftp.ebi.ac.uk/pub/databases/embl/doc/usrman.txt.
"""

import re

from elman.data.formats.common.slices import EntryPattern
from elman.data.formats.dna.genbank import FlatFile
from elman.data.formats.registry import Head, SequenceFormat, register

_ID = re.compile(r"(?P<accession>[^\s;]+)(\s*;\s*SV\s+(?P<version>\d+))?")


def _id_of(line: str) -> str:
    """Accession and version of an entry, as in `X56734.1`, from what follows ID in its first line."""
    match = _ID.match(line.strip())
    if match is None:
        return ""
    return f"{match['accession']}.{match['version']}" if match["version"] else match["accession"]


EMBL = FlatFile(
    parser="embl",
    title="EMBL",
    reason="bad-embl",
    sequence=re.compile(rb"SQ\s"),
    numbers=re.compile(rb"[0-9]+[ \t\r\n]*$"),
    id_of=lambda line: _id_of(line.decode("utf-8", "surrogateescape").removeprefix("ID")),
    heading="FH   Key             Location/Qualifiers",
    prefix="FT",
)
_ENTRIES = EntryPattern(
    re.compile(rb"\n(?://[ \t\r]*|ID {3}([^\n]*))(?=\n)"), False, re.compile(rb"\n"), _id_of
)


def _matches(head: Head) -> bool:
    return re.match(r"ID {3}\S.*\bBP\.?\s*$", head.first) is not None


register(
    SequenceFormat(
        name="embl",
        rank=21,
        matches=_matches,
        read=EMBL.read,
        entries=_ENTRIES,
        has_features=True,
        title="EMBL",
        record="an entry",
        notes="sequence, features and topology",
        hint="EMBL",
        reasons=EMBL.reasons,
    )
)
