"""Next-symbol model loaded from its folder."""

from dataclasses import dataclass
from pathlib import Path

from elman.data.errors import IntegrityError
from elman.rnn.compute.arrays import Params
from elman.rnn.networks.next_symbol import NextSymbolConfig
from elman.rnn.networks.weights import from_bytes
from elman.tasks.generation.vocabulary import Vocabulary
from elman.tasks.models import model_folder
from elman.tasks.models.passport import GeneratorPassport


@dataclass(frozen=True)
class Generator:
    """A model that generates: its network, weights and vocabulary."""

    version: str
    passport: GeneratorPassport
    config: NextSymbolConfig
    params: Params
    vocabulary: Vocabulary

    @classmethod
    def read(cls, folder: Path) -> "Generator":
        """Read a model folder.

        Raises:
            BadInput: a model of another kind.
            IntegrityError: its files do not belong together.
        """
        return cls.of(model_folder.read(folder))

    @classmethod
    def of(cls, loaded: model_folder.Model) -> "Generator":
        """The model of a folder that has been read."""
        passport = loaded.of_generation
        try:
            params, config, _ = from_bytes(loaded.files[model_folder.WEIGHTS])
            vocabulary = Vocabulary.from_bytes(bytes(loaded.files[model_folder.VOCABULARY]))
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"{loaded.folder}: {error}") from None
        if vocabulary.sha256 != passport.vocabulary or config.to_dict() != dict(passport.network):
            raise IntegrityError(
                f"{loaded.folder}: expected the vocabulary and network of its passport. Got others."
            )
        return cls(loaded.version, passport, config, params, vocabulary)
