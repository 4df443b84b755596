"""Output of the demo on stderr: titles, tables, tagged sentences in colour."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.tasks.ingest.result import Ingested
from elman.tasks.runtime.console import printable

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")
ROWS = 12
_NOTES = 64  # of a melody, drawn one a column
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def title(text: str, more: str = "") -> None:
    """A heading and one line of what it is about."""
    from rich.text import Text

    console = _console()
    console.print()
    console.print(Text(text, style="bold"))
    if more:
        console.print(Text(more, style="dim"))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table; all cells but the first to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE, pad_edge=False)
    for place, name in enumerate(head):
        shown.add_column(name, justify="right" if place else "left", no_wrap=not place)
    for row in rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    _console().print(shown)


def counted(number: int, what: str) -> str:
    """A number with its noun: 1 record, 2 records."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def short(path: Path | str) -> str:
    """A path as short as it can be said from here."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def corpus(ingested: Ingested, record: str) -> None:
    """Print the counts of an ingest; `record` is the noun for a record."""
    records = f"{counted(ingested.records, record)} read, {ingested.quarantined} quarantined"
    if ingested.already:
        records += f", {ingested.already:,} there already"
    say_line(f"{records}: Parquet in {short(ingested.corpus)}")


def say_line(line: str) -> None:
    """One line as it is."""
    _console().print(line, markup=False)


def comparison(report: Mapping[str, Any]) -> None:
    """F1 of the networks compared, and accuracy by whether a word was seen at its position in training."""
    table(
        ("network", "dev F1", "test F1", "parameters", "training"),
        [
            (
                row["name"],
                f"{row['dev']['f1']:.3f}",
                f"{row['test']['f1']:.3f}",
                f"{row['parameters']:,}",
                f"{row['seconds']:.1f} s",
            )
            for row in report["networks"]
        ],
    )
    say_line("Of the words of names in dev, how many % each gets right, by where training had that word:")
    groups = [group for group in report["by_seen"] if group["entity_tokens"]]
    table(
        ("network", *(f"{group['group']} ({group['entity_tokens']:,})" for group in groups)),
        [
            (row["name"], *(f"{100 * group['entity_accuracy'][row['name']]:.0f}" for group in groups))
            for row in report["networks"]
        ],
    )


def tagged(model: str, text: str) -> None:
    """A sentence with each entity in brackets, followed by its type and probability, and in colour."""
    from rich.text import Text

    from elman.tasks.models.text_tagger import Tagger

    tagger = Tagger.load(Path(model))
    colours = dict(zip(tagger.types, COLOURS * len(tagger.types), strict=False))
    shown, at = Text(), 0
    for entity in tagger.tag_text(text):
        shown.append(printable(text[at : entity.start]))
        shown.append("[", style=colours[entity.type])
        shown.append(printable(text[entity.start : entity.end]), style=f"bold {colours[entity.type]}")
        shown.append(f" {entity.type} {entity.probability:.2f}]", style=colours[entity.type])
        at = entity.end
    shown.append(printable(text[at:]))
    _console().print(shown)


def rows(folder: Path, count: int = ROWS) -> None:
    """The first rows of a tagged dataset."""
    from elman.data.store.dataset import Dataset

    frame = Dataset.open(folder).scan().head(count).collect()
    wanted = ("contig", "start", "end", "strand", "text", "type", "label", "probability")
    names = tuple(name for name in wanted if name in frame.columns)
    cells = [
        tuple(f"{value:.2f}" if isinstance(value, float) else str(value) for value in row)
        for row in frame.select(names).iter_rows()
    ]
    table(names, cells)


def transcript(folder: Path) -> str:
    """Text of all utterances of a transcribed dataset."""
    from elman.data.store.dataset import Dataset

    return printable(" ".join(Dataset.open(folder).scan().collect()["text"]))


def melody(abc: str) -> None:
    """The first tune of a file of ABC, and its notes over time."""
    from elman.data.music.abc import symbols_of
    from elman.data.music.notes import notes_of_abc

    lines = abc.split("\n\n", maxsplit=1)[0].splitlines()
    say_line("\n".join(lines))
    notes = notes_of_abc(symbols_of(lines))[:_NOTES]
    pitches = sorted({note.pitch for note in notes}, reverse=True)
    for pitch in pitches:
        marks = "".join("o" if note.pitch == pitch else "." for note in notes)
        say_line(f"{_NAMES[pitch % 12]:>2}{pitch // 12 - 1} {marks}")


def genes(scores: Mapping[str, Any]) -> None:
    """Print the scores of coding regions."""
    strand, gene = scores["per_strand"], scores["gene"]
    table(
        ("", "precision", "recall", "MCC"),
        [
            (
                "bases, each strand",
                f"{strand['precision']:.3f}",
                f"{strand['recall']:.3f}",
                f"{strand['mcc']:.3f}",
            ),
            ("genes by their stop", f"{gene['stop_precision']:.3f}", f"{gene['stop_recall']:.3f}", ""),
            ("genes by both ends", f"{gene['exact_precision']:.3f}", f"{gene['exact_recall']:.3f}", ""),
        ],
    )
