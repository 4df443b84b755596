"""A trace for a terminal."""

from collections.abc import Iterator, Sequence

from elman.tasks.inspection.render import table
from elman.tasks.lineage.graph import LEARNT, MODEL, PRETRAINED, SOURCE
from elman.tasks.lineage.trace import Step, Trace
from elman.tasks.runtime.console import printable

_MOST = 40  # steps of a kind that are shown; --json has all
_LONGEST = 100  # characters of a fact


def text_of(trace: Trace) -> str:
    """The thing, what it came from, what was made of it, and what does not fit."""
    return "\n".join(map(_tidy, _lines(trace)))


def _tidy(line: str) -> str:
    return printable(line.rstrip()) if line else ""


def _lines(trace: Trace) -> Iterator[str]:
    for key, name in zip(trace.keys[:_MOST], trace.names, strict=False):
        also = f"  {name}" if name not in ("", key.id) else ""
        yield f"{key.kind} {key.id}{also}"
    width = max(map(len, trace.facts), default=0)
    for name, value in trace.facts.items():
        yield f"   {name:<{width}}  {value if len(value) <= _LONGEST else value[:_LONGEST] + ' ...'}"
    yield from _section("Came from", trace.up)
    yield from _section("Used for", trace.down)
    if not trace.down:
        yield from ("", "Nothing in this home was made of it.")
    elif {key.kind for key in trace.keys} == {SOURCE}:
        yield from ("", _answer(trace))
    if trace.problems:
        yield from ("", f"Broken: {len(trace.problems)}")
        yield from (f"   {problem.message}" for problem in trace.problems)


def _answer(trace: Trace) -> str:
    """Models that learnt from a source, in a sentence."""
    models = [step.name for step in trace.down if step.key.kind == MODEL]
    learnt = [step for step in trace.down if step.key.kind == MODEL and step.relation in (LEARNT, PRETRAINED)]
    if not learnt:
        return "No model here learnt from it" + (
            ", others were chosen by or scored on it." if models else "."
        )
    return f"Learnt from it: {', '.join(step.name for step in learnt[:_MOST])}."


def _section(title: str, steps: Sequence[Step]) -> Iterator[str]:
    if not steps:
        return
    yield from ("", title)
    rows, counts = [], dict[str, int]()
    for step in steps:
        counts[step.key.kind] = counts.get(step.key.kind, 0) + 1
        if counts[step.key.kind] <= _MOST:
            named = step.name if step.name and step.key.kind != "run" else step.key.id
            shown = step.sha256[:12] if step.sha256 else ""
            rows.append((step.key.kind, printable(named), step.relation, shown, step.state))
    yield from table(("what", "name", "how", "sha256", ""), rows)
    more = [f"{count - _MOST:,} more of {kind}" for kind, count in counts.items() if count > _MOST]
    if more:
        yield f"   ... {', '.join(more)}; --json lists all"
