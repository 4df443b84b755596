"""Tables of tagged DNA: every source is taken for one genome, whose habits are learned from its beginning.

They are learned once a run, by the first worker that needs them, and staged beside the shards. So they depend
on the source and the model alone, and what is found in a slice not on the others.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby

import polars as pl

from elman.data.exports.proteins import proteins
from elman.data.formats.options import Options
from elman.data.genome.contigs import Contig
from elman.data.genome.genome_model import GenomeModel, from_frame, to_frame
from elman.data.sources.reading import read
from elman.data.store import schema
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import Staging
from elman.tasks.models.gene_finder import GeneFinder, Row, intervals
from elman.tasks.tagging.inputs import File, Input, of_contigs
from elman.tasks.tagging.text_tables import Cut, Tables


class Genomes:
    """Tables of the slices of genomes: intervals, contigs and, for FASTA of them, proteins.

    Args:
        finder: finds the genes.
        formats: what is asked for.
        staging: where habits are kept.
    """

    def __init__(self, finder: GeneFinder, formats: Sequence[str], staging: Staging) -> None:
        self.finder, self.formats, self.staging = finder, formats, staging
        self._last: tuple[str, GeneFinder] | None = None

    def __call__(self, each: Input, whole: bool) -> Tables:
        """What makes tables of a slice of an input, or of the whole of it."""

        def tables(cut: Cut) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
            found: list[list[Row]] = []
            for source, some in groupby(cut.contigs, key=lambda contig: contig.source):
                found += self._found(each, source, list(some), whole and cut.last)
            frames = {"data": intervals(chain.from_iterable(found))}
            rows = [(contig.source, contig.id, contig.length, contig.circular) for contig in cut.contigs]
            frames["contigs"] = pl.DataFrame(rows, schema=schema.TAGGED_CONTIGS, orient="row")
            if "faa" in self.formats:
                code = self.finder.config.decode.code
                pairs = zip(cut.contigs, found, strict=True)
                translated = [proteins(contig.bases, intervals(rows), code) for contig, rows in pairs]
                frames["proteins"] = pl.concat([schema.PROTEINS.to_frame(), *translated])
            bases = sum(contig.length for contig in cut.contigs)
            return frames, {"bases": bases, "rows": frames["data"].height}

        return tables

    def _found(self, each: Input, source: str, contigs: list[Contig], all_: bool) -> Iterator[list[Row]]:
        """Genes of neighbouring contigs of a source; `all_`: nothing of it comes after them."""
        key = key_of(habits=each.sha256, source=source)
        if self._last is not None and self._last[0] == key:
            return self._last[1].tag_genome(contigs)[1]
        shard = self.staging.staged(key)
        size = sum(contig.length for contig in contigs)
        if (
            shard is None
            and contigs[0].byte_offset == 0
            and (all_ or size >= self.finder.config.adapt.longest)
        ):
            learned, found = self.finder.tag_genome(contigs)  # looks at no base twice
            self._keep(key, learned)
            return found
        if shard is None:
            shard = self._keep(key, self.finder.genome_model_of(self._contigs(each, source)))
        kept = self.staging.scan(shard, "habits")
        assert kept is not None
        known = from_frame(kept.collect(), self.finder.config.decode.code)
        self._last = key, self.finder.with_genome_model(known)
        return self._last[1].tag_genome(contigs)[1]

    def _keep(self, key: str, learned: GenomeModel | None) -> Shard:
        return self.staging.stage(f"habits-{key[:16]}", key, {"habits": to_frame(learned)})

    def _contigs(self, each: Input, source: str) -> Iterator[Contig]:
        """The contigs of a source, from its beginning."""
        options = Options(spool=self.staging.temporary_folder())
        if isinstance(each, File):
            return (record for record in read(each.item, options) if isinstance(record, Contig))
        return of_contigs(each, options, source)
