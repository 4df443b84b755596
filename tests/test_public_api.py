"""The public Python surface: names, signatures and fields that users may rely on."""

import inspect
import os
import subprocess
import sys

import elman

SURFACE = {
    "load": "(model: str | os.PathLike[str]) -> 'TextModel | GeneModel | ClassifierModel'",
    "TextModel.tag": "(self, text: str) -> list[Entity]",
    "TextModel.tag_many": "(self, texts: Iterable[str], batch_size: int = 256) -> Iterator[list[Entity]]",
    "TextModel.tag_frame": "(self, frame: DataFrame, text_column: str = 'text') -> DataFrame",
    "GeneModel.tag": "(self, bases: str, contig: str = '') -> list[Gene]",
    "GeneModel.tag_many": "(self, sequences: Iterable[str]) -> Iterator[list[Gene]]",
    "GeneModel.tag_frame": "(self, frame: DataFrame, sequence_column: str = 'sequence') -> DataFrame",
    "GeneModel.tag_genome": "(self, contigs: Mapping[str, str]) -> list[Gene]",
    "ClassifierModel.tag": "(self, text: str) -> Class",
    "ClassifierModel.tag_many": "(self, texts: Iterable[str], batch_size: int = 256) -> Iterator[Class]",
    "ClassifierModel.tag_frame": "(self, frame: DataFrame, text_column: str = 'text') -> DataFrame",
    "ClassifierModel.probabilities": "(self, text: str) -> dict[str, float]",
}
FIELDS = {
    "Class": ("label", "probability"),
    "Entity": ("text", "start", "end", "type", "probability"),
    "Gene": ("contig", "start", "end", "strand", "phase", "label", "probability"),
}


def plain(signature: inspect.Signature) -> str:
    """A signature without the modules of its types."""
    text = str(signature)
    apis = ("elman.tasks.models.api.", "elman.tasks.classification.api.")
    for module in (*apis, "collections.abc.", "polars.dataframe.frame.", "polars."):
        text = text.replace(module, "")
    return text


def found() -> dict[str, str]:
    members = {"load": elman.load}
    for kind in (elman.TextModel, elman.GeneModel, elman.ClassifierModel):
        for name, member in vars(kind).items():
            if not name.startswith("_"):
                members[f"{kind.__name__}.{name}"] = member
    return {name: plain(inspect.signature(member)) for name, member in members.items()}


def test_names_signatures_and_fields_are_stable():
    """A change here is a change for users: note it in CHANGELOG.md."""
    assert sorted(elman.__all__) == [
        "Class",
        "ClassifierModel",
        "Entity",
        "Gene",
        "GeneModel",
        "TextModel",
        "load",
    ]
    assert found() == SURFACE
    assert {name: getattr(elman, name)._fields for name in FIELDS} == FIELDS


def test_importing_elman_loads_nothing_heavy_and_loading_leaves_settings_alone(checkout, trained):
    code = (
        "import os, sys, elman\n"
        "assert not {'numpy', 'polars', 'numba', 'mlflow', 'prefect', 'tyro'} & set(sys.modules)\n"
        "before = dict(os.environ)\n"
        f"elman.load({trained['model']!r})\n"
        "changed = {k for k in os.environ if os.environ[k] != before.get(k)}\n"
        "print(changed - {'NUMBA_CACHE_DIR', '_RJEM_MALLOC_CONF'})"
    )
    env = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
