"""Plots of runs, readable on light and dark pages. Imports matplotlib on first use."""

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from elman.data.genome.contigs import NEITHER
from elman.data.store.disk import atomic_write

INK = "#7a7a7a"  # of text and axes: contrast above 4 to white and to the dark pages of GitHub and MLflow
_STYLE: dict[str, Any] = {
    "text.parse_math": False,  # names are names, also with $
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "grid.color": INK,
}


def _figure(width: float, height: float, columns: int) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure  # without pyplot, which is half a second and keeps every figure

    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]  # its stub wants a type of all names
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)


def _save(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box stands for it
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    atomic_write(path, buffer.getvalue())


def _label(name: str) -> str:
    """A name short enough for an axis, without control characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return shown if len(shown) <= 16 else shown[:15] + "…"


def learning_curve(history: Sequence[Mapping[str, float]], best_epoch: int | None, path: Path) -> None:
    """Plot the loss, and F1 or the loss on dev if measured, by epoch (or step without epochs), as PNG."""
    figure, axes = _figure(7, 3.2, 1)
    left = axes[0][0]
    unit, symbol = ("epoch", "token") if all("epoch" in line for line in history) else ("step", "base")
    places = [line[unit] for line in history]
    left.plot(places, [line["loss"] for line in history], color="tab:gray", label="training loss")
    left.set(xlabel=unit, ylabel=f"loss per {symbol}", ylim=(0, None))
    if all("dev_loss" in line for line in history):
        left.plot(places, [line["dev_loss"] for line in history], color="tab:blue", label="loss on dev")
        left.set(ylabel="nats per step")
        left.legend()
        if best_epoch is not None:
            left.axvline(best_epoch, color="tab:blue", linestyle=":", linewidth=1)
    if all("score" in line for line in history):
        right = left.twinx()
        right.plot(places, [100 * line["score"] for line in history], color="tab:blue", label="dev F1")
        right.set(ylabel="F1 on dev, %", ylim=(0, 100))
        right.yaxis.label.set_color("tab:blue")
        if best_epoch is not None:
            right.axvline(best_epoch, color="tab:blue", linestyle=":", linewidth=1)
    _save(figure, path)


def spectrogram(energies: np.ndarray) -> bytes:
    """A PNG of log energies (T, bands), a pixel each, time to the right and the lowest band at the bottom."""
    from matplotlib.image import imsave

    buffer, nothing = io.BytesIO(), {"Software": None}
    imsave(buffer, energies.T, cmap="magma", origin="lower", format="png", metadata=nothing)  # type: ignore[arg-type]  # its stub lacks None
    return buffer.getvalue()


_LOOKS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:gray")
_Z = 1.96  # normal quantile of a 95 % interval


def comparison(report: Mapping[str, Any], path: Path) -> None:
    """Plot the accuracy of entity tokens by position, and by the word's occurrence there in training.

    Bars are 95 % intervals of a share (Wilson, 1927). Groups of fewer than 10 entity tokens are left out
    where others are larger.

    Args:
        report: content of comparison.json.
        path: of the PNG.
    """
    figure, axes = _figure(11, 4.2, 2)
    names = [row["name"] for row in report["networks"]]
    titles = ("Where in the sentence the word stands", "Where training had the word")
    for axis, key, title in zip(axes[0], ("by_position", "by_seen"), titles, strict=True):
        most = max((row["entity_tokens"] for row in report[key]), default=0)
        groups = [row for row in report[key] if row["entity_tokens"] >= min(10, max(most, 1))]
        labels = [f"{row['group']}\n({row['entity_tokens']:,})" for row in groups]
        for number, (name, colour) in enumerate(zip(names, _LOOKS, strict=False)):
            shares = [row["entity_accuracy"][name] for row in groups]
            bounds = [_share_interval(row["entity_tokens"], p) for row, p in zip(groups, shares, strict=True)]
            errors = [
                [100 * abs(p - of[side]) for p, of in zip(shares, bounds, strict=True)] for side in (0, 1)
            ]
            places = [place + 0.05 * (number - 2) for place in range(len(groups))]
            look = {"color": colour, "marker": "o", "markersize": 4, "capsize": 2, "elinewidth": 1}
            axis.errorbar(places, [100 * p for p in shares], yerr=errors, label=name, **look)
        axis.set_xticks(range(len(groups)), labels, fontsize=8)
        axis.set(title=title, ylim=(0, 100))
        axis.title.set_fontsize(10)
        axis.grid(axis="y", linewidth=0.3)
    axes[0][0].set_ylabel("entity tokens tagged right, %")
    axes[0][0].set_xlabel("position in the sentence (entity tokens)", fontsize=9)
    axes[0][1].set_xlabel("where training had it (entity tokens)", fontsize=9)
    figure.legend(names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    _save(figure, path)


def _share_interval(count: int, share: float) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share of so many."""
    middle = share + _Z**2 / (2 * count)
    spread = _Z * (share * (1 - share) / count + _Z**2 / (4 * count**2)) ** 0.5
    return (middle - spread) / (1 + _Z**2 / count), (middle + spread) / (1 + _Z**2 / count)


def ablation(report: Mapping[str, Any], path: Path) -> None:
    """Plot F1 of each step of an ablation with its standard deviation over seeds, on dev and test."""
    figure, axes = _figure(8, 3.6, 1)
    axis, rows = axes[0][0], report["rungs"]
    for split, colour, aside in (("dev", "tab:gray", -0.12), ("test", "tab:blue", 0.12)):
        if split not in rows[0]:
            continue
        places = [place + aside for place in range(len(rows))]
        f1, error = ([100 * row[split][key] for row in rows] for key in ("f1", "deviation"))
        axis.errorbar(places, f1, yerr=error, fmt="o", color=colour, capsize=3, label=split)
    axis.set_xticks(range(len(rows)), [row["name"].replace(" ", "\n", 1) for row in rows], fontsize=8)
    axis.set(ylabel="entity F1, %", ylim=(0, 100))
    axis.grid(axis="y", linewidth=0.3)
    axis.legend(frameon=False)
    _save(figure, path)


def cost(report: Mapping[str, Any], path: Path) -> None:
    """Plot F1 of each step of an ablation that trains against the seconds of its training.

    Args:
        report: content of ladder.json.
        path: of the PNG.
    """
    figure, axes = _figure(8, 4, 1)
    axis, rows = axes[0][0], [row for row in report["rungs"] if row["seconds"]]
    split = "test" if rows and "test" in rows[0] else "dev"
    for row in rows:
        f1, error = 100 * row[split]["f1"], 100 * row[split]["deviation"]
        axis.errorbar(row["seconds"], f1, yerr=error, fmt="o", color="tab:blue", capsize=3)
        axis.annotate(row["name"], (row["seconds"], f1), (6, 5), textcoords="offset points", fontsize=8)
    axis.set(xlabel="seconds of training", ylabel=f"entity F1 on {split}, %", ylim=(0, 100), xscale="log")
    axis.margins(x=0.15)
    axis.grid(linewidth=0.3)
    _save(figure, path)


def f1_by_labels(curves: Mapping[str, Sequence[tuple[float, float, float]]], path: Path) -> None:
    """Plot F1 by labelled tokens, a line a way to choose what is labelled.

    Args:
        curves: by name points of labelled tokens, F1 (0 to 1) and its standard deviation over seeds.
        path: of the PNG.
    """
    figure, axes = _figure(7, 3.6, 1)
    axis = axes[0][0]
    for (name, points), colour in zip(curves.items(), _LOOKS, strict=False):
        tokens, f1, deviation = zip(*points, strict=True)
        shares, error = [100 * of for of in f1], [100 * of for of in deviation]
        axis.errorbar(
            tokens, shares, yerr=error, color=colour, marker="o", markersize=4, capsize=3, label=name
        )
    axis.set(xlabel="labelled tokens", ylabel="F1 on test, %")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(axis="y", alpha=0.3)
    axis.legend(loc="lower right")
    _save(figure, path)


def reliability(before: pl.DataFrame, after: pl.DataFrame, path: Path) -> None:
    """Plot the share of right entities against their probability, before and after scaling.

    Args:
        before, after: bins of `data.metrics.calibration.Calibration`.
        path: of the PNG.
    """
    figure, axes = _figure(4.6, 4, 1)
    axis = axes[0][0]
    axis.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":", label="perfect")
    for bins, colour, label in (
        (before, "tab:orange", "before scaling"),
        (after, "tab:blue", "after scaling"),
    ):
        shares = (100 * bins["probability"], 100 * bins["correct"])
        axis.plot(*shares, color=colour, marker="o", markersize=4, linewidth=1, label=label)
    axis.set(
        xlabel="probability of entities, %", ylabel="entities that are right, %", xlim=(0, 101), ylim=(0, 103)
    )
    axis.grid(linewidth=0.3)
    axis.legend()
    _save(figure, path)


def confusion(counts: Mapping[tuple[str, str], int], names: Sequence[str], path: Path) -> None:
    """Plot how often entities of a type in gold, in rows, were given another, in columns.

    Args:
        counts: by gold and predicted type; "" for none.
        names: types in order.
        path: of the PNG.
    """
    import numpy as np

    table = np.array([[counts.get((gold, said), 0) for said in (*names, "")] for gold in (*names, "")])
    labels = [_label(name) for name in names]
    _matrix(table, ([*labels, "spurious"], [*labels, "missed"]), path)


_MOST_CLASSES = 40  # of a picture; with more, names could not be read


def confusion_matrix(counts: Any, names: Sequence[str], path: Path) -> None:
    """Plot how often documents of a class in gold, in rows, were given another, in columns.

    Args:
        counts: (K, K) integers; of more than 40 classes those with the most documents are shown.
        names: of the K classes.
        path: of the PNG.
    """
    import numpy as np

    shown = np.sort(np.argsort(-(counts.sum(axis=0) + counts.sum(axis=1)), kind="stable")[:_MOST_CLASSES])
    labels = [_label(names[n]) for n in shown]
    _matrix(counts[np.ix_(shown, shown)], (labels, labels), path)


def _matrix(table: Any, labels: tuple[Sequence[str], Sequence[str]], path: Path) -> None:
    """Plot counts, coloured by their share of the row; labels of rows and columns."""
    import numpy as np

    size = len(table)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure, axes = _figure(2.6 + 0.62 * size, 1.6 + 0.45 * size, 1)
    axis = axes[0][0]
    axis.imshow(np.where(table > 0, shares, np.nan), cmap="Blues", vmin=-0.5, vmax=2.0, aspect="auto")
    for row in range(size):
        for column in range(size):
            if table[row, column]:
                axis.text(
                    column,
                    row,
                    f"{table[row, column]:,}",
                    color="black",
                    fontsize=8,
                    ha="center",
                    va="center",
                )
    axis.set_xticks(range(size), labels[1], rotation=35, ha="right", fontsize=8)
    axis.set_yticks(range(size), labels[0], fontsize=8)
    axis.set(xlabel="predicted", ylabel="in gold")
    _save(figure, path)


def thresholds(curves: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Plot the precision of the entities above each threshold, a line a type (six types at most).

    Args:
        curves: by type, of `data.metrics.thresholds.precision_curve`, all types first.
        path: of the PNG.
    """
    figure, axes = _figure(8, 3.6, 2)
    shown = list(curves.items())[:7]
    for number, (name, curve) in enumerate(shown if len(shown) > 2 else shown[1:]):  # of one type no sum
        look = {"color": INK if number == 0 else f"C{number - 1}", "linewidth": 2 if number == 0 else 1}
        axes[0][0].plot(curve["threshold"], 100 * curve["precision"], label=_label(name), **look)
        axes[0][1].plot(100 * curve["recall"], 100 * curve["precision"], **look)
    axes[0][0].set(xlabel="threshold of the probability", ylabel="precision, %", ylim=(0, 103))
    axes[0][1].set(xlabel="recall, %", ylim=(0, 103), xlim=(0, 100))
    for axis in axes[0]:
        axis.grid(linewidth=0.3)
    axes[0][0].legend(fontsize=8, loc="lower right")
    _save(figure, path)


_Interval = tuple[int, int, str, str]  # start, end, strand, label


def genome(
    truth: Sequence[_Interval],
    predicted: Sequence[_Interval],
    region: tuple[int, int],
    title: str,
    path: Path,
) -> None:
    """Plot a region of a genome: annotated genes above, predicted genes below, families beneath the arrows.

    Blue: the same interval in both; orange: the same stop codon only; red: in one of them only.
    """
    figure, axes = _figure(11, 3.4, 1)
    axis, heights = axes[0][0], {"+": 0.5, "-": -0.5}
    span = (region[1] - region[0]) * 0.008  # length of an arrow's head
    for intervals, others, lane in ((truth, predicted, 2), (predicted, truth, -2)):
        exact = {tuple(other[:4]) for other in others}
        ends = {_stop(other) for other in others}
        for start, end, strand, label in intervals:
            mine = (start, end, strand, label)
            colour = "tab:blue" if mine in exact else "tab:orange" if _stop(mine) in ends else "tab:red"
            y = lane + heights[strand]
            tail, tip = (start, end) if strand == "+" else (end, start)
            neck = tip - min(span, end - start) * (1 if strand == "+" else -1)
            if label == "CDS":
                corners = [(tail, y - 0.3), (neck, y - 0.3), (tip, y), (neck, y + 0.3), (tail, y + 0.3)]
                axis.fill(*zip(*corners, strict=True), color=colour, alpha=0.7, linewidth=0)
            elif label in NEITHER:
                axis.hlines(y, start, end, color="tab:gray", linewidth=2)
            else:
                axis.hlines(y - 0.4, start, end, color=colour, linewidth=3)
                axis.text((start + end) / 2, y, label, fontsize=6, ha="center", va="center", clip_on=True)
    axis.axhline(0, color=INK, linewidth=0.6)
    lanes = {
        lane + at: f"{name} {strand}"
        for lane, name in ((2, "truth"), (-2, "predicted"))
        for strand, at in heights.items()
    }
    axis.set_yticks(list(lanes), list(lanes.values()))
    axis.set(xlim=region, ylim=(-3, 3), xlabel="base", title=title)
    axis.title.set_fontsize(9)
    axis.ticklabel_format(axis="x", useOffset=False, style="plain")
    _save(figure, path)


def _stop(interval: _Interval) -> tuple[int, str, str]:
    start, end, strand, label = interval
    return (end if strand == "+" else start), strand, label
