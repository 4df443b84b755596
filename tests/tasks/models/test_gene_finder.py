"""Gene finding on a small real genome: train, tag, evaluate, and what may not change the answer."""

import gzip
from dataclasses import replace
from pathlib import Path

import gffutils
import numpy as np
import polars as pl
import pytest
from Bio import SeqIO, bgzf
from Bio.Data import CodonTable
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

from elman.data.corpus.contig_pieces import pieces
from elman.data.errors import UsageError
from elman.data.genome import spooled_sequence
from elman.data.genome.contigs import Contig
from elman.data.genome.genome_model import AdaptConfig
from elman.data.genome.nucleotides import encode_bases, encode_iupac
from elman.data.store.dataset import Dataset
from elman.data.store.writer import DatasetWriter
from elman.flows.ingest import IngestConfig, ingest
from elman.flows.tag import TagConfig, tag
from elman.tasks.evaluation.genes import evaluate_dna
from elman.tasks.models import gene_finder, gene_presets, gene_windows
from elman.tasks.training import genes

SMALL = gene_presets.DnaConfig(hidden=48, least=5.0, most=5.0, piece=3000)


@pytest.fixture(scope="session")
def corpus(ecoli, tmp_path_factory) -> Path:
    """70 kb to learn from, the rest to be judged by."""
    folder = tmp_path_factory.mktemp("corpus") / "ecoli"
    frame = pieces(ecoli, ["train"] * 7 + ["test"] * 3, size=10_000)
    with DatasetWriter(folder, kind="corpus-dna", config={}) as writer:
        writer.commit([writer.stage("0", "key", {"data": frame}, counts={"records": 1}, source={})])
    return folder


@pytest.fixture(scope="session")
def finder(corpus) -> gene_finder.GeneFinder:
    """Trained for seconds: enough to know coding bases from others, not to be good."""
    params = genes.fit_dna(genes.annotated_stretches(corpus), SMALL, seed=0)
    return gene_finder.GeneFinder(params, SMALL, "small")


def test_coding_bases_are_found_on_their_strand(finder, corpus, monkeypatch):
    monkeypatch.setattr(gene_finder.GeneFinder, "load", lambda folder: finder)
    scores = evaluate_dna(".", str(corpus), "test")
    assert scores["per_strand"]["mcc"] > 0.5
    assert scores["bases"] + scores["masked"] == 27_086


def test_rows_are_of_the_schema_and_name_their_model(finder, ecoli):
    frame = finder.tag_contig(ecoli.bases, "x.fa", "c")
    assert frame["model"].unique().to_list() == ["small"]
    assert frame["start"].is_sorted()
    assert frame.select((pl.col("end") - pl.col("start") >= 60).all()).item()


def test_the_other_strand_is_tagged_as_the_mirror_image(finder, ecoli):
    bases = ecoli.bases[:30_000]
    letters = bases[::-1].translate(str.maketrans("ACGT", "TGCA"))
    here, there = finder.tag_contig(bases), finder.tag_contig(letters)
    mirrored = there.select(
        start=30_000 - pl.col("end"),
        end=30_000 - pl.col("start"),
        strand=pl.col("strand").replace({"+": "-", "-": "+"}),
        phase="phase",
    ).sort("start")
    assert here.select("start", "end", "strand", "phase").equals(mirrored)


def test_what_is_tagged_together_changes_nothing(finder, ecoli, monkeypatch):
    spans = ((0, 200), (500, 9000), (20_000, 25_000))
    parts = [Contig(str(i), ecoli.bases[i : i + size], None, "x", 0, 1) for i, size in spans]
    alone = [finder.tag_contig(part.bases, part.source, part.id) for part in parts]
    together = list(finder.tag_contigs(parts))
    monkeypatch.setattr(gene_windows, "_GROUP", 1000)
    monkeypatch.setattr(gene_windows, "_STEPS", 700)
    streamed = list(finder.tag_contigs(parts))
    exact = ["source", "contig", "start", "end", "strand", "phase", "label"]
    for one, two, three in zip(alone, together, streamed, strict=True):
        assert one.select(exact).equals(two.select(exact))
        assert one.select(exact).equals(three.select(exact))
        np.testing.assert_allclose(one["probability"], two["probability"], atol=1e-5)


def agreement(finder: gene_finder.GeneFinder, bases: str) -> float:
    """Share of the genes that pieces and one unbroken piece have in common."""
    whole = replace(finder, config=replace(finder.config, piece=len(bases) // 6 * 6 + 6))
    pieces, unbroken = (
        set(each.tag_contig(bases).select("start", "end", "strand").iter_rows()) for each in (finder, whole)
    )
    return len(pieces & unbroken) / len(pieces | unbroken)


def test_pieces_give_the_genes_of_one_unbroken_piece(finder, ecoli):
    assert agreement(finder, ecoli.bases) > 0.98


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pieces_of_a_megabase_give_999_of_1000_genes_of_one_unbroken_piece(finder, corpora):
    path = corpora / "dna" / "ecoli_k12_mg1655" / "ecoli_k12_mg1655.fna.gz"
    with gzip.open(path, "rt") as lines:
        bases = "".join(line.strip() for line in lines if not line.startswith(">"))
    usual = replace(finder, config=replace(SMALL, piece=gene_presets.DnaConfig().piece))
    assert agreement(usual, bases[:1_000_000]) >= 0.999


def test_lower_case_and_unknown_letters_are_tagged_like_any_other(finder, ecoli):
    bases = ecoli.bases[:12_000]
    assert finder.tag_contig(bases.lower()).equals(finder.tag_contig(bases))
    assert finder.tag_contig("ACGTN").height == 0


def test_a_letter_that_leaves_the_codon_open_hardly_changes_the_answer(finder, ecoli):
    letters = list(ecoli.bases[:12_000])
    for place in range(50, 12_000, 400):
        letters[place] = {"A": "R", "G": "R", "C": "Y", "T": "Y"}[letters[place]]
    certain, open_ = (
        finder.windows.logits([encode_iupac(b)])[0] for b in (ecoli.bases[:12_000], "".join(letters))
    )
    unknown = finder.windows.logits([encode_bases("".join(letters))])[0]
    assert np.abs(open_ - certain).mean() < np.abs(unknown - certain).mean()


def test_a_circle_is_tagged_the_same_wherever_it_is_cut_open(finder, ecoli):
    size, turn = 42_000, 12_000  # whole steps
    bases = ecoli.bases[:size]
    found = []
    for text in (bases, bases[turn:] + bases[:turn]):
        (frame,) = finder.tag_contigs([Contig("c", text, None, "x", 0, 1, True)])
        assert frame.select((pl.col("start") < size).all(), (pl.col("partial") == 0).all()).row(0) == (
            True,
            True,
        )
        found.append(frame)
    here, turned = (
        {
            ((a + shift) % size, b - a, s, p)
            for a, b, s, p in f.select("start", "end", "strand", "phase").rows()
        }
        for f, shift in zip(found, (0, turn), strict=True)
    )
    assert len(here ^ turned) <= 0.01 * len(here)  # a margin of 600 bases is not all there is


def test_raw_strings_give_plain_values(finder, ecoli):
    found = finder.tag_raw(ecoli.bases[:6000] + "\n")
    assert {"start", "end", "strand", "phase", "label", "probability"} == found[0].keys()


def test_the_same_seed_gives_the_same_model_folder(corpus, home, monkeypatch):
    tiny = gene_presets.DnaConfig(hidden=16, least=0.2, most=0.2)
    monkeypatch.setattr(gene_presets, "PRESETS", {"default": tiny})
    first = genes.train_dna(str(corpus), "ecoli", "default", 3)
    weights = (Path(first["model"]) / "weights.safetensors").read_bytes()
    second = genes.train_dna(str(corpus), "ecoli", "default", 3)
    assert first["model"] == second["model"]
    assert (Path(second["model"]) / "weights.safetensors").read_bytes() == weights
    loaded = gene_finder.GeneFinder.load(Path(first["model"]))
    assert loaded.config == tiny
    assert Dataset.open(corpus).digest in (Path(first["model"]) / "passport.json").read_text()


def test_a_preset_for_text_is_a_usage_error():
    with pytest.raises(UsageError, match="default"):
        gene_presets.dna_preset("article")


@pytest.fixture
def folder(corpus, finder, tracked_home) -> Path:
    """The model folder of the finder."""
    from elman.tasks.models.model_folder import write

    passport = {"kind": "dna", "corpus": {"name": "ecoli", "digest": "d", "sources": []}}
    passport |= {"preset": "small", "seed": 0, "config": SMALL.to_json()}
    return write(passport, genes.model_files(finder))


def test_all_formats_name_the_same_genes_and_translate_as_their_gff3_says(folder, ecoli, tmp_path):
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


def test_a_contig_that_memory_does_not_hold_is_tagged_the_same(folder, ecoli, tmp_path, monkeypatch):
    record = SeqRecord(Seq(ecoli.bases[:30_000]), "c.1", annotations={"molecule_type": "DNA"})
    files = tmp_path / "x.fa", tmp_path / "y.gb"
    files[0].write_text(f">c\n{ecoli.bases[:30_000]}\n>round circular=true\n{ecoli.bases[30_000:50_000]}\n")
    files[1].write_text(record.format("genbank"))
    found = []
    for held in (spooled_sequence.MEMORY_LIMIT, 5000):
        monkeypatch.setattr(spooled_sequence, "MEMORY_LIMIT", held)
        out = tmp_path / str(held)
        tag.fn(TagConfig(model=str(folder), sources=files, out=out, format="gff3,faa,codons", workers=0))
        found.append([(out / f"tags.{name}").read_bytes() for name in ("gff3", "faa", "codons")])
    assert found[0] == found[1]
    assert found[0][0].count(b"\tCDS\t") > 50


def test_contigs_of_a_source_share_its_genome_model_however_it_is_sliced(
    corpus, finder, ecoli, tracked_home, tmp_path, monkeypatch
):
    from elman.data.genome import genome_model
    from elman.tasks.models.model_folder import write

    monkeypatch.setattr(genome_model, "MIN_PROBABILITY", 0.5)  # it is not a very good model
    monkeypatch.setattr(genome_model, "MIN_LENGTH", 150)
    config = replace(SMALL, adapt=AdaptConfig(shortest=50_000, longest=80_000))
    small = replace(finder, config=config)
    fasta = tmp_path / "x.fa"
    names = [f">{at}\n{ecoli.bases[at : at + 12_000]}\n" for at in range(0, 96_000, 12_000)]
    fasta.write_text("".join(names))
    contigs = [
        Contig(str(at), ecoli.bases[at : at + 12_000], None, "x.fa", 0, 1) for at in range(0, 96_000, 12_000)
    ]
    assert small.genome_model_of(contigs) is not None
    passport = {"kind": "dna", "corpus": {"name": "e", "digest": "d", "sources": []}}
    passport |= {"preset": "small", "seed": 0, "config": config.to_json()}
    model = write(passport, genes.model_files(small))
    places = ["contig", "start", "end", "strand", "partial"]
    wanted = pl.concat(small.tag_contigs(contigs)).select(places).rows()
    alone = [row for contig in contigs for row in next(small.tag_contigs([contig])).select(places).rows()]
    assert wanted != alone
    for size in ("15000", "1MiB"):
        done = tag(
            TagConfig(model=str(model), sources=(fasta,), out=tmp_path / size, shard_size=size, workers=0)
        )
        assert Dataset.open(tmp_path / size).scan("data").collect().select(places).rows() == wanted
        assert done["shards"] == {"15000": 6, "1MiB": 1}[size]


def test_the_genetic_code_is_part_of_what_is_asked_for(folder, tmp_path):
    fasta = tmp_path / "x.fa"
    fasta.write_text(">c\n" + "ATG" + "GCATGA" * 60 + "TAA\n")
    how = {"model": str(folder), "sources": (fasta,), "out": tmp_path / "out"}
    tag.fn(TagConfig(**how))
    with pytest.raises(UsageError, match="genetic_code"):
        tag.fn(TagConfig(**how, genetic_code=4))
    code_4 = gene_finder.GeneFinder.load(folder).of_code(4)
    assert code_4.config.decode.code == 4
    assert code_4.of_code(None) is code_4


def write_fasta(path: Path, **contigs: str) -> Path:
    path.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    return path


def tagged(folder, out, *files, **how):
    """Rows of what the command makes of files, and the lines of its GFF3."""
    tag.fn(TagConfig(model=str(folder), sources=files, out=out, format="gff3,faa", workers=0, **how))
    frame = Dataset.open(out).scan("data").collect()
    return frame, (out / "tags.gff3").read_text().splitlines()


PLACES = ["contig", "start", "end", "strand", "phase", "partial"]


def test_the_same_genes_come_of_fasta_bgzip_lower_case_and_genbank(folder, ecoli, tmp_path):
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


def test_a_long_run_of_n_parts_genes_and_a_short_one_is_read_on(folder, ecoli, tmp_path):
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


def test_contigs_of_fifty_bases_and_letters_of_iupac_lose_nothing(folder, ecoli, tmp_path):
    contigs = {f"c{at}": ecoli.bases[at : at + 50] for at in range(0, 5000, 50)}
    contigs["letters"] = "ACGTUNRYSWKMBDHV" * 3 + "ac"
    frame, lines = tagged(folder, tmp_path / "out", write_fasta(tmp_path / "x.fa", **contigs))
    regions = [line for line in lines if line.startswith("##sequence-region")]
    assert regions == [f"##sequence-region {name} 1 50" for name in contigs]
    assert frame["end"].max() is None or frame["end"].max() <= 50


@pytest.mark.parametrize("code", [1, 4, 11])
def test_genes_are_legal_in_the_genetic_code_that_is_asked_for(folder, ecoli, tmp_path, code):
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


def test_a_gene_over_the_origin_of_a_circle_ends_beyond_it(folder, ecoli, tmp_path):
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


def test_lower_case_is_kept_as_intervals_and_the_bases_as_they_came(home, tmp_path):
    bases = "ACGTacgtnnACGT" * 10 + "acg"
    ingest.fn(IngestConfig(sources=(write_fasta(tmp_path / "x.fa", c=bases),), name="x"))
    (row,) = Dataset.open(home / "corpora" / "x").scan("data").collect().iter_rows(named=True)
    assert row["bases"] == bases
    runs = [(14 * n + 4, 14 * n + 10) for n in range(10)] + [(140, 143)]
    assert [(run["start"], run["end"]) for run in row["masked"]] == runs
