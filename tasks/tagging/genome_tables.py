"""Tables of a window of tagged DNA: intervals, contigs and proteins.

Every source counts as one genome, whose genome model is fitted to its beginning, once a run, by the first
worker that needs it, and staged beside the shards. So it depends on the source and the model alone, and
the intervals of a slice do not depend on other slices.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

import polars as pl

from elman.data.errors import BadInput, UsageError
from elman.data.exports.dna.proteins import proteins
from elman.data.formats.common.options import Options
from elman.data.genome.contigs import Contig
from elman.data.genome.genetic_code import TgaUse
from elman.data.genome.genome_model import GenomeModel, from_frame, to_frame
from elman.data.store import schema
from elman.data.store.dataset import Shard
from elman.data.store.disk import key_of
from elman.data.store.writer import Staging
from elman.tasks.models.gene_finder import GeneFinder, Row, intervals
from elman.tasks.runtime.console import print_status
from elman.tasks.tagging.corpus_source import CorpusSource
from elman.tasks.tagging.sources import TaggingSource
from elman.tasks.tagging.text_tables import MakeTables
from elman.tasks.tagging.windows import Window

_ROWS = 1 << 14  # rows of a frame


def find_genetic_code(finder: GeneFinder, sources: Sequence[TaggingSource]) -> int:
    """Find the genetic code of sources by the test of `TgaUse.code`, and say it.

    It is that of the finder where no source has codons enough.

    Args:
        finder: its own genetic code does not matter for the test.
        sources: of DNA; each file is one genome.

    Raises:
        UsageError: the sources differ.
    """
    uses: dict[str, TgaUse] = {}
    for source in sources:
        try:
            if isinstance(source, CorpusSource):
                for name, group in groupby(source.contigs(Options()), key=lambda contig: contig.source):
                    uses[name] = finder.tga_use(group)
            else:
                uses[source.name] = finder.tga_use(source.contigs(Options(), source.name))
        except BadInput:  # tagging puts it in quarantine
            continue
    found = {use.code: name for name, use in reversed(uses.items()) if use.code is not None}
    if len(found) > 1:
        got = ", ".join(f"{code} of {name}" for code, name in sorted(found.items()))
        raise UsageError(
            f"expected sources of one genetic code for --genetic-code auto. Got {got}. "
            "Tag those of each code by themselves, into an --out of their own."
        )
    if not found:
        code = finder.config.decode.code
        print_status(f"genetic code {code}, the model's own: no source has genes enough to test it")
        return code
    (code,) = found
    codons, tga = (sum(use[i] for use in uses.values()) for i in (0, 1))
    rate = 1000 * tga / codons
    print_status(f"genetic code {code}, by a test: TGA in {rate:.1f} of 1,000 codons within genes")
    return code


class GenomeTables:
    """Makes the tables of windows of genomes, of a long contig part by part.

    Args:
        finder: finds the genes.
        names: of tables beside intervals and contigs: "proteins", "starts" or none.
        staging: where genome models are staged.
    """

    def __init__(self, finder: GeneFinder, names: Sequence[str], staging: Staging) -> None:
        self.finder, self.names, self.staging = finder, names, staging
        self._last: tuple[str, GeneFinder] | None = None
        self._model: GenomeModel | None = None  # of the last genome

    def __call__(self, source: TaggingSource, whole: bool) -> MakeTables:
        """Return a function that makes the tables of a window of a source; `whole`: it has but one slice."""

        def tables(window: Window) -> Iterator[tuple[dict[str, pl.DataFrame], dict[str, int]]]:
            rows: list[Row] = []
            translated, starts = [schema.PROTEINS.to_frame()], list[Row]()
            for name, group in groupby(window.contigs, key=lambda contig: contig.source):
                contigs = list(group)
                of_contigs = self._rows(source, name, contigs, whole and window.last)
                for contig, own in zip(contigs, of_contigs, strict=True):
                    genes: list[Row] = []
                    while some := list(islice(own, _ROWS)):
                        rows += some
                        genes += some if "starts" in self.names else []
                        if "proteins" in self.names:
                            code = self.finder.config.decode.code
                            translated.append(proteins(contig.bases, intervals(some), code))
                        if len(rows) >= _ROWS:
                            yield self._frames(rows, translated), {}
                            rows, translated = [], translated[:1]
                    starts += self.finder.start_rows(contig, genes, self._model) if genes else ()
            lengths = [
                (contig.source, contig.id, contig.length, contig.circular) for contig in window.contigs
            ]
            frames = {"contigs": pl.DataFrame(lengths, schema=schema.TAGGED_CONTIGS, orient="row")}
            bases = sum(contig.length for contig in window.contigs)
            if "starts" in self.names:
                frames["starts"] = pl.DataFrame(starts, schema=schema.STARTS, orient="row")
            yield {**self._frames(rows, translated), **frames}, {"bases": bases}

        return tables

    def _frames(self, rows: list[Row], translated: list[pl.DataFrame]) -> dict[str, pl.DataFrame]:
        frames = {"data": intervals(rows)}
        return {**frames, "proteins": pl.concat(translated)} if "proteins" in self.names else frames

    def _rows(
        self, source: TaggingSource, name: str, contigs: list[Contig], complete: bool
    ) -> Iterator[Iterator[Row]]:
        """Find the genes of neighbouring contigs of a file; `complete`: none of its contigs come later."""
        key = key_of(habits=source.sha256, source=name)
        if self._last is not None and self._last[0] == key:
            self._model, rows = self._last[1].tag_genome(contigs)
            return rows
        shard = self.staging.staged(key)
        size = sum(contig.length for contig in contigs)
        if (
            shard is None
            and contigs[0].byte_offset == 0
            and (complete or size >= self.finder.config.adapt.longest)
        ):
            self._model, rows = self.finder.tag_genome(contigs)  # logits once for fitting and tagging
            self._stage(key, self._model)
            return rows
        if shard is None:
            options = Options(spool=self.staging.temporary_folder())
            shard = self._stage(key, self.finder.genome_model_of(source.contigs(options, name)))
        frame = self.staging.scan(shard, "habits")
        assert frame is not None
        config = self.finder.config
        self._model = from_frame(frame.collect(), config.decode.code, config.adapt)
        self._last = key, self.finder.with_genome_model(self._model)
        return self._last[1].tag_genome(contigs)[1]

    def _stage(self, key: str, model: GenomeModel | None) -> Shard:
        return self.staging.stage(f"habits-{key[:16]}", key, {"habits": to_frame(model)})
