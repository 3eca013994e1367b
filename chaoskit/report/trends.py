"""The small plot of one failure point: how long each run took to recover, run after run.

It must never join runs by a line: between two runs nothing was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from chaoskit.model.resilience import Recovered, Recoveries
from chaoskit.report import words
from chaoskit.report.palette import colour

WIDTH, HEIGHT = 300.0, 132.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 10.0, 10.0, 24.0
_FONT = 10.0
# The shape of a run's mark, by its runtime in order of appearance.
SHAPES = (("o", "●"), ("s", "■"), ("D", "◆"), ("p", "⬟"))


def draw(told: Recoveries, runtimes: Sequence[str]) -> Figure:
    """Seconds to recover over the runs' dates; ▲ at the top: not reached."""
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
    figure.patch.set_visible(False)
    axes = _axes(figure)
    top = _top(told.runs)
    axes.set_ylim(0, top)
    _dates(axes, told.runs)
    _bounds(axes, told.runs, top)
    for run in told.runs:
        shape = SHAPES[runtimes.index(run.runtime) % len(SHAPES)][0]
        _mark(axes, run, _since(told.runs, run), shape, top)
    return figure


def _axes(figure: Figure) -> Axes:
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    box = (_LEFT / WIDTH, _BOTTOM / HEIGHT, width / WIDTH, height / HEIGHT)
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    axes.tick_params(colors=colour("muted"), labelsize=_FONT, length=0, pad=5)
    axes.grid(axis="y", color=colour("grid"), linewidth=1)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(colour("rule"))
    return axes


def _top(runs: Sequence[Recovered]) -> float:
    """The declared bound is shown where it does not squeeze the marks into one line."""
    highest = max((r.took for r in runs if r.took is not None), default=0.0)
    near = [r.within for r in runs if r.within <= 6 * highest or not highest]
    return max(highest, *near, 0.01) * 1.12 if near else highest * 1.3


def _dates(axes: Axes, runs: Sequence[Recovered]) -> None:
    """Seconds since the first run, with the first and the last date below."""
    last = _since(runs, runs[-1])
    margin = last * 0.04 or 1.0
    axes.set_xlim(-margin, last + margin)
    axes.xaxis.set_major_locator(FixedLocator([0.0, last] if last else [0.0]))
    labels = [words.date(runs[0].at), words.date(runs[-1].at)]
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: labels[bool(value)]))
    sides: tuple[Literal["left", "center", "right"], ...] = ("left", "right")
    sides = sides if last else ("center",)
    for label, side in zip(axes.get_xticklabels(), sides, strict=False):
        label.set_horizontalalignment(side)


def _since(runs: Sequence[Recovered], run: Recovered) -> float:
    return (run.at - runs[0].at).total_seconds()


def _bounds(axes: Axes, runs: Sequence[Recovered], top: float) -> None:
    for within in sorted({r.within for r in runs if r.within <= top}):
        axes.axhline(within, color=colour("bound"), linestyle="--", linewidth=1.3)


def _mark(axes: Axes, run: Recovered, at: float, shape: str, top: float) -> None:
    """Filled for a full run, hollow for a quick one; above the plot where it was not reached."""
    missed = run.took is None
    height = top if run.took is None else run.took
    tone = colour("failed" if missed else "p95")
    style: dict[str, Any] = {
        "color": tone, "markersize": 6, "markeredgewidth": 1.4, "clip_on": False,
        "linestyle": "", "markerfacecolor": "none" if run.quick else tone, "zorder": 5,
    }  # fmt: skip
    axes.plot([at], [height], "^" if missed else shape, **style)
