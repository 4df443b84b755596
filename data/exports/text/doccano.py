"""Export to doccano's JSON lines, as its sequence labelling imports them.

Format: https://doccano.github.io/doccano/tutorial/#import-data (JSONL). Other keys than `text` and `label`
become metadata of the document there; probabilities are not part of the format.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """JSON lines `{"id", "source", "text", "label": [[start, end, type]]}`.

    Args:
        tables: see `documents.write_documents`.
        config: of the tagged dataset, unused.
    """
    return documents.write_documents(tables, documents.json_triples("label"))


register(
    Export(
        name="doccano",
        suffix="doccano.jsonl",
        family="text",
        tables=documents.TABLES,
        description="JSON lines for doccano, spans as lists of start, end and type under `label`",
        write=write,
    )
)
