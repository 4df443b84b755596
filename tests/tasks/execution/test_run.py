"""Work of a tagging run."""

from pathlib import Path

from elman.data.formats.common.options import Options
from elman.data.text.tokenizer import Tokenizer
from elman.tasks.execution.run import TaggingRun
from elman.tasks.execution.scheduler import SLOWEST_BYTES_S, STALLED_S
from elman.tasks.models import model_folder
from elman.tasks.tagging.discovery import find_sources
from elman.tasks.tagging.output import TagSettings, output_writer
from elman.tasks.tagging.plan import plan_sources


def work_of(source, folder, out):
    model = model_folder.read(Path(folder))
    writer = output_writer(out, model, TagSettings())
    sources, _ = find_sources([source], model.kind, str(folder), out)
    with writer:
        plan = plan_sources(writer, sources, Options(tokenizer=Tokenizer()), 1 << 20)
        return TaggingRun(writer, plan).work()


def test_the_timeout_of_a_short_contig_covers_the_genome_model_of_a_long_one(gene_model, tmp_path):
    source = tmp_path / "genome.fna"
    source.write_text(">long\n" + "ACGT" * 1_000_000 + "\n>short\n" + "ACGT" * 300_000 + "\n")
    long, short = work_of(source, gene_model, tmp_path / "out")
    assert short.size < 1.3e6 < 4e6 < long.size
    short.ready = True
    assert short.timeout_s() > STALLED_S + (long.size + short.size) / SLOWEST_BYTES_S - 1


def test_the_timeout_of_text_depends_on_its_own_size(trained, tmp_path):
    source = tmp_path / "novel.txt"
    source.write_text("Sam Li and Tom date on Tuesday.\n" * 100_000)
    first, *_ = work_of(source, trained["model"], tmp_path / "out")
    first.ready = True
    assert first.timeout_s() == STALLED_S + first.size / SLOWEST_BYTES_S
