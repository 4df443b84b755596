"""Progress of a run on stderr: a bar with rate and time left on a terminal, else plain lines."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from elman.tasks.runtime import orchestration
from elman.tasks.runtime.artifacts import progress_artifact

PLAIN_EVERY_S = 10.0


def print_status(line: str) -> None:
    """Print one line for the user, and keep it with a Prefect run; stdout belongs to `--json`."""
    print(line, file=sys.stderr, flush=True)
    orchestration.log(line)


def format_amount(number: float, unit: str) -> str:
    """A number with its unit as a person reads it: "1,234 updates"; bytes, unit "B", as "1.23 MB"."""
    if unit != "B":
        return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"
    for prefix in ("", "k", "M"):
        if number < 1000:
            return f"{number:.3g} {prefix}B"
        number /= 1000
    return f"{number:,.3g} GB" if number < 1000 else f"{number:,.0f} GB"


@contextmanager
def progress(
    label: str, total: float | None, unit: str, note: Callable[[], str] | None = None
) -> Iterator[Callable[[float], None]]:
    """Show how far a step has come, on stderr and on the page of the Prefect run.

    Args:
        label: what is being done, in two or three words.
        total: the amount of work in `unit`; None where nobody knows.
        unit: what is counted, for the rate; "B" for bytes.
        note: what else there is to say now, in a few words.

    Yields:
        advance, to be called with the amount of work just done.
    """
    show = contextmanager(_bar if sys.stderr.isatty() else _lines)
    with progress_artifact(label, total) as publish, show(label, total, unit, note) as advance:
        done = 0.0

        def advance_both(more: float) -> None:
            nonlocal done
            done += more
            advance(more)
            publish(done, line)

        def line() -> str:
            of = f" of {format_amount(total, unit)}" if total else ""
            return f"{label}: {format_amount(done, unit)}{of}{f', {note()}' if note else ''}"

        yield advance_both


Note = Callable[[], str] | None


def _bar(label: str, total: float | None, unit: str, note: Note) -> Iterator[Callable[[float], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]:>10}/s")
    console = Console(stderr=True)
    columns = (TextColumn(label), BarColumn(), rate, TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task(label, total=total, rate="", note=note() if note else "")
        started, done = time.monotonic(), 0.0

        def advance(more: float) -> None:
            nonlocal done
            done += more
            rate = format_amount(done / max(time.monotonic() - started, 1e-9), unit)
            bars.update(bar, advance=more, rate=rate, note=note() if note else "")

        yield advance


def _lines(label: str, total: float | None, unit: str, note: Note) -> Iterator[Callable[[float], None]]:
    started = shown = time.monotonic()
    done = 0.0

    def line() -> str:
        elapsed = max(time.monotonic() - started, 1e-9)
        rate = done / elapsed
        left = f", {(total - done) / rate:,.0f} s left" if total and rate and done < total else ""
        of = f" of {format_amount(total, unit)}" if total else ""
        also = f", {note()}" if note else ""
        return f"{label}: {format_amount(done, unit)}{of}, {format_amount(rate, unit)}/s{left}{also}"

    def advance(more: float) -> None:
        nonlocal done, shown
        done += more
        if time.monotonic() - shown >= PLAIN_EVERY_S and (total is None or done < total):
            shown = time.monotonic()
            print_status(line())

    yield advance
    if done or total != 0:  # nothing to do is nothing to say
        print_status(line())


def printable(text: str) -> str:
    """Text on one line and without control characters: a corpus may hold any."""
    return without_controls(text.replace("\n", " "))


def without_controls(text: str) -> str:
    """Text with control characters, line ends too, as Python writes them in a string."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
