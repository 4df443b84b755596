"""Kinds of corpora by their names, and the refusal of a dataset of another kind."""

from elman.data.corpus.shards import DNA, MUSIC, SPEECH, TEXT
from elman.data.errors import BadInput
from elman.data.store.dataset import Dataset

NAMES = {TEXT: "text", DNA: "DNA", MUSIC: "music", SPEECH: "speech"}


def check_kind(dataset: Dataset, *wanted: str, todo: str) -> None:
    """Refuse a dataset that is no corpus of a wanted kind.

    Args:
        dataset: what a command was given.
        wanted: kinds that the command takes.
        todo: what the user can do.

    Raises:
        BadInput: it is of another kind.
    """
    if dataset.kind in wanted:
        return
    named = [NAMES[kind] for kind in wanted]
    expected = (
        f"a corpus of {', '.join(named[:-1])} or {named[-1]}" if named[1:] else f"a corpus of {named[0]}"
    )
    kind = dataset.kind
    got = f"one of {NAMES[kind]}" if kind in NAMES else f"a dataset of kind {kind}"
    raise BadInput(expected, got=got, todo=todo, source=dataset.folder)
