"""Find the corpus or the model that a name means."""

from pathlib import Path

from elman.data.corpus.shards import DNA, TEXT
from elman.data.errors import BadInput
from elman.data.store.dataset import MANIFEST, Dataset
from elman.tasks.ingest.corpus_names import NAME, corpus_folder
from elman.tasks.models import model_folder
from elman.tasks.models.model_folder import PASSPORT, Model

KINDS = {TEXT: "text", DNA: "dna"}


def target(name: str) -> tuple[Path, str] | Model:
    """A corpus (its folder, and `text` or `dna`) or a model.

    Args:
        name: of an ingested corpus, a folder of either, or a model as commands take it.

    Raises:
        BadInput, IntegrityError: neither is there, or it is damaged.
    """
    path = Path(name)
    if NAME.fullmatch(name) and corpus_folder(name).is_dir():
        path = corpus_folder(name)
    if not (path / MANIFEST).is_file() or (path / PASSPORT).is_file():
        try:
            return model_folder.read(model_folder.resolve(name))
        except BadInput as error:
            raise BadInput("a corpus or a model", got=error.got, todo=error.todo, source=name) from None
    kind = Dataset.open(path).kind
    if kind not in KINDS:
        raise BadInput("a corpus or a model", got=f"a dataset of {kind}", todo=_ADVICE, source=path)
    return path, KINDS[kind]


_ADVICE = "Name what `elman ingest` or `elman train` made."  # no encoded corpus, no tagged output
