"""Row-by-row writers: the specification of the export formats, given to tests as the fixture `reference`."""

import json
import re
from collections import Counter
from itertools import groupby
from types import SimpleNamespace

import polars as pl
import pytest

from elman.data.genome.contigs import Feature, over_origin


def tables_of(*shards):
    """Staged tables as the export formats read them; a shard is a dict of frames."""

    def tables(*names, optional=()):
        for shard in shards:
            if all(name in shard for name in names):
                yield tuple(shard.get(name, pl.DataFrame()) for name in (*names, *optional))

    return tables


def written(export, tables, **config):
    """Content of an export, as text."""
    return b"".join(bytes(chunk) for chunk in export.write(tables, config)).decode()


def jsonl(tables):
    rows = []
    for documents, entities, texts in tables("documents", "data", optional=("texts",)):
        for source, document in documents.select("source", "document").iter_rows():
            spans = [
                {
                    "start": row["start"],
                    "end": row["end"],
                    "label": row["type"],
                    "text": row["text"],
                    "probability": None if row["probability"] is None else round(row["probability"], 6),
                }
                for row in entities.iter_rows(named=True)
                if (row["source"], row["document"]) == (source, document)
            ]
            own = texts.filter(source=source, document=document)["text"].to_list() if texts.width else []
            rows.append(((source, document), spans, own))
    for (source, document), group in groupby(rows, key=lambda row: row[0]):
        parts = list(group)
        text = {"text": "".join(t for *_, own in parts for t in own)} if any(own for *_, own in parts) else {}
        spans = [span for _, spans, _ in parts for span in spans]
        line = {"id": document, "source": source, **text, "spans": spans}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def conll(tables):
    document = sentence = None
    for (tokens,) in tables("tokens"):
        for row in tokens.iter_rows(named=True):
            if (row["source"], row["document"]) != document:
                yield "\n" if document else ""
                yield "-DOCSTART-\tO\n\n"
            elif row["sentence"] != sentence:
                yield "\n"
            document, sentence = (row["source"], row["document"]), row["sentence"]
            yield f"{row['text']}\t{row['tag']}\n"
    if document:
        yield "\n"


def parts(row, length):
    feature = Feature(row["start"], row["end"], row["strand"], row["label"], row["phase"] or 0, "")
    return over_origin(feature, length) if row["end"] > length else [feature]


def bed(tables):
    for contigs, intervals in tables("contigs", "data"):
        lengths = dict(contigs.select("contig", "length").iter_rows())
        for row in intervals.iter_rows(named=True):
            score = 0 if row["probability"] is None else round(1000 * min(max(row["probability"], 0.0), 1.0))
            name, chrom = re.sub(r"\s", "_", row["label"]), re.sub(r"\s", "_", row["contig"])
            for part in parts(row, lengths[row["contig"]]):
                yield f"{chrom}\t{part.start}\t{part.end}\t{name}\t{score}\t{part.strand}\n"


def gff3_intervals(tables, code=None):
    """The lines of intervals alone, of contigs whose names need no escapes."""
    counts = Counter()
    for (intervals,) in tables("data"):
        for row in intervals.iter_rows(named=True):
            gene = row["label"] == "CDS"
            kind = "cds" if gene else "match"
            counts[kind] += 1
            attributes = [f"ID={kind}{counts[kind]}"]
            attributes += [] if gene else [f"Name={escaped(row['label'])}"]
            attributes += ["partial=true"] if row["partial"] else []
            attributes += [f"start_range=.,{row['start'] + 1}"] if row["partial"] & 1 else []
            attributes += [f"end_range={row['end']},."] if row["partial"] & 2 else []
            attributes += [f"transl_table={code}"] if code is not None and gene else []
            attributes += [] if row["model"] is None else [f"model={escaped(row['model'])}"]
            score = "." if row["probability"] is None else f"{row['probability']:.4f}"
            phase = "." if row["phase"] is None or not gene else row["phase"]
            kind = "CDS" if gene else "protein_match"
            yield (
                f"{row['contig']}\telman\t{kind}\t{row['start'] + 1}\t{row['end']}"
                f"\t{score}\t{row['strand']}\t{phase}\t{';'.join(attributes)}\n"
            )


def escaped(value):
    return re.sub(r"[\x00-\x1f\x7f%;=&,]", lambda match: f"%{ord(match[0]):02X}", value)


def faa(tables):
    count = 0
    for (proteins,) in tables("proteins"):
        for row in proteins.iter_rows(named=True):
            count += 1
            place = f"{row['contig']}:{row['start'] + 1}-{row['end']}({row['strand']})"
            partial = "true" if row["partial"] else "false"
            yield f">cds{count} {place} partial={partial} probability={row['probability']:.4f}\n"
            for first in range(0, len(row["protein"]), 60):
                yield row["protein"][first : first + 60] + "\n"


@pytest.fixture(scope="session")
def reference():
    """The functions of this module."""
    return SimpleNamespace(
        tables_of=tables_of,
        written=written,
        jsonl=jsonl,
        conll=conll,
        bed=bed,
        gff3_intervals=gff3_intervals,
        faa=faa,
    )
