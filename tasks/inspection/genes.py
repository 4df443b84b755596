"""DNA as a corpus or a gene finder sees it: bases, one-hot rows (T, 4), windows, classes, genes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.encoding.padded import PaddedBatch, pad_batch
from elman.data.errors import UsageError
from elman.data.genome.annotation_rules import CDS
from elman.data.genome.nucleotides import (
    BEYOND,
    CLASSES,
    IGNORE,
    REACH,
    STEP,
    UNKNOWN,
    WIDTH,
    Codes,
    encode_bases,
    encode_iupac,
    frame_labels,
    reverse_complement,
    step_rows,
)
from elman.data.store import schema
from elman.data.store.dataset import Dataset
from elman.rnn.compute.arrays import Floats, Params
from elman.rnn.networks.both_strands import STRAND_LOGITS, StrandConfig, forward
from elman.tasks.models.gene_finder import load_model
from elman.tasks.models.gene_presets import dna_preset
from elman.tasks.models.model_folder import Model

LEADER = "ATGAAACGCATTAGCACCACCATTACCACCACCATCACCATTACCACAGGTAACGGTGCGGGCTGA"  # thrL of E. coli K-12
MOST_BASES = 600
SHOWN = 66  # bases of a gene of a corpus


@dataclass(frozen=True)
class ShownGenome:
    """Output of `elman show` for a corpus or a model of DNA.

    source: corpus or model, by name; origin: where the bases come from; batch: the strand and its reverse
    complement side by side, (T, 2), without an id where a base is unknown; windows: (N, STEP), the table row
    of each slot of each step; classes: of each base, gold or predicted, None where there are none;
    probabilities: of predicted classes; genes: found in these bases; shapes, parameters: of the network;
    about: licence and description of a corpus, if given.
    """

    source: str
    origin: str
    bases: str
    batch: PaddedBatch
    windows: np.ndarray
    network: str
    shapes: dict[str, tuple[int, ...]]
    parameters: int
    classes: list[str] | None = None
    probabilities: list[float] | None = None
    genes: list[dict[str, Any]] | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def one_hot(self) -> np.ndarray:
        """(T, 4) float32, channels A, C, G, T; all zero for an unknown base."""
        rows: np.ndarray = self.batch.one_hot(4)[:, 0]
        return rows

    def words(self, step: int) -> list[str]:
        """The windows of a step as bases, `-` beyond the ends."""
        around = "-" * REACH + self.bases + "-" * (WIDTH + STEP)
        return [around[at : at + WIDTH] for at in range(step * STEP, (step + 1) * STEP)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "source": self.source,
            "origin": self.origin,
            "bases": self.bases,
            "one_hot": self.one_hot.astype(int).tolist(),
            "batch": {"shape": [*self.batch.shape, 4], "mask": self.batch.mask.tolist()},
            "windows": [
                {"step": step, "words": self.words(step), "rows": rows}
                for step, rows in enumerate(self.windows.tolist())
            ],
            "network": self.network,
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "parameters": self.parameters,
            "classes": self.classes,
            "probabilities": self.probabilities,
            "genes": self.genes,
            **({"about": dict(self.about)} if self.about else {}),
        }


def of_corpus(folder: Path, text: str | None) -> ShownGenome:
    """The beginning of the first gene of a corpus of DNA with its classes, or bases of one's own.

    Raises:
        UsageError: the text is no DNA, or longer than MOST_BASES.
    """
    name = folder.name
    config = dna_preset("default").network
    if text is not None:
        return _shown(name, "text", checked(text), config, "preset default, untrained")
    rows = Dataset.open(folder).scan().head(1).collect()
    row = rows.row(0, named=True)
    features = pl.DataFrame(row["features"] or [], schema=dict(schema.FEATURE))
    coding = features.filter(pl.col("label") == CDS, pl.col("start") >= row["start"])
    first = int(coding["start"].min()) if len(coding) else row["start"]  # type: ignore[arg-type]  # of Int64
    bases = row["bases"][first - row["start"] :][:SHOWN]
    origin = f"contig {row['contig']}, bases {first:,} to {first + len(bases):,} (0-based half-open)"
    shown = _shown(name, origin, bases, config, "preset default, untrained")
    if row["features"] is None:
        return shown
    gold = frame_labels(features, first, len(bases)).tolist()
    return ShownGenome(**{**vars(shown), "classes": ["ignored" if c == IGNORE else CLASSES[c] for c in gold]})


def of_model(model: Model, text: str | None) -> ShownGenome:
    """Bases as a gene finder sees them, by default the leader gene thrL of *E. coli*.

    Raises:
        UsageError: the text is no DNA, or longer than MOST_BASES.
    """
    finder = load_model(model)
    bases = LEADER if text is None else checked(text)
    config = finder.config.network
    origin = "thrL of E. coli K-12" if text is None else "text"
    shown = _shown(model.version, origin, bases, config, f"this model: preset {model.passport.preset}")
    chances = probabilities(finder.params, encode_bases(bases))
    best = chances.argmax(axis=1)
    return ShownGenome(
        **{
            **vars(shown),
            "classes": [CLASSES[c] for c in best],
            "probabilities": chances.max(axis=1).tolist(),
            "genes": finder.tag_raw(bases),
        }
    )


def checked(text: str) -> str:
    """The bases of a text without white space.

    Raises:
        UsageError: it is no DNA, or longer than MOST_BASES.
    """
    bases = "".join(text.split())
    strange = sorted(set(bases.upper()) - set("ACGTUNRYSWKMBDHV"))
    if strange or not 0 < len(bases) <= MOST_BASES:
        got = f"the letter {strange[0]!r}" if strange else f"{len(bases):,} bases"
        raise UsageError(
            f"expected a TEXT of 1 to {MOST_BASES} bases. Got {got}. Tag genomes with `elman tag`."
        )
    return bases


def probabilities(params: Params, codes: Codes) -> Floats:
    """The network's probability of each class of each base, (L, 7)."""
    filled = _filled(codes)
    rows, mirrored = step_rows(filled), step_rows(reverse_complement(filled))
    logits, _ = forward(params, rows[:, None], mirrored[:, None])
    positions = [
        0,
        *range(1, STRAND_LOGITS),
        *range(1 + STRAND_LOGITS, 2 * STRAND_LOGITS),
    ]  # without "a gene begins here"
    z = logits.reshape(-1, logits.shape[-1])[: len(codes), positions]
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    shares: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def _filled(codes: Codes) -> Codes:
    """Codes up to a whole number of steps."""
    return np.append(codes, np.full(-len(codes) % STEP, BEYOND, np.uint8))


def _shown(source: str, origin: str, bases: str, config: StrandConfig, name: str) -> ShownGenome:
    codes = encode_bases(bases)
    strands = [
        [code if code < UNKNOWN else None for code in strand.tolist()]
        for strand in (codes, reverse_complement(codes))
    ]
    return ShownGenome(
        source=source,
        origin=origin,
        bases=bases,
        batch=pad_batch(pl.Series(strands, dtype=pl.List(pl.Int32)), pad=None),
        windows=step_rows(_filled(encode_iupac(bases))),
        network=name,
        shapes=config.parameters(),
        parameters=config.size(),
    )
