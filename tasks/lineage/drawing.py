"""Drawing of a trace as SVG: columns by distance from the thing traced, what does not fit in red."""

from collections import defaultdict
from collections.abc import Iterator

from elman.tasks.lineage.graph import RUN, Key
from elman.tasks.lineage.trace import Step, Trace
from elman.tasks.runtime.html_page import text

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 220, 40, 70, 14, 24  # pixels
_MOST = 12  # boxes of a column
_LONGEST = 30  # characters of a name
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1f24}.kind{fill:#57606a;font-size:10px}"
    "rect{fill:#fff;stroke:#8c959f}.traced{fill:#ddf4ff;stroke:#0969da;stroke-width:2}"
    ".broken{stroke:#cf222e;stroke-width:2}path{fill:none;stroke:#8c959f}path.broken{stroke:#cf222e}"
)


def drawing(trace: Trace) -> str:
    """The trace as one SVG image, without scripts and outside resources."""
    places, boxes = _places(trace)
    broken = {step.key for step in (*trace.up, *trace.down) if step.state == "broken"}
    broken |= {key for key in boxes if any(_path(key) in of.path for of in trace.problems)}
    right = max(x for x, _ in places.values()) + _WIDTH + _MARGIN
    bottom = max(y for _, y in places.values()) + _HEIGHT + 2 * _MARGIN
    lines = [*_links(trace, places, broken), *_boxes(trace, places, boxes, broken)]
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {bottom}" width="{right}" '
        f'height="{bottom}"><style>{_STYLE}</style><rect width="100%" height="100%" '
        f'style="stroke:none"/>\n{body}\n</svg>\n'
    )


def _path(key: Key) -> str:
    return key.id if "/" in key.id else f"/{key.id}"


def _places(trace: Trace) -> tuple[dict[Key, tuple[int, int]], dict[Key, tuple[str, str]]]:
    """Upper left corner of each box that is drawn, and its kind and name."""
    columns: dict[int, list[tuple[Key, str]]] = defaultdict(list)
    columns[0] = list(zip(trace.keys, trace.names, strict=True))
    for sign, steps in ((-1, trace.up), (1, trace.down)):
        for step in steps:
            columns[sign * step.depth].append((step.key, _called(step)))
    left = min(columns)
    places, boxes = {}, {}
    for depth, entries in columns.items():
        for row, (key, name) in enumerate(entries[:_MOST]):
            x, y = (depth - left) * (_WIDTH + _GAP_X) + _MARGIN, row * (_HEIGHT + _GAP_Y) + _MARGIN
            kind = key.kind
            if row + 1 == _MOST and len(entries) > _MOST:
                kind, name = "", f"and {len(entries) - _MOST + 1:,} more"  # noqa: PLW2901
            places[key], boxes[key] = (x, y), (kind, name)
    return places, boxes


def _called(step: Step) -> str:
    return step.key.id if step.key.kind == RUN or not step.name else step.name


def _links(trace: Trace, places: dict[Key, tuple[int, int]], broken: set[Key]) -> Iterator[str]:
    for steps, up in ((trace.up, True), (trace.down, False)):
        for step in steps:
            if step.key in places and step.by in places:
                of, made = (step.key, step.by) if up else (step.by, step.key)
                (x1, y1), (x2, y2) = places[of], places[made]
                start, end, middle = x1 + _WIDTH, x2, (x1 + _WIDTH + x2) // 2
                top, low = y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
                kind = ' class="broken"' if step.key in broken else ""
                curve = f"M{start} {top}C{middle} {top} {middle} {low} {end} {low}"
                yield f'<path{kind} d="{curve}"><title>{text(step.relation)}</title></path>'


def _boxes(
    trace: Trace,
    places: dict[Key, tuple[int, int]],
    boxes: dict[Key, tuple[str, str]],
    broken: set[Key],
) -> Iterator[str]:
    for key, (x, y) in places.items():
        kind, name = boxes[key]
        shown = name or key.id
        shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
        classes = [name for name, of in (("traced", key in trace.keys), ("broken", key in broken)) if of]
        yield (
            f'<g><title>{text(key.kind)} {text(key.id)}</title><rect class="{" ".join(classes)}" x="{x}" '
            f'y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/><text class="kind" x="{x + 8}" '
            f'y="{y + 14}">{text(kind)}</text><text x="{x + 8}" y="{y + 30}">{text(shown)}</text></g>'
        )
