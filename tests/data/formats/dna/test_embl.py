"""EMBL: the genes of the same entry as GenBank, and bad entries that cost only themselves."""

import io

import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqFeature import SeqFeature, SimpleLocation
from Bio.SeqRecord import SeqRecord

from elman.data.formats.common.options import Options
from elman.data.formats.common.records import Quarantined
from elman.data.formats.common.slices import SliceSize
from elman.data.formats.dna.embl import EMBL
from elman.data.formats.dna.genbank import GENBANK
from elman.data.sources.reading import collect_sources
from elman.data.sources.splitting import read_slice, split_source

ENTRY = """\
ID   {id}; SV 1; {topology}; genomic DNA; STD; PRO; 1200 BP.
XX
AC   {id};
XX
FH   Key             Location/Qualifiers
FH
FT   source          1..1200
FT   CDS             {location}
FT                   /product="a long
FT                   name"
XX
SQ   Sequence 1200 BP; 300 A; 300 C; 300 G; 300 T; 0 other;
{bases}//
"""
BASES = "".join(f"     {' '.join(['acgtacgtac'] * 6)}{60 * (n + 1):10}\n" for n in range(20))


def entry(id="X56734", location="1..9", topology="linear", bases=BASES) -> bytes:
    return ENTRY.format(id=id, location=location, topology=topology, bases=bases).encode()


def read(raw: bytes):
    return list(EMBL.read(io.BytesIO(raw), "x.embl", Options()))


def test_an_entry_is_a_contig_with_its_features():
    (contig,) = read(entry(location="complement(4..9)"))
    assert (contig.id, contig.length, contig.bases[:12]) == ("X56734.1", 1200, "acgtacgtacac")
    assert [(f.start, f.end, f.strand, f.label) for f in contig.features] == [(3, 9, "-", "CDS")]


def test_a_location_over_the_origin_of_a_circle_is_used_without_complaint():
    (contig,) = read(entry(topology="circular", location="1171..30"))
    assert contig.circular
    assert [(f.start, f.end, f.phase) for f in contig.features] == [(0, 30, 0), (1170, 1200, 0)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (entry(bases=""), "empty-record"),
        (entry(bases="     xxxx 4\n"), "not-dna"),
        (entry("A"), "duplicate-id"),
        (b"ID   what is this BP.\nSQ   x\n     acgt 4\n//\n", "bad-embl"),
        (entry("B")[:-40], "truncated"),
        (entry("B", location="1..1201"), "outside-contig"),
        (entry("\xe9").decode().encode("latin-1"), "invalid-utf8"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(raw, reason):
    records = read(entry("A") + raw)
    assert [record.reason for record in records if isinstance(record, Quarantined)] == [reason]
    assert records[0].id == "A.1"


def test_it_reads_as_the_same_entry_in_genbank():
    feature = SeqFeature(SimpleLocation(3, 33, -1), type="CDS", qualifiers={"codon_start": ["2"]})
    record = SeqRecord(Seq("ACGT" * 70), id="AB1.2", name="AB1", features=[feature])
    record.annotations = {"molecule_type": "DNA", "topology": "circular"}
    found = {}
    for kind, reader in (("embl", EMBL.read), ("genbank", GENBANK.read)):
        out = io.StringIO()
        SeqIO.write([record], out, kind)
        (contig,) = reader(io.BytesIO(out.getvalue().encode()), "x", Options())
        found[kind] = (contig.id, contig.bases.upper(), contig.features, contig.circular)
    assert found["embl"] == found["genbank"]


@pytest.mark.parametrize("size", [1, 3000])
def test_it_is_known_by_its_content_and_cut_after_entries(tmp_path, size):
    (tmp_path / "x.dat").write_bytes(b"".join(entry(f"A{n % 5}") for n in range(8)))
    (source,), _ = collect_sources([tmp_path])
    assert source.kind == "embl"
    slices = split_source(source, Options(), SliceSize.of(size))
    records = [record for slice_ in slices for record in read_slice(source, slice_, Options())]
    assert len(slices) > 2
    whole = list(EMBL.read((tmp_path / "x.dat").open("rb"), "x.dat", Options()))
    assert records == whole
    assert [record.id if not isinstance(record, Quarantined) else record.reason for record in whole] == [
        *(f"A{n}.1" for n in range(5)),
        *["duplicate-id"] * 3,
    ]


def test_features_without_their_heading_are_read():
    raw = entry()
    bare = b"".join(line for line in raw.splitlines(keepends=True) if not line.startswith(b"FH"))
    found = [list(EMBL.read(io.BytesIO(some), "x", Options())) for some in (raw, bare)]
    assert found[0] == found[1]
    assert [(feature.start, feature.end) for feature in found[1][0].features] == [(0, 9)]
