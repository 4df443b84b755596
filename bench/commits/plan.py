"""Plan of a comparison of commits: corpora, models and tagged outputs."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

TEXT_FORMATS, DNA_FORMATS = "parquet,jsonl,conll", "parquet,gff3,bed,faa,codons"


@dataclass(frozen=True)
class Ingest:
    """A corpus: its name, its sources among the inputs, and more options."""

    name: str
    sources: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Train:
    """A model: its name here, its corpus, more options, and the name of a model whose genes are taken."""

    name: str
    corpus: str
    options: tuple[str, ...]
    genes: str | None = None


@dataclass(frozen=True)
class Tag:
    """A tagged output: the model, the input, or of `corpus` the ingested corpus of that name, and options."""

    model: str
    source: str
    options: tuple[str, ...]
    corpus: bool = False

    @property
    def name(self) -> str:
        """Name in tables and on the disk."""
        return f"{self.model}-{self.source.partition('.')[0]}"


@dataclass(frozen=True)
class Plan:
    """All that one side does, in order."""

    ingest: tuple[Ingest, ...]
    train: tuple[Train, ...]
    tag: tuple[Tag, ...]


def plan_of(quick: bool, corpora: bool) -> Plan:
    """The plan of a run: samples and the fixture's genome, and with corpora a real one of text."""
    text, dna = ("--tokens", "--format", TEXT_FORMATS), ("--format", DNA_FORMATS)
    genome = ("ecoli_100kb.fna.gz", "ecoli_100kb.gff3.gz")
    ingest = [Ingest("english", ("english",)), Ingest("ecoli", genome, ("--as", "train"))]
    train = [
        Train("fast", "english", ("--preset", "fast", *(("--epochs", "3") if quick else ()))),
        Train("default", "english", ("--preset", "default", "--epochs", "1" if quick else "3")),
        Train("genes", "ecoli", ("--preset", "fast")),
    ]
    tag = [Tag("fast", "book.txt", text), Tag("default", "book.txt", text), Tag("genes", "genome.fna", dna)]
    if not quick:
        ingest += [
            Ingest("chinese", ("chinese",)),
            Ingest("families", genome, ("--as", "train", "--label", r"any=product~\w")),
        ]
        train += [
            Train("article", "english", ("--preset", "article", "--epochs", "20")),
            Train("sigmoid", "english", ("--preset", "fast", "--binary", "PERSON", "--epochs", "3")),
            Train("characters", "chinese", ("--preset", "default", "--epochs", "12")),
            Train("families", "families", ("--preset", "fast"), genes="genes"),
        ]
        tag += [
            Tag("article", "book.txt", text),
            Tag("sigmoid", "book.txt", text),
            Tag("characters", "chinese", text, corpus=True),
            Tag("fast", "english", text, corpus=True),
            Tag("families", "genome.fna", dna),
        ]
    if corpora:
        ingest.append(Ingest("ncbi-disease", ("ncbi-disease",)))
        train.append(Train("ncbi-fast", "ncbi-disease", ("--preset", "fast")))
        tag.append(Tag("ncbi-fast", "book.txt", text))
    return Plan(tuple(ingest), tuple(train), tuple(tag))


def only(plan: Plan, models: Iterable[str]) -> Plan:
    """The part of a plan that some models need.

    Raises:
        SystemExit: there is no such model.
    """
    wanted, by_name = set(models), {job.name: job for job in plan.train}
    if not wanted <= by_name.keys():
        sys.exit(f"expected --only of {', '.join(by_name)}. Got {', '.join(sorted(wanted))}.")
    wanted |= {by_name[name].genes or name for name in wanted}
    train = tuple(job for job in plan.train if job.name in wanted)
    tag = tuple(job for job in plan.tag if job.model in wanted)
    corpora = {job.corpus for job in train} | {job.source for job in tag if job.corpus}
    return Plan(tuple(job for job in plan.ingest if job.name in corpora), train, tag)
