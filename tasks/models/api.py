"""Taggers ready for use from Python, as `elman.load` returns them: `TextModel` and `GeneModel`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from elman.data.errors import UsageError
from elman.tasks.models import model_folder

if TYPE_CHECKING:  # a model of text loads no code for DNA, and the other way round
    from elman.tasks.models.gene_finder import GeneFinder
    from elman.tasks.models.text_tagger import Tagger

BATCH = 256  # texts tagged together


class Entity(NamedTuple):
    """An entity of a text; offsets are of characters, 0-based half-open."""

    text: str
    start: int
    end: int
    type: str
    probability: float


class Gene(NamedTuple):
    """A coding region, or the part of one that belongs to a protein family; 0-based half-open.

    strand is "+" or "-"; phase the bases from the 5' end to the first whole codon; label "CDS" or a family.
    """

    contig: str
    start: int
    end: int
    strand: str
    phase: int
    label: str
    probability: float


ENTITIES = pl.List(
    pl.Struct(
        {"text": pl.String, "start": pl.Int64, "end": pl.Int64, "type": pl.String, "probability": pl.Float64}
    )
)
GENES = pl.List(
    pl.Struct(
        {
            "contig": pl.String,
            "start": pl.Int64,
            "end": pl.Int64,
            "strand": pl.String,
            "phase": pl.Int64,
            "label": pl.String,
            "probability": pl.Float64,
        }
    )
)


class TextModel:
    """A model of text.

    Attributes:
        version: name of the model, the same wherever its folder lies.
        types: entity types that it can find.
    """

    def __init__(self, tagger: "Tagger") -> None:
        self._tagger = tagger
        self.version, self.types = tagger.version, tagger.types

    def __repr__(self) -> str:
        return f"TextModel({self.version}: {', '.join(self.types)})"

    def tag(self, text: str) -> list[Entity]:
        """Find the entities of a text, in order.

        Raises:
            UsageError: it is no string.
        """
        return self._tag([string_of(text)])[0]

    def tag_many(self, texts: Iterable[str], batch_size: int = BATCH) -> Iterator[list[Entity]]:
        """Find the entities of many texts, lazily and in order; the results are those of `tag`.

        Args:
            texts: any iterable; `batch_size` of them are read before the first result.
            batch_size: texts tagged together.

        Raises:
            UsageError: one of them is no string.
        """
        if batch_size < 1:
            raise UsageError(f"expected batch_size of 1 or more. Got {batch_size}.")
        rest = strings(texts)
        while batch := list(islice(rest, batch_size)):
            yield from self._tag(batch)

    def tag_frame(self, frame: pl.DataFrame, text_column: str = "text") -> pl.DataFrame:
        """Add a column `entities` to a frame: of each row a list of structs with the fields of `Entity`.

        `frame.explode("entities").unnest("entities")` gives a row an entity. A null text has null entities.

        Raises:
            UsageError: no such column, or a column `entities` already.
        """
        texts = strings_of(frame, text_column, "entities")
        found = self.tag_many(text for text in texts if text is not None)
        values = [None if text is None else [entity._asdict() for entity in next(found)] for text in texts]
        return frame.with_columns(pl.Series("entities", values, dtype=ENTITIES))

    def _tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        cuts = [list(self._tagger.tokenizer.sentences(text)) for text in texts]
        tokens = [
            [text[a:b] for a, b in zip(starts, ends, strict=True)]
            for text, sentences in zip(texts, cuts, strict=True)
            for _, _, starts, ends in sentences
        ]
        tagged = iter(self._tagger.tag(tokens, [len(sentences) for sentences in cuts]))
        return [
            [
                Entity(text[start:end], start, end, entity.type, entity.probability)
                for _, _, starts, ends in sentences
                for entity in next(tagged).entities
                for start, end in [(starts[entity.start], ends[entity.end - 1])]
            ]
            for text, sentences in zip(texts, cuts, strict=True)
        ]


class GeneModel:
    """A model of DNA, which finds coding regions on both strands.

    Attributes:
        version: name of the model, the same wherever its folder lies.
        types: labels that it can give: "CDS", and protein families if it was trained on some.
    """

    def __init__(self, finder: "GeneFinder") -> None:
        self._finder = finder
        self.version = finder.version
        self.types = ("CDS", *(finder.families.labels if finder.families else ()))

    def __repr__(self) -> str:
        return f"GeneModel({self.version}: {', '.join(self.types)})"

    def tag(self, bases: str, contig: str = "") -> list[Gene]:
        """Find the genes of one sequence, by start; white space is removed and not counted.

        Raises:
            UsageError: it is no string.
        """
        return self.tag_genome({contig: bases})

    def tag_genome(self, contigs: Mapping[str, str]) -> list[Gene]:
        """Find the genes of the contigs of one genome, whose scores adapt to the genome as a whole.

        Args:
            contigs: bases by name.

        Raises:
            UsageError: the bases of a contig are no string.
        """
        from elman.data.genome.contigs import Contig

        return [
            gene
            for frame in self._finder.tag_contigs(
                Contig(name, "".join(string_of(bases).split()), None, "", 0, 1)
                for name, bases in contigs.items()
            )
            for gene in map(Gene._make, frame.select(Gene._fields).iter_rows())
        ]

    def tag_many(self, sequences: Iterable[str]) -> Iterator[list[Gene]]:
        """Find the genes of many sequences, each a genome of its own, lazily and in order."""
        return map(self.tag, strings(sequences))

    def tag_frame(self, frame: pl.DataFrame, sequence_column: str = "sequence") -> pl.DataFrame:
        """Add a column `genes` to a frame: of each row a list of structs with the fields of `Gene`.

        Each row is a genome of its own. A null sequence has null genes.

        Raises:
            UsageError: no such column, or a column `genes` already.
        """
        sequences = strings_of(frame, sequence_column, "genes")
        values = [
            None if bases is None else [gene._asdict() for gene in self.tag(bases)] for bases in sequences
        ]
        return frame.with_columns(pl.Series("genes", values, dtype=GENES))


def string_of(value: object, place: str = "") -> str:
    """A text or sequence as it was given.

    Args:
        value: what was given.
        place: where it stands among others, for the error.

    Raises:
        UsageError: it is no string.
    """
    if not isinstance(value, str):
        raise UsageError(f"expected a string{place}. Got {type(value).__name__}.")
    return value


def strings(values: Iterable[str]) -> Iterator[str]:
    """Texts or sequences, each checked when it is read.

    Raises:
        UsageError: one of them is no string, or all of it is one string, which would be read by character.
    """
    if isinstance(values, str | bytes):
        raise UsageError("expected several strings, a list say. Got one: use `tag`.")
    return (string_of(value, f" as number {number} (from 0)") for number, value in enumerate(values))


def strings_of(frame: pl.DataFrame, column: str, *added: str) -> list[str | None]:
    """The strings of a column, after checking that it can be read and that the new columns can be added.

    Raises:
        UsageError: no frame of Polars, no such column, or one of the new ones already.
    """
    if not isinstance(frame, pl.DataFrame):
        what = f"{type(frame).__module__.partition('.')[0]}.{type(frame).__name__}"
        raise UsageError(
            f"expected a DataFrame of Polars. Got {what}: polars.from_pandas(...), .collect() or "
            "polars.DataFrame(...) makes one."
        )
    if column not in frame.columns:
        raise UsageError(f"expected a column {column!r}. Got {', '.join(frame.columns)}.")
    for name in added:
        if name in frame.columns:
            raise UsageError(
                f"expected a frame without a column {name!r}, which is added. Got one: rename it."
            )
    return frame[column].cast(pl.String).to_list()


def tagger_of(loaded: model_folder.Model) -> TextModel | GeneModel:
    """A tagger of text or DNA, from its model folder.

    Raises:
        BadInput: it is a model of another kind.
    """
    if loaded.kind == "dna":
        from elman.tasks.models.gene_finder import load_model

        return GeneModel(load_model(loaded))
    _ = loaded.of_text
    from elman.tasks.models.text_tagger import Tagger

    return TextModel(Tagger.of(loaded))


def load(model: str) -> TextModel | GeneModel:
    """Load a tagger of text or DNA by any name that commands take; see `elman.load`."""
    return tagger_of(model_folder.read(model_folder.resolve(model)))
