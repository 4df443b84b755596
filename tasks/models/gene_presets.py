"""Presets of gene finders: how the network, the decoder and the genome model are built and trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from elman.data.errors import UsageError
from elman.data.genome.gene_decoder import DecodeConfig
from elman.data.genome.genome_model import AdaptConfig
from elman.data.genome.nucleotides import STEP, TABLE_ROWS
from elman.rnn.networks.both_strands import StrandConfig
from elman.tasks.models.protein_families import FamilyConfig


@dataclass(frozen=True, kw_only=True)
class DnaConfig:
    """Settings of a gene finder: network, training and decoding; part of the passport.

    Attributes:
        hidden: units of the cell.
        embedding: width of the embedding of a base.
        crop: bases in a training window, a multiple of 6.
        batch: training windows in an update.
        passes: how often every base is trained on, within `least` and `most` million bases in all.
        learning_rate: its peak.
        begins: weight of a start codon in the loss, against a base.
        rewrite: share of training windows that are recoded with synonymous codons.
        piece: bases of a long contig that the network tags at once, a multiple of 6.
        margin: bases of context on either side of them.
        decode: settings of the gene decoder.
        adapt: settings of the genome model.
        families: settings of the family tagger, where the corpus has families.
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
    margin: int = 1200
    decode: DecodeConfig = field(default_factory=DecodeConfig)
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    families: FamilyConfig = field(default_factory=FamilyConfig)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "DnaConfig":
        """Undo `to_json`."""
        kinds = {"decode": DecodeConfig, "adapt": AdaptConfig, "families": FamilyConfig}
        return cls(**{name: kinds[name](**v) if name in kinds else v for name, v in fields.items()})

    @property
    def network(self) -> StrandConfig:
        """The two-strand network of this config."""
        return StrandConfig(rows=TABLE_ROWS, slots=STEP, embedding=self.embedding, hidden=self.hidden)


# The defaults of DecodeConfig, AdaptConfig and FamilyConfig are those of earlier models.
_DECODE = DecodeConfig(
    weight=0.03, gene=0.0, begin=3.2, codon=0.2, overlap=0.5, convergent=0.3, divergent=0.3, brief=8.0
)
_ADAPT = AdaptConfig(rounds=3, early=1_000_000, codons=1.3, before=44, motifs=4.8, spacing=4.2)
_FAMILIES = FamilyConfig(others=0.5, copies=8, exchanged=0.7, epochs=5, least=0.5)
_FAST_FAMILIES = FamilyConfig(others=0.3, copies=4, exchanged=0.5, epochs=4, least=0.3)
PRESETS: Mapping[str, DnaConfig] = {
    "default": DnaConfig(decode=_DECODE, adapt=_ADAPT, families=_FAMILIES),
    "fast": DnaConfig(
        passes=4.0, least=10.0, most=16.0, decode=_DECODE, adapt=_ADAPT, families=_FAST_FAMILIES
    ),
}


def dna_preset(name: str) -> DnaConfig:
    """The preset of a name.

    Raises:
        UsageError: no preset for DNA has this name.
    """
    if name not in PRESETS:
        raise UsageError(f"expected --preset to be one of {', '.join(PRESETS)} for DNA. Got {name!r}.")
    return PRESETS[name]
