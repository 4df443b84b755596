"""A tagging run at work."""

from elman.data.formats.options import Options
from elman.data.text.tokenizer import Tokenizer
from elman.flows.tag import find_input, tag_writer
from elman.tasks.execution.run import Tagging
from elman.tasks.execution.scheduler import SLOWEST, STALLED_S
from elman.tasks.tagging.plan import plan_sources


def work_of(source, model, kind, out):
    writer = tag_writer(out, str(model), ("parquet",), None, False, 0.0, None)
    inputs, _ = find_input([source], kind, str(model), out, None)
    with writer:
        return Tagging(writer, plan_sources(writer, inputs, Options(tokenizer=Tokenizer()), 1 << 20)).tasks()


def test_a_short_contig_waits_for_the_habits_of_a_long_one_that_came_before(gene_model, tmp_path):
    source = tmp_path / "genome.fna"
    source.write_text(">long\n" + "ACGT" * 1_000_000 + "\n>short\n" + "ACGT" * 300_000 + "\n")
    long, short = work_of(source, gene_model, "dna", tmp_path / "out")
    assert short.size < 1.3e6 < 4e6 < long.size
    short.up = True
    assert short.limit_s() > STALLED_S + (long.size + short.size) / SLOWEST - 1


def test_text_waits_for_itself_alone(trained, tmp_path):
    source = tmp_path / "novel.txt"
    source.write_text("Sam Li and Tom date on Tuesday.\n" * 100_000)
    first, *_ = work_of(source, trained["model"], "text", tmp_path / "out")
    first.up = True
    assert first.limit_s() == STALLED_S + first.size / SLOWEST
