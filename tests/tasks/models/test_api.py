"""Models from Python: entities and genes of strings, of many strings, and of frames."""

import polars as pl
import pytest

import elman
from elman.data.errors import BadInput, UsageError
from elman.tasks.models.gene_finder import GeneFinder

TEXTS = (
    "Badeson met Goruson in Tinaburg .",
    "",
    "it rained .",
    "in Tinaburg it snowed . Kaleson says it is warm .",
)


@pytest.fixture(scope="module")
def text_model(trained) -> elman.TextModel:
    model = elman.load(trained["model"])
    assert isinstance(model, elman.TextModel)
    return model


@pytest.fixture(scope="module")
def genes(gene_model) -> elman.GeneModel:
    model = elman.load(gene_model)
    assert isinstance(model, elman.GeneModel)
    return model


def test_entities_of_a_text_have_offsets_types_and_probabilities(text_model):
    found = text_model.tag(TEXTS[0])
    assert [(entity.text, entity.type) for entity in found] == [
        ("Badeson", "PER"),
        ("Goruson", "PER"),
        ("Tinaburg", "LOC"),
    ]
    for entity in found:
        assert TEXTS[0][entity.start : entity.end] == entity.text
        assert 0.5 < entity.probability <= 1
    assert text_model.types == ("LOC", "PER")


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_many_texts_give_what_each_gives_alone(text_model, batch_size):
    found = list(text_model.tag_many(iter(TEXTS), batch_size=batch_size))
    assert found == [text_model.tag(text) for text in TEXTS]


def test_texts_are_read_a_batch_at_a_time(text_model):
    read = []
    found = text_model.tag_many((read.append(text) or text for text in TEXTS), batch_size=2)
    assert read == []
    next(found)
    assert read == list(TEXTS[:2])


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["a list"]])
def test_what_is_no_string_is_refused_by_its_type(text_model, genes, value):
    with pytest.raises(UsageError, match=f"expected a string. Got {type(value).__name__}"):
        text_model.tag(value)
    with pytest.raises(UsageError, match=f"expected a string. Got {type(value).__name__}"):
        genes.tag(value)
    with pytest.raises(UsageError, match=f"string as number 1 .from 0.. Got {type(value).__name__}"):
        list(text_model.tag_many([TEXTS[0], value]))


def test_one_string_is_not_read_as_many(text_model, genes):
    for model in (text_model, genes):
        with pytest.raises(UsageError, match=r"expected several strings, a list say\. Got one: use `tag`"):
            list(model.tag_many(TEXTS[0]))


def test_a_frame_of_another_library_is_refused_with_the_way_to_polars(text_model):
    with pytest.raises(UsageError, match=r"Got polars\.LazyFrame: .*collect"):
        text_model.tag_frame(pl.LazyFrame({"text": TEXTS}))


def test_a_model_is_shown_with_its_version_and_types(text_model, genes):
    assert repr(text_model) == f"TextModel({text_model.version}: LOC, PER)"
    assert repr(genes).startswith(f"GeneModel({genes.version}: CDS")


def test_a_frame_gets_a_column_of_entities(text_model):
    frame = pl.DataFrame({"id": [7, 8, 9], "body": [TEXTS[0], None, TEXTS[2]]})
    tagged = text_model.tag_frame(frame, text_column="body")
    assert tagged.drop("entities").equals(frame)
    assert tagged["entities"].to_list()[1:] == [None, []]
    rows = tagged.filter(pl.col("id") == 7).explode("entities").unnest("entities")
    assert rows.columns == ["id", "body", *elman.Entity._fields]
    assert list(rows.select(elman.Entity._fields).iter_rows()) == [tuple(e) for e in text_model.tag(TEXTS[0])]
    assert text_model.tag_frame(frame.clear(), "body").schema == tagged.schema


def test_a_frame_without_the_column_is_a_usage_error(text_model):
    with pytest.raises(UsageError, match=r"expected a column .text.\. Got body"):
        text_model.tag_frame(pl.DataFrame({"body": ["x"]}))
    with pytest.raises(UsageError, match="'entities'"):
        text_model.tag_frame(pl.DataFrame({"text": ["x"], "entities": [1]}))


def test_genes_of_a_sequence_are_those_of_the_gene_finder(genes, gene_model, ecoli):
    bases = ecoli.bases[:20_000]
    found = genes.tag(bases, contig="c1")
    expected = GeneFinder.load(gene_model).tag_contig(bases, contig="c1")
    assert found
    assert found == [elman.Gene._make(row) for row in expected.select(elman.Gene._fields).iter_rows()]
    assert {gene.strand for gene in found} <= {"+", "-"}
    assert all(0 <= gene.start < gene.end <= 20_000 and 0 <= gene.probability <= 1 for gene in found)


def test_sequences_and_rows_of_a_frame_are_genomes_of_their_own(genes, ecoli):
    pieces = [ecoli.bases[:6000], ecoli.bases[6000:12_000]]
    alone = [genes.tag(bases) for bases in pieces]
    assert list(genes.tag_many(pieces)) == alone
    tagged = genes.tag_frame(pl.DataFrame({"sequence": [*pieces, None]}))
    assert tagged["genes"].to_list() == [*([gene._asdict() for gene in of] for of in alone), None]
    contigs = {"a": pieces[0], "b": pieces[1]}
    assert {gene.contig for gene in genes.tag_genome(contigs)} <= set(contigs)


def test_a_model_that_does_not_exist_is_bad_input(home):
    with pytest.raises(BadInput, match="nowhere"):
        elman.load("./nowhere")
