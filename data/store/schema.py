"""Columns and types of every table at rest; the one place they are named.

Parquet offsets are 0-based half-open. Text offsets count code points of the document as decoded,
line ends untouched; `byte_offset` counts bytes of the (decompressed) source file.
"""

import polars as pl

SPLITS = ("train", "dev", "test")


def _table(**columns: pl.DataType | type[pl.DataType]) -> pl.Schema:
    return pl.Schema(columns)


TEXT = _table(  # one row a sentence
    document=pl.String,  # unique in a corpus
    sentence=pl.Int32,  # number in its document, from 0
    split=pl.String,  # one of SPLITS
    text=pl.String,  # the sentence exactly as it came
    start=pl.Int64,  # where `text` begins in the document
    token_start=pl.List(pl.Int64),  # offsets into the document
    token_end=pl.List(pl.Int64),
    tags=pl.List(pl.String),  # IOB2, one a token; null where unlabelled
    source=pl.String,
    byte_offset=pl.Int64,  # where the record (document, line, sentence) begins in its source
)

FEATURE = pl.Struct(  # a labelled interval, in contig coordinates, never clipped to the piece
    {
        "start": pl.Int64,
        "end": pl.Int64,
        "strand": pl.String,  # "+" or "-"
        "label": pl.String,  # "CDS", "pseudogene", ...
        "phase": pl.Int8,  # bases to skip to the first whole codon, GFF3 column 8
        "id": pl.String,  # parts of one feature share it
    }
)

DNA = _table(  # one row a piece of a contig
    contig=pl.String,
    contig_length=pl.Int64,
    split=pl.String,
    start=pl.Int64,  # where the piece begins in the contig
    bases=pl.String,  # exactly as in the source, case preserved
    circular=pl.Boolean,  # True if the contig's end continues at its beginning
    masked=pl.List(
        pl.Struct({"start": pl.Int64, "end": pl.Int64})
    ),  # soft-masked (lower case), in the contig
    features=pl.List(FEATURE),  # all that overlap the piece; null where the source has no annotation
    source=pl.String,
    byte_offset=pl.Int64,  # where the record begins in its source
)

SCORES = _table(  # beside a corpus where labels have a score, one row a sentence with such labels
    document=pl.String,
    source=pl.String,
    sentence=pl.Int32,
    score=pl.Float64,  # of the labels given, 0 to 1: that of the least sure span
)

LABELS = _table(  # beside a corpus where documents have one, one row a document or contig
    document=pl.String,  # or contig
    source=pl.String,
    label=pl.String,  # its class
)

MUSIC = _table(  # one row a time step of a voice: a symbol, or each note that sounds
    piece=pl.String,  # unique in a corpus
    split=pl.String,
    voice=pl.Int32,  # from 0
    step=pl.Int32,  # time step in the piece, from 0
    note=pl.Int16,  # MIDI number; null for a symbol, and where no voice sounds
    symbol=pl.String,  # of ABC, see data/music/abc.py; null where notes are given
    steps_per_quarter=pl.Int16,  # time steps of a quarter note; null for symbols
    source=pl.String,
    byte_offset=pl.Int64,  # where the record begins in its source
)

SPEECH = _table(  # one row a clip
    clip=pl.String,  # unique in a corpus: the path that a list of transcripts gives, or the name of the file
    text=pl.String,  # what is said; null where it is not known
    sample_rate=pl.Int32,  # of `audio`, a second
    samples=pl.Int64,  # of `audio`
    speaker=pl.String,  # null where it is not known
    split=pl.String,
    audio=pl.Binary,  # one channel, signed 16 bits a sample, little-endian, see data/audio/clips.py
    audio_sha256=pl.String,  # of `audio`
    source=pl.String,
    byte_offset=pl.Int64,  # where the record begins in its source
)

GENERATED = _table(  # generated pieces, one row a piece
    piece=pl.String,  # its number, from 0
    seed=pl.Int64,
    start=pl.String,  # symbol it was begun from; null: from nothing
    symbols=pl.List(pl.String),  # of a roll the MIDI numbers of each step, with spaces
    nll=pl.Float64,  # nats of the whole piece under the model at temperature 1
    copied_run=pl.Int32,  # longest run of symbols that stands in a training piece, too; null: not looked for
    copied_from=pl.String,  # that training piece
    model=pl.String,  # model version
    ended=pl.Boolean,  # False where the greatest length cut it off
    attempt=pl.Int32,  # 0, or how often it was drawn again because an earlier piece was the same
)

TRANSCRIPTS = _table(  # speech as text, one row an utterance; of a clip without any, one row of an empty text
    source=pl.String,
    clip=pl.String,
    start_s=pl.Float64,  # seconds from the beginning of the clip
    end_s=pl.Float64,
    text=pl.String,
    probability=pl.Float64,  # of the whole text of the utterance
    model=pl.String,  # model version
)

TRANSCRIBED_WORDS = _table(  # beside them, one row a word
    source=pl.String,
    clip=pl.String,
    start_s=pl.Float64,
    end_s=pl.Float64,
    word=pl.String,
    probability=pl.Float64,  # product of those of its letters
    model=pl.String,
)

QUARANTINE = _table(  # one row a quarantined record
    source=pl.String,
    line=pl.Int64,  # from 1; null where the format has no lines
    byte_offset=pl.Int64,
    reason=pl.String,  # a stable code, e.g. "wrong-columns"
    detail=pl.String,  # what was expected, what came
    todo=pl.String,
    raw=pl.Binary,
)

ENTITIES = _table(  # tagged text, one row an entity
    source=pl.String,
    document=pl.String,
    sentence=pl.Int32,
    start=pl.Int64,  # into the document
    end=pl.Int64,
    text=pl.String,
    type=pl.String,
    probability=pl.Float32,
    model=pl.String,  # model version
)

TOKENS = _table(  # tagged text on request, one row a token
    source=pl.String,
    document=pl.String,
    sentence=pl.Int32,
    start=pl.Int64,  # into the document
    end=pl.Int64,
    text=pl.String,
    tag=pl.String,  # IOB2
    probability=pl.Float32,  # of the tag; null where `--precision` left the entity out
    model=pl.String,
)

TAGGED_DOCUMENTS = _table(  # beside tagged text, one row a document and shard, with entities or without
    source=pl.String,
    document=pl.String,
    line=pl.Int64,  # of the source where it begins, from 1; null where the format has no lines
    sentences=pl.Int64,
    tokens=pl.Int64,
)

DOCUMENT_TEXTS = _table(  # beside tagged text on request: documents as read; a long one is several rows
    source=pl.String,
    document=pl.String,
    start=pl.Int64,  # where `text` begins in the document
    text=pl.String,
)

REDACTED = _table(  # redacted text on request, one row a document and shard
    source=pl.String,
    document=pl.String,
    line=pl.Int64,  # as in TAGGED_DOCUMENTS
    start=pl.Int64,  # where the text begins in the document; above 0 in later shards of a long text
    text=pl.String,  # with the entities taken out
)

REDACTIONS = _table(  # beside redacted text, one row a span that was taken out
    source=pl.String,
    document=pl.String,
    start=pl.Int64,  # into the document, as it was
    end=pl.Int64,
    text_start=pl.Int64,  # `start` of its row in REDACTED
    redacted_start=pl.Int64,  # into the text of that row
    redacted_end=pl.Int64,
    type=pl.String,
    operator=pl.String,
    probability=pl.Float32,  # null where no tagger gave one
    model=pl.String,  # model version, or pattern:NAME
)

SUGGESTIONS = _table(  # documents to label, the best first
    document=pl.String,
    source=pl.String,
    tokens=pl.Int64,
    expected_errors=pl.Float64,
    doubtful=pl.List(pl.String),  # strings that it was chosen for, in lower case, most expected errors first
    pre_annotations=pl.Int64,  # entities that the model found in it
)

CLASSIFIED = _table(  # classified text or DNA, one row a document or contig
    source=pl.String,
    document=pl.String,  # or contig
    label=pl.String,  # the likeliest class
    probability=pl.Float32,
    model=pl.String,  # model version
)

TAGGED_CONTIGS = _table(  # beside tagged DNA, one row a contig
    source=pl.String,
    contig=pl.String,
    length=pl.Int64,
    circular=pl.Boolean,
)

INTERVALS = _table(  # tagged DNA, one row an interval
    source=pl.String,
    contig=pl.String,
    start=pl.Int64,
    end=pl.Int64,  # counts on past the length of a circular contig where the interval runs over its origin
    strand=pl.String,
    phase=pl.Int8,
    label=pl.String,
    partial=pl.Int8,  # 0 whole; low end (1), high end (2) or both (3) cut off by the contig's end or a gap
    probability=pl.Float32,
    model=pl.String,
)

STARTS = _table(  # tagged DNA on request, one row a candidate start of a gene: scores in the decoder's units
    source=pl.String,
    contig=pl.String,
    gene_start=pl.Int64,  # of the called gene, as in INTERVALS
    gene_end=pl.Int64,
    start=pl.Int64,  # of the gene with this start; below 0 where it would run over a circle's origin
    end=pl.Int64,
    strand=pl.String,
    called=pl.Boolean,  # True for the start of the called gene
    codon=pl.String,
    distance=pl.Int64,  # from the gene before, negative where they overlap; null without one
    score=pl.Float32,  # sum of the parts
    network=pl.Float32,  # the start, and bases gained or lost against the called one
    codons=pl.Float32,  # codons gained or lost
    context=pl.Float32,  # bases around the start codon
    motif=pl.Float32,
    spacing=pl.Float32,  # the gene before: distance and shared bases
    length=pl.Float32,  # of a short gene
    model=pl.String,
)

PROTEINS = _table(  # tagged DNA on request, one row an interval: what it is translated to
    source=pl.String,
    contig=pl.String,
    start=pl.Int64,
    end=pl.Int64,
    strand=pl.String,
    label=pl.String,
    partial=pl.Int8,
    probability=pl.Float32,
    protein=pl.String,
)

OUTPUTS = {  # by kind of a tagged dataset: columns of its table `data`
    "tagged-text": ENTITIES,
    "tagged-dna": INTERVALS,
    "tagged-documents": CLASSIFIED,
    "tagged-sequences": CLASSIFIED,
}
