"""Tags of a registered version that say which corpus it was trained on."""

from pathlib import Path

from elman.data.corpus.about import about_in
from elman.data.store.dataset import Dataset

DIGEST = "elman.corpus"


def corpus_tags(folder: Path) -> dict[str, str]:
    """Tags that `find_challenger` looks for."""
    corpus = Dataset.open(folder)
    about = {f"elman.corpus.{name}": text for name, text in about_in(corpus.meta).items()}
    return {DIGEST: corpus.digest, **about}
