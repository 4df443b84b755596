"""`elman tag` on DNA: formats agree, and inputs that are the same genome give the same genes."""

import shutil
from dataclasses import replace
from pathlib import Path

import gffutils
import polars as pl
import pytest
from Bio import SeqIO, bgzf
from Bio.Data import CodonTable
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

from elman.data.errors import UsageError
from elman.data.genome import genome_model, spooled_sequence
from elman.data.starts.spacing import FIRSTS
from elman.data.store.dataset import Dataset
from elman.flows.cli import main
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.models import gene_finder
from elman.tasks.models.gene_presets import dna_preset

pytestmark = pytest.mark.heavy


@pytest.fixture
def folder(finder, write_finder) -> Path:
    """The model folder of the finder."""
    return write_finder(finder)


def test_all_formats_have_the_same_genes_and_their_proteins(folder, ecoli, tmp_path):
    fasta, out = tmp_path / "x.fa", tmp_path / "out"
    turned = ecoli.bases[20_500:40_000] + ecoli.bases[20_000:20_500]
    fasta.write_text(f">linear\n{ecoli.bases[:20_000]}\n>round circular=true\n{turned}\n")
    done = tag.fn(TagConfig(model=str(folder), sources=(fasta,), out=out, format="gff3,bed,faa")).to_json()
    frame = Dataset.open(out).scan("data").collect()
    bases = {record.id: record.seq for record in SeqIO.parse(fasta, "fasta")}
    database = gffutils.create_db(str(out / "tags.gff3"), ":memory:", merge_strategy="create_unique")
    found: dict[str, list] = {}
    for line in (out / "tags.gff3").read_text().splitlines():
        if "\tCDS\t" in line:
            feature = gffutils.feature.feature_from_line(line)
            found.setdefault(feature.attributes["ID"][0], []).append(feature)
    assert len(found) == done["rows"] == len(frame) > 20
    assert database.count_features_of_type("CDS") == sum(map(len, found.values()))
    for protein in SeqIO.parse(out / "tags.faa", "fasta"):
        (part,) = found.pop(protein.id)
        strand = (bases[part.seqid] * 2)[part.start - 1 : part.end]  # one ends beyond its circle
        coding = strand if part.strand == "+" else strand.reverse_complement()
        codons = coding[int(part.frame) :]
        translated = str(codons[: len(codons) // 3 * 3].translate(table=11)).removesuffix("*")
        assert "*" not in translated
        assert translated[1:] == str(protein.seq)[1:]
    assert not found
    bed = [line.split("\t") for line in (out / "tags.bed").read_text().splitlines()]
    whole = frame.filter(pl.col("end") <= 20_000).select("contig", "end", "strand")
    assert {(b[0], int(b[2]), b[5]) for b in bed} >= set(whole.rows())


def test_candidate_starts_hold_each_called_start_which_has_the_highest_score(
    finder, write_finder, ecoli, tmp_path, monkeypatch
):
    monkeypatch.setattr(genome_model, "MIN_PROBABILITY", 0.5)  # the small finder is not confident
    monkeypatch.setattr(genome_model, "MIN_LENGTH", 150)
    even = [1.0] * len(FIRSTS)
    preset = dna_preset("default")
    adapt = replace(preset.adapt, shortest=30_000, spacing_starts=even, spacing_others=even)
    config = replace(finder.config, decode=preset.decode, adapt=adapt)
    folder = write_finder(replace(finder, config=config))
    fasta, out = tmp_path / "x.fa", tmp_path / "out"
    fasta.write_text(f">a\n{ecoli.bases[:60_000]}\n>b circular=true\n{ecoli.bases[60_000:90_000]}\n")
    tag.fn(TagConfig(model=str(folder), sources=(fasta,), out=out, format="starts", workers=0))
    genes, starts = (Dataset.open(out).scan(name).collect() for name in ("data", "starts"))
    cut_off = pl.when(pl.col("strand") == "+").then(1).otherwise(2)
    whole = genes.filter(pl.col("partial") & cut_off == 0).select("contig", "start", "end", "strand")
    called = starts.filter("called")
    gene = ["contig", "gene_start", "gene_end", "strand"]
    assert sorted(called.select(gene).rows()) == sorted(whole.rows())
    assert called.select(pl.col("start", "end")).rows() == called.select("gene_start", "gene_end").rows()
    best = starts.group_by(gene).agg(best=pl.col("score").max()).join(called, on=gene)
    linear = best.filter(pl.col("contig") == "a")
    assert (linear["best"] - linear["score"]).max() < 0.05
    assert starts.select("motif", "spacing", "context").to_numpy().any(axis=0).all()
    lines = (out / "tags.starts.tsv").read_text().splitlines()
    assert len(lines) == 1 + starts.height > 2 * whole.height
    assert lines[0].split("\t")[:4] == ["contig", "gene_start", "gene_end", "start"]


def test_masked_bases_have_no_gene_and_another_mask_is_another_run(folder, ecoli, tmp_path):
    path = write_fasta(tmp_path / "x.fa", c=ecoli.bases[:20_000])
    free, _ = tagged(folder, tmp_path / "free", path)
    row = free.filter(partial=0).row(3, named=True)
    mask = tmp_path / "mask.bed"
    mask.write_text(f"c\t{row['start'] + 30}\t{row['start'] + 60}\n")
    out = tmp_path / "out"
    masked, _ = tagged(folder, out, path, mask=mask)
    over = (pl.col("start") < row["start"] + 60) & (pl.col("end") > row["start"] + 30)
    assert free.filter(over).height
    assert not masked.filter(over).height
    assert "mask" in Dataset.open(out).manifest["config"]
    assert "mask" not in Dataset.open(tmp_path / "free").manifest["config"]
    mask.write_text("c\t0\t10\n")
    with pytest.raises(UsageError, match="mask"):
        tagged(folder, out, path, mask=mask)


def test_a_contig_in_a_file_is_tagged_like_one_in_memory(folder, ecoli, tmp_path, monkeypatch):
    record = SeqRecord(Seq(ecoli.bases[:30_000]), "c.1", annotations={"molecule_type": "DNA"})
    files = tmp_path / "x.fa", tmp_path / "y.gb"
    files[0].write_text(f">c\n{ecoli.bases[:30_000]}\n>round circular=true\n{ecoli.bases[30_000:50_000]}\n")
    files[1].write_text(record.format("genbank"))
    found = []
    for held in (spooled_sequence.MEMORY_LIMIT, 5000):
        monkeypatch.setattr(spooled_sequence, "MEMORY_LIMIT", held)
        out = tmp_path / str(held)
        tag.fn(TagConfig(model=str(folder), sources=files, out=out, format="gff3,faa,codons", workers=0))
        formats = ("gff3", "faa", "codons")
        paths = [out / name / f"{file.name}.{name}" for name in formats for file in files]
        found.append([path.read_bytes() for path in paths])
    assert found[0] == found[1]
    assert sum(gff3.count(b"\tCDS\t") for gff3 in found[0][:2]) > 50


def test_another_genetic_code_is_another_run(folder, tmp_path):
    fasta = tmp_path / "x.fa"
    fasta.write_text(">c\n" + "ATG" + "GCATGA" * 60 + "TAA\n")
    how = {"model": str(folder), "sources": (fasta,), "out": tmp_path / "out"}
    tag.fn(TagConfig(**how))
    with pytest.raises(UsageError, match="genetic_code"):
        tag.fn(TagConfig(**how, genetic_code=4))
    code_4 = gene_finder.GeneFinder.load(folder).of_code(4)
    assert code_4.config.decode.code == 4
    assert code_4.of_code(None) is code_4


def test_the_genetic_code_is_found_by_a_test_and_said(folder, ecoli, tmp_path, capsys):
    files = write_fasta(tmp_path / "a.fa", a=ecoli.bases), tmp_path / "b.fa"
    _, lines = tagged(folder, tmp_path / "a", files[0], genetic_code="auto")
    assert "genetic code 11, by a test: TGA in " in capsys.readouterr().err
    assert sum("transl_table=11" in line for line in lines) > 50
    codons = [ecoli.bases[at : at + 3] for at in range(336, 2799, 3)]  # thrA
    mycoplasma = "".join("TGA" if i % 90 == 40 else codon for i, codon in enumerate(codons))
    write_fasta(files[1], b=("CATTAATTAACC" + mycoplasma) * 12)
    _, lines = tagged(folder, tmp_path / "b", files[1], genetic_code="auto")
    assert "genetic code 4, by a test: TGA in 1" in capsys.readouterr().err
    assert Dataset.open(tmp_path / "b").manifest["config"]["genetic_code"] == 4
    with pytest.raises(UsageError, match=r"4 of b.fa, 11 of a.fa"):
        tagged(folder, tmp_path / "c", *files, genetic_code="auto")
    tagged(folder, tmp_path / "d", write_fasta(tmp_path / "d.fa", d="ACGT" * 90), genetic_code="auto")
    assert "genetic code 11, the model's own" in capsys.readouterr().err


def write_fasta(path: Path, **contigs: str) -> Path:
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    return path


def tagged(folder, out, *files, **how):
    """Rows of tagged files, and the lines of their GFF3."""
    tag.fn(TagConfig(model=str(folder), sources=files, out=out, format="gff3,faa", workers=0, **how))
    frame = Dataset.open(out).scan("data").collect()
    return frame, (out / "tags.gff3").read_text().splitlines()


PLACES = ["contig", "start", "end", "strand", "phase", "partial"]


def test_fasta_bgzip_lower_case_and_genbank_give_the_same_genes(folder, ecoli, tmp_path):
    bases = ecoli.bases[:15_000]
    record = SeqRecord(Seq(bases), "c", annotations={"molecule_type": "DNA"})
    (tmp_path / "a.fa").write_text(f">c\n{bases}\n")
    (tmp_path / "b.fa").write_text(f">c\r\n{bases[:7000].lower()}\r\n{bases[7000:]}\r\n")
    with bgzf.BgzfWriter(str(tmp_path / "c.fa.gz")) as stream:
        stream.write(f">c\n{bases}\n")
    (tmp_path / "d.gb").write_text(record.format("genbank"))
    found = []
    for path in sorted(tmp_path.glob("?.*")):
        frame, _ = tagged(folder, tmp_path / f"out-{path.name}", path)
        found.append(frame.select(PLACES).rows())
    assert len(found) == 4
    assert len(found[0]) > 10
    assert all(rows == found[0] for rows in found)


def test_genes_end_at_a_long_run_of_n_and_continue_over_a_short_one(folder, ecoli, tmp_path):
    whole, _ = tagged(folder, tmp_path / "whole", write_fasta(tmp_path / "w.fa", c=ecoli.bases[:15_000]))
    row = whole.filter(partial=0).sort(pl.col("end") - pl.col("start")).row(-1, named=True)
    middle = (row["start"] + row["end"]) // 2
    for count, crosses in ((3, True), (60, False)):
        bases = ecoli.bases[:middle] + "n" * count + ecoli.bases[middle + count : 15_000]
        frame, _ = tagged(folder, tmp_path / str(count), write_fasta(tmp_path / f"{count}.fa", c=bases))
        over = frame.filter((pl.col("start") < middle) & (pl.col("end") > middle + count))
        assert bool(over.height) is crosses
        if not crosses:
            ends = frame.filter((pl.col("end") == middle) | (pl.col("start") == middle + count))
            assert ends["partial"].to_list() == [2, 1]


def test_contigs_of_fifty_bases_and_of_ambiguous_letters_are_listed(folder, ecoli, tmp_path):
    contigs = {f"c{at}": ecoli.bases[at : at + 50] for at in range(0, 5000, 50)}
    contigs["letters"] = "ACGTUNRYSWKMBDHV" * 3 + "ac"
    frame, lines = tagged(folder, tmp_path / "out", write_fasta(tmp_path / "x.fa", **contigs))
    regions = [line for line in lines if line.startswith("##sequence-region")]
    assert regions == [f"##sequence-region {name} 1 50" for name in contigs]
    assert frame["end"].max() is None or frame["end"].max() <= 50


@pytest.mark.parametrize("code", [1, 4, 11, 25])
def test_genes_are_legal_in_the_chosen_genetic_code(folder, ecoli, tmp_path, code):
    path = write_fasta(tmp_path / "x.fa", c=ecoli.bases[:40_000])
    frame, lines = tagged(folder, tmp_path / "out", path, genetic_code=code)
    assert all(f";transl_table={code};" in line for line in lines if "\tCDS\t" in line)
    table = CodonTable.unambiguous_dna_by_id[code]
    for row in frame.filter(partial=0).iter_rows(named=True):
        gene = Seq(ecoli.bases[row["start"] : row["end"]])
        gene = str(gene if row["strand"] == "+" else gene.reverse_complement())
        codons = [gene[at : at + 3] for at in range(0, len(gene), 3)]
        assert codons[0] in {"ATG", "GTG", "TTG"} & set(table.start_codons)
        assert [codon in table.stop_codons for codon in codons] == [False] * (len(codons) - 1) + [True]


def test_a_gene_across_the_origin_ends_beyond_the_circle(folder, ecoli, tmp_path):
    linear, _ = tagged(folder, tmp_path / "linear", write_fasta(tmp_path / "l.fa", c=ecoli.bases[:30_000]))
    gene = (
        linear.filter((pl.col("partial") == 0) & (pl.col("start") > 12_000))
        .sort("probability")
        .row(-1, named=True)
    )
    turn = (gene["start"] + gene["end"]) // 2 // 6 * 6
    turned = ecoli.bases[turn:30_000] + ecoli.bases[:turn]
    path = write_fasta(tmp_path / "r.fa", **{"c topology=circular": turned})
    _, lines = tagged(folder, tmp_path / "round", path)
    start, end = gene["start"] - turn + 30_000 + 1, gene["end"] - turn + 30_000
    (line,) = (line.split("\t") for line in lines if f"\t{start}\t{end}\t" in line)
    assert start <= 30_000 < end
    assert (line[2], line[6], line[7]) == ("CDS", gene["strand"], "0")
    assert any(line.endswith("Is_circular=true") for line in lines)


def test_ingested_bases_are_unchanged_and_lower_case_is_masked(home, tmp_path):
    bases = "ACGTacgtnnACGT" * 10 + "acg"
    ingest.fn(IngestConfig(sources=(write_fasta(tmp_path / "x.fa", c=bases),), name="x"))
    (row,) = Dataset.open(home / "corpora" / "x").scan("data").collect().iter_rows(named=True)
    assert row["bases"] == bases
    runs = [(14 * n + 4, 14 * n + 10) for n in range(10)] + [(140, 143)]
    assert [(run["start"], run["end"]) for run in row["masked"]] == runs


def test_the_commands_read_the_genes_they_wrote_as_gff3_beside_the_fasta(folder, ecoli, home, tmp_path):
    names = ["gnl|b0240=%3B;a", "c,1&\"'"]
    parts = [ecoli.bases[:12_000], ecoli.bases[50_000:62_000]]
    fasta, out = tmp_path / "x.fna", tmp_path / "out"
    fasta.write_text("".join(f">{name}\n{part}\n" for name, part in zip(names, parts, strict=True)))
    assert (
        main(["tag", str(folder), str(fasta), "--out", str(out), "--format", "gff3", "--workers", "0"]) == 0
    )
    annotation = shutil.copy(out / "tags.gff3", tmp_path / "x.gff3")
    assert main(["ingest", str(fasta), str(annotation), "--name", "again"]) == 0
    genes = Dataset.open(out).scan("data").collect()
    corpus = Dataset.open(home / "corpora" / "again").scan("data").collect()
    found = {
        (contig, *(feature[key] for key in ("start", "end", "strand", "phase", "label")))
        for contig, features in corpus.select("contig", "features").iter_rows()
        for feature in features
    }
    assert found == set(genes.select("contig", "start", "end", "strand", "phase", "label").rows())
    assert len(found) == len(genes) > 15
    assert set(corpus["contig"]) == set(genes["contig"]) == set(names)
