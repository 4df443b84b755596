"""A line of plain text or of DNA is tagged whole, however long, in memory that does not grow with it."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from elman.data.store.dataset import Dataset

SIZE, MEMORY_MIB = 64 << 20, 800
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
"""  # in a process that is small itself: a child's peak is that of its parent at least


def tagged(checkout, model, source, out) -> tuple[pl.DataFrame, float]:
    """Rows of a source, and the peak memory in MiB of the largest process that tagged it."""
    command = ["-m", "elman.flows.cli", "tag", str(model), str(source), "--out", str(out), "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, sys.executable, *command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        check=True,
    )
    code, memory_mib = map(float, done.stdout.split()[-2:])
    assert code == 0, done.stderr
    print(f"{memory_mib:.0f} MiB")
    dataset = Dataset.open(out)
    assert dataset.scan("quarantine").collect().height == 0
    return dataset.scan().collect(), memory_mib


@pytest.mark.slow
def test_a_line_of_text_of_64_mib_is_tagged_whole(checkout, home, tmp_path, trained):
    sentence = "Bakason met Gudison in Nikaburg . "
    count = SIZE // len(sentence)
    (tmp_path / "line.txt").write_text(sentence * count)
    rows, memory_mib = tagged(checkout, trained["model"], tmp_path / "line.txt", tmp_path / "out")
    assert rows["text"].value_counts().rows_by_key("text") == {
        name: [(count,)] for name in ("Bakason", "Gudison", "Nikaburg")
    }
    starts = rows.filter(pl.col("text") == "Gudison")["start"].sort().to_numpy()
    np.testing.assert_array_equal(starts, np.arange(count) * len(sentence) + sentence.index("Gudison"))
    assert memory_mib < MEMORY_MIB


@pytest.mark.slow
def test_a_line_of_dna_of_64_mib_is_tagged_whole(checkout, home, tmp_path, gene_model, ecoli):
    count = SIZE // ecoli.length
    (tmp_path / "line.fna").write_text(">one\n" + str(ecoli.bases) * count + "\n")
    rows, memory_mib = tagged(checkout, gene_model, tmp_path / "line.fna", tmp_path / "out")
    assert rows["contig"].unique().to_list() == ["one"]
    assert rows.height > 50 * count
    assert (count - 1) * ecoli.length < rows["end"].max() <= count * ecoli.length
    assert memory_mib < MEMORY_MIB
