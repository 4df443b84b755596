"""Export to JSON lines of texts and entities for spaCy.

A line has the text, and under `entities` the triples of start, end and type that `spacy.training` takes
(https://spacy.io/api/data-formats#dict-input): `Example.from_dict(nlp.make_doc(line["text"]), {"entities":
line["entities"]})`. Offsets count code points, as in spaCy. Probabilities are not part of the format.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from elman.data.exports.registry import Chunk, Export, Tables, register
from elman.data.exports.text import documents


def write(tables: Tables, config: Mapping[str, Any]) -> Iterator[Chunk]:
    """JSON lines `{"id", "source", "text", "entities": [[start, end, type]]}`.

    Args:
        tables: see `documents.write_documents`.
        config: of the tagged dataset, unused.
    """
    return documents.write_documents(tables, documents.json_triples("entities"))


register(
    Export(
        name="spacy",
        suffix="spacy.jsonl",
        family="text",
        tables=documents.TABLES,
        description="JSON lines for spaCy, spans as lists of start, end and type under `entities`",
        write=write,
    )
)
