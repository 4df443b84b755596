"""GFF3 as NCBI, Ensembl, Prokka, Bakta and Prodigal write it is read without a quarantined line."""

import pytest

from elman.data.formats.common.options import Options
from elman.data.genome.contigs import Contig
from elman.data.sources.reading import collect_sources, read

BASES = "ACGT" * 75  # 300 bases

STYLES = {
    "ncbi": ("NC_1.3", [(0, 20, "CDS"), (9, 39, "CDS"), (49, 79, "pseudogene"), (290, 300, "CDS")]),
    "ensembl": ("1", [(12, 40, "CDS"), (60, 80, "CDS")]),
    "prokka": (None, [(9, 39, "CDS")]),
    "bakta": (None, [(9, 39, "CDS"), (49, 79, "pseudogene")]),
    "prodigal": ("k141_1", [(0, 39, "CDS"), (49, 79, "CDS")]),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_line_is_read(checkout, tmp_path, style, end):
    contig, expected = STYLES[style]
    text = (checkout / "tests" / "fixtures" / "gff3" / f"{style}.gff3").read_text()
    (tmp_path / "g.gff3").write_bytes(text.replace("\n", end).encode())
    if contig is not None:
        (tmp_path / "g.fna").write_text(f">{contig}\n{BASES}\n")
    (source,), skipped = collect_sources([tmp_path])
    (record,) = read(source, Options())
    assert isinstance(record, Contig)
    assert [(f.start, f.end, f.label) for f in record.features] == expected
    assert record.circular == (style in ("ncbi", "bakta"))
    assert skipped == []
