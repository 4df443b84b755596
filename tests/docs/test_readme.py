"""The README names every command, and its Python example works."""

import re
from pathlib import Path

import polars as pl

import elman
from elman.flows.cli import COMMANDS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")


def test_every_command_is_named():
    assert [name for name in COMMANDS if f"elman {name}" not in README and f"make {name}" not in README] == []


def test_the_python_example_runs(trained):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = code.replace("models:/names@champion", trained["model"])
    of_text, of_dna = code.split('elman.load("ecoli')
    frame = pl.DataFrame({"text": ["Badeson met Gorubson in Tinakburg ."]})
    scope = {"texts": frame["text"].to_list(), "frame": frame}
    exec(of_text, scope)
    assert isinstance(scope["model"], elman.TextModel)
    assert "Gene(contig, start, end, strand" in of_dna
