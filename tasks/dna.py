"""Finding genes: training on annotated genomes, tagging contigs, scoring."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from data import schema
from data.bases import (
    BEYOND,
    ROWS,
    STEP,
    UNKNOWN,
    Codes,
    begins_of,
    codes_of,
    labels_of,
    letters_of,
    mixtures,
    reverse_complement,
    steps_of,
)
from data.contigs import Contig
from data.crops import Cut, Learnt, crops, reads_tga
from data.dna import Stretch, stretches
from data.errors import BadInput, UsageError
from data.export_dna import parted
from data.genes import DecodeConfig, Gene, GeneDecoder, around, evidence_of
from data.habits import AdaptConfig, Habits, learn, weigh
from data.score_dna import score_intervals
from data.store import Dataset
from rnn.strands import Crops, Reader, StrandConfig, StrandFit, fit, predict, reader
from rnn.weights import from_bytes, to_bytes
from tasks.orchestration import task

if TYPE_CHECKING:
    from rnn.network import Architecture
    from tasks.model import Model

LABEL = "CDS"
Logits = npt.NDArray[np.floating[Any]]
_GROUP = 1 << 20  # bases tagged together, of one contig or of many
_STEPS = 1 << 17  # steps computed together
_SEAM = 30_000  # bases of a circle that are gone over twice
_MEGABASE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class DnaConfig:
    """How a gene finder is built and trained; stands in the passport.

    Attributes:
        hidden: units of the cell.
        embedding: numbers a base's window is turned into.
        crop: bases in a training sequence, a multiple of 6.
        batch: crops in an update.
        passes: how often every base is learned from, within `least` and `most` million bases in all.
        learning_rate: at its height.
        begins: weight of a start codon in the loss, against a base.
        rewrite: share of crops that are rewritten with other synonymous codons.
        piece: bases of a long contig that are tagged from one piece, a multiple of 6.
        margin: bases on either side that a piece looks at besides.
        decode: what the decoder believes.
        adapt: how it adapts to the contig at hand.
    """

    hidden: int = 96
    embedding: int = 16
    crop: int = 1200
    batch: int = 16
    passes: float = 12.0
    least: float = 25.0
    most: float = 230.0
    learning_rate: float = 0.004
    begins: float = 5.0
    rewrite: float = 0.5
    piece: int = 18_000
    margin: int = 600
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    adapt: AdaptConfig = field(default_factory=AdaptConfig)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "DnaConfig":
        """Undo `to_json`."""
        nested = {"decode": DecodeConfig(**fields["decode"]), "adapt": AdaptConfig(**fields["adapt"])}
        return cls(**{**fields, **nested})


PRESETS: Mapping[str, DnaConfig] = {
    "default": DnaConfig(),
    "fast": DnaConfig(passes=4.0, least=10.0, most=16.0),
}


def dna_preset(name: str) -> DnaConfig:
    """The preset of a name.

    Raises:
        UsageError: there is none for DNA.
    """
    if name not in PRESETS:
        raise UsageError(f"expected --preset to be one of {', '.join(PRESETS)} for DNA. Got {name!r}.")
    return PRESETS[name]


def learnt_of(corpus: Path, split: str = "train") -> list[Learnt]:
    """The annotated stretches of one split of a corpus.

    Raises:
        BadInput: none is annotated.
    """
    out = []
    for stretch in _stretches(corpus, split):
        if stretch.features is None:
            continue
        codes = codes_of(stretch.bases)
        where = stretch.features, stretch.start, len(codes)
        labels = labels_of(*where, LABEL)
        out.append(Learnt(codes, labels, begins_of(*where, LABEL), reads_tga(codes, labels)))
    if not any((learnt.labels > 0).any() for learnt in out):
        raise BadInput(
            f"annotated genomes in the {split} split",
            got="none",
            todo="Ingest FASTA together with its GFF3, or GenBank: `elman ingest FOLDER --name CORPUS`.",
            source=corpus,
        )
    return out


def _stretches(corpus: Path, split: str, contents: Collection[str] = ()) -> Iterator[Stretch]:
    """Stretches of a split, or of those contents in it, one contig in memory at a time."""
    dataset = Dataset.open(corpus)
    frame = (dataset.made_of(contents) if contents else dataset).scan("data")
    if split != "all":
        frame = frame.filter(pl.col("split") == split)
    keys = frame.select("source", "byte_offset", "contig").unique().collect().sort(pl.all())
    for source, byte_offset, contig in keys.iter_rows():
        here = (pl.col("source") == source, pl.col("byte_offset") == byte_offset, pl.col("contig") == contig)
        yield from stretches(frame.filter(*here).collect())


def network(config: DnaConfig) -> StrandConfig:
    """The network a config asks for."""
    return StrandConfig(rows=ROWS, slots=STEP, embedding=config.embedding, hidden=config.hidden)


def updates(learnt: list[Learnt], config: DnaConfig) -> int:
    """How many updates a training makes."""
    bases = sum(len(stretch.codes) for stretch in learnt)
    wanted = min(max(config.passes * bases, config.least * _MEGABASE), config.most * _MEGABASE)
    return max(int(wanted / (config.batch * config.crop)), 1)


def fit_dna(
    learnt: list[Learnt], config: DnaConfig, seed: int, on_step: Callable[[int, float], None] | None = None
) -> dict[str, Any]:
    """Train a gene finder.

    Args:
        learnt: stretches of genomes with their truth.
        config: how.
        seed: of everything left to chance.
        on_step: is given the number of updates done and the loss of the last.

    Returns:
        its weights, by name.
    """
    batches = crops(learnt, batch=config.batch, length=config.crop, rewrite=config.rewrite, seed=seed)
    how = StrandFit(steps=updates(learnt, config), learning_rate=config.learning_rate, begins=config.begins)
    return fit(network(config), how, map(_to_crops, batches), seed=seed, on_step=on_step)


def _to_crops(cut: Cut) -> Crops:
    """Time first, in steps."""
    B, L = cut.labels.shape
    T = L // STEP
    return Crops(
        steps_of(cut.codes).transpose(1, 0, 2),
        steps_of(reverse_complement(cut.codes)).transpose(1, 0, 2),
        cut.labels.reshape(B, T, STEP).transpose(1, 0, 2),
        cut.begins.reshape(B, T, STEP, 2).transpose(1, 0, 2, 3),
    )


@dataclass(frozen=True)
class GeneFinder:
    """A trained gene finder. `version` is what its rows name as their model."""

    params: dict[str, Any]
    config: DnaConfig
    version: str

    @cached_property
    def weights(self) -> Reader:
        """Made ready for tagging."""
        return reader(self.params)

    @classmethod
    def load(cls, folder: Path) -> "GeneFinder":
        """Read a model folder, every file checked."""
        from tasks.model import read

        return load_model(read(folder))

    def of_code(self, code: int | None) -> "GeneFinder":
        """The same with another genetic code of NCBI; None for its own."""
        if code is None:
            return self
        return replace(self, config=replace(self.config, decode=replace(self.config.decode, code=code)))

    def tag_contig(self, bases: str, source: str = "", contig: str = "") -> pl.DataFrame:
        """Genes of one contig, rows of schema.INTERVALS by start."""
        return next(self.tag_contigs([Contig(contig, bases, None, source, 0, 1)]))

    def tag_contigs(self, contigs: Iterable[Contig]) -> Iterator[pl.DataFrame]:
        """Genes of contigs, a frame of schema.INTERVALS each, in order; short ones are computed together."""
        held: list[_Laid] = []
        size = 0
        for contig in contigs:
            laid = _lay(contig)
            if len(laid.letters) > _GROUP:
                yield from self._together(held)
                held, size = [], 0
                yield self._frame(laid, self._genes(laid, self._streamed(laid.letters)))
                continue
            held.append(laid)
            size += len(laid.letters)
            if size >= _GROUP:
                yield from self._together(held)
                held, size = [], 0
        yield from self._together(held)

    def tag_raw(self, text: str) -> list[dict[str, Any]]:
        """Genes of a raw string of bases, as plain values; white space in it is left out of the count."""
        frame = self.tag_contig("".join(text.split()))
        return frame.select("start", "end", "strand", "phase", "label", "probability").to_dicts()

    def _together(self, contigs: list["_Laid"]) -> Iterator[pl.DataFrame]:
        pieces = [(i, *span) for i, laid in enumerate(contigs) for span in self._spans(len(laid.letters))]
        logits = iter(self._logits([contigs[i].letters[low:high] for i, _, low, _, high in pieces]))
        cores: list[list[Logits]] = [[] for _ in contigs]
        for i, start, low, end, _ in pieces:
            cores[i].append(evidence_of(next(logits)[start - low : end - low]))
        for laid, blocks in zip(contigs, cores, strict=True):
            yield self._frame(laid, self._genes(laid, iter(blocks)))

    def _streamed(self, letters: Codes) -> Iterator[Logits]:
        """The evidence of a long contig, piece by piece."""
        spans = list(self._spans(len(letters)))
        some = max(_STEPS * STEP // (self.config.piece + 2 * self.config.margin), 1)
        for first in range(0, len(spans), some):
            here = spans[first : first + some]
            found = self._logits([letters[low:high] for _, low, _, high in here])
            for (start, low, end, _), logits in zip(here, found, strict=True):
                yield evidence_of(logits[start - low : end - low])

    def _genes(self, laid: "_Laid", blocks: Iterator[Logits]) -> list[Gene]:
        """Decode a contig."""
        genes = self._adapted(np.minimum(laid.letters, np.uint8(UNKNOWN)), blocks)
        return around(genes, laid.contig.length, len(laid.letters)) if laid.contig.circular else genes

    def _adapted(self, codes: Codes, blocks: Iterator[Logits]) -> list[Gene]:
        """Decode codes; a long enough contig twice and more, with the habits found on its beginning."""
        adapt = self.config.adapt
        if len(codes) < adapt.shortest or not adapt.rounds:
            return self._decode(codes, blocks, None)
        held: list[Logits] = []
        size = 0
        while size < min(len(codes), adapt.longest):
            held.append(next(blocks))
            size += len(held[-1])
        beginning = codes[:size]
        habits = None
        for _ in range(adapt.rounds):
            habits = learn(beginning, self._decode(beginning, iter(held), habits), self.config.decode.code)
        return self._decode(codes, chain(held, blocks), habits)

    def _decode(self, codes: Codes, blocks: Iterator[Logits], habits: Habits | None) -> list[Gene]:
        decoder = GeneDecoder(codes, self.config.decode)
        adapt = self.config.adapt
        scale = np.array([adapt.begins, adapt.begins, adapt.codons, adapt.codons], np.float32)
        for evidence in blocks:
            more = None
            if habits is not None:
                more = weigh(codes, decoder.words, habits, decoder.done, decoder.done + len(evidence)) * scale
            decoder.feed(evidence, more)
        return decoder.genes()

    def _spans(self, length: int) -> Iterator[tuple[int, int, int, int]]:
        """Start, start with margin, end, end with margin of each piece."""
        piece, margin = self.config.piece, self.config.margin
        for start in range(0, length, piece):
            end = min(start + piece, length)
            yield start, max(start - margin, 0), end, min(end + margin, length)

    def _logits(self, pieces: list[Codes]) -> list[Logits]:
        """(n, 9) for each piece, longest computed first."""
        steps = np.array([-(-len(piece) // STEP) for piece in pieces], np.int64)
        order = np.argsort(-steps, kind="stable")
        out: list[Logits] = [np.empty((0, 9), np.float32)] * len(pieces)
        first = 0
        while first < len(order):
            T = max(int(steps[order[first]]), 1)
            some = order[first : first + max(_STEPS // T, 1)]
            first += len(some)
            codes = np.full((len(some), T * STEP), BEYOND, np.uint8)
            mirrored = codes.copy()
            for row, i in enumerate(some):
                codes[row, : len(pieces[i])] = pieces[i]
                n = steps[i] * STEP
                mirrored[row, :n] = reverse_complement(codes[row, :n])
            rows, back = steps_of(codes), steps_of(mirrored)
            mixed = mixtures(codes, rows, ROWS)
            mixed += mixtures(mirrored, back, ROWS + len(mixed))
            weights = self.weights.mixed(mixed) if mixed else self.weights
            logits = predict(weights, rows.transpose(1, 0, 2), back.transpose(1, 0, 2), steps[some])
            for row, i in enumerate(some):
                out[i] = logits[row].reshape(T * STEP, -1)[: len(pieces[i])]
        return out

    def _frame(self, laid: "_Laid", genes: list[Gene]) -> pl.DataFrame:
        n = len(genes)
        columns = {
            "source": [laid.contig.source] * n,
            "contig": [laid.contig.id] * n,
            "start": [gene.start for gene in genes],
            "end": [gene.end for gene in genes],
            "strand": [gene.strand for gene in genes],
            "phase": [gene.phase for gene in genes],
            "label": [LABEL] * n,
            "partial": [gene.partial for gene in genes],
            "probability": [gene.probability for gene in genes],
            "model": [self.version] * n,
        }
        return pl.DataFrame(columns, schema=schema.INTERVALS)


class _Laid(NamedTuple):
    """A contig as it is gone over: a circle is laid out with its beginning once more behind its end."""

    contig: Contig
    letters: Codes


def _lay(contig: Contig) -> _Laid:
    letters = letters_of(contig.bases)
    return _Laid(contig, np.concatenate([letters, letters[:_SEAM]]) if contig.circular else letters)


def load_model(model: "Model") -> GeneFinder:
    """A gene finder from a model folder whose files have been checked."""
    params, _, _ = from_bytes(model.files["weights.safetensors"])
    return GeneFinder(params, DnaConfig.from_json(model.passport["config"]), model.version)


def model_files(params: dict[str, Any], config: DnaConfig) -> dict[str, bytes]:
    """Contents of a model folder, by file name."""
    vocabulary = {"kind": "dna", "unit": "base", "classes": ["none", "+0", "+1", "+2", "-0", "-1", "-2"]}
    return {
        "weights.safetensors": to_bytes(params, cast("Architecture", network(config))),
        "vocabulary.json": (json.dumps(vocabulary, indent=1, sort_keys=True) + "\n").encode(),
    }


@task
def train_dna(corpus: str, name: str, preset: str, seed: int) -> dict[str, Any]:
    """Train a gene finder on the training split of a corpus and write its model folder.

    Args:
        corpus: folder of the corpus.
        name: what it is called.
        preset: of PRESETS.
        seed: of everything left to chance.

    Returns:
        model: the folder; updates, loss (of the last hundred), parameters, history for every hundred updates.
    """
    from tasks.model import write
    from tasks.progress import progress

    config = dna_preset(preset)
    dataset = Dataset.open(Path(corpus))
    learnt = learnt_of(Path(corpus))
    steps = updates(learnt, config)
    costs: list[float] = []
    with progress("training", steps * config.batch * config.crop, "bases") as advance:

        def on_step(step: int, cost: float) -> None:
            costs.append(cost)
            advance(config.batch * config.crop)

        params = fit_dna(learnt, config, seed, on_step)
    passport = {
        "kind": "dna",
        "corpus": {"name": name, "digest": dataset.digest, "sources": dataset.manifest.get("sources", [])},
        "preset": preset,
        "seed": seed,
        "config": config.to_json(),
        "network": network(config).to_dict(),
    }
    folder = write(passport, model_files(params, config))
    history = [
        {"step": float(i + 100), "loss": float(np.mean(costs[i : i + 100]))}
        for i in range(0, len(costs), 100)
    ]
    return {
        "model": str(folder),
        "updates": steps,
        "loss": float(np.mean(costs[-100:])),
        "parameters": network(config).size(),
        "history": history,
    }


@task
def evaluate_dna(
    model: str, corpus: str, split: str = "test", contents: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Score a gene finder on a split of a corpus.

    Args:
        model: its folder.
        corpus: folder of the corpus.
        split: train, dev, test or all.
        contents: sha256 of sources; only these, if any.

    Returns:
        precision, recall, f1, mcc: of bases, each counted on either strand; per_type: by strand; per_strand,
        strands, either_strand, gene, contigs as data/score_dna.py gives them.
    """
    finder = GeneFinder.load(Path(model))
    truth, lengths, called = [], {}, []
    for stretch in _stretches(Path(corpus), split, contents):
        if stretch.features is None:
            continue
        contig = f"{stretch.source}:{stretch.contig}:{stretch.start}"
        lengths[contig] = len(stretch)
        shifted = stretch.features.with_columns(
            contig=pl.lit(contig),
            start=(pl.col("start") - stretch.start).clip(0, len(stretch)),
            end=(pl.col("end") - stretch.start).clip(0, len(stretch)),
        )
        truth.append(shifted.filter(pl.col("start") < pl.col("end")))
        whole = Contig(contig, stretch.bases, None, stretch.source, 0, 1, stretch.circular)
        called += [parted(frame, lengths) for frame in finder.tag_contigs([whole])]
    if not truth:
        raise BadInput(
            f"annotated contigs in the {split} split",
            got="none",
            todo="Give --split all, or ingest FASTA with its GFF3 `--as test`.",
            source=corpus,
        )
    scores = score_intervals(pl.concat(truth), pl.concat(called), lengths, LABEL)
    overall = {name: scores["per_strand"][name] for name in ("precision", "recall", "f1", "mcc")}
    return {**overall, "per_type": {f"{LABEL} {s}": r for s, r in scores["strands"].items()}, **scores}
