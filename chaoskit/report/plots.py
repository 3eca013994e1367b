"""The three plots of a run: goodput, latency, and failures for each series.

Each is drawn from buckets into a frame. It must never judge: bounds are drawn as declared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Gate
from chaoskit.report import words
from chaoskit.report.buckets import Buckets, Floats, Series
from chaoskit.report.frame import FONT, Frame, Mark, Scene, Shape
from chaoskit.report.palette import colour

OUTCOMES = tuple((o.name.lower(), o) for o in Outcome)
TITLES = {
    "goodput": "Answers per second",
    "latency": "Latency of all requests",
    "failures": "Not fully answered, by request",
}
_LINES = (("p50", "-", 1.5), ("p95", "-", 2.2), ("p99", "-", 1.2))
_BAND = 46.0  # pixels for each series in the failures plot: its name, and below it its bar
_BAR = 0.58  # of the band
_MOST_SERIES = 10
_LABEL_GAP = 14.0  # pixels between the baselines of two bound labels


def draw(
    name: str, buckets: Buckets, scene: Scene, gates: tuple[Gate, ...], narrow: bool
) -> Figure:
    """The plot `name` (a key of TITLES)."""
    width = 380.0 if narrow else 1000.0
    drawing: dict[str, Callable[[], Frame]] = {
        "goodput": lambda: _goodput(Shape(width, 190, narrow), buckets, scene),
        "latency": lambda: _latency(Shape(width, 220, narrow), buckets, scene, gates),
        "failures": lambda: _failures(width, narrow, buckets, scene),
    }
    return drawing[name]().figure


def shown_series(buckets: Buckets) -> tuple[Series, ...]:
    """The series of the failures plot: all, or the worst ones where there are too many."""
    worst = sorted(buckets.series, key=lambda s: -s.bad)[:_MOST_SERIES]
    return tuple(s for s in buckets.series if s in worst)


def _goodput(shape: Shape, buckets: Buckets, scene: Scene) -> Frame:
    frame = Frame(shape, TITLES["goodput"], scene)
    _stack(frame.axes, buckets.every.rate, buckets.edges)
    planned = buckets.every.rate(tuple(Outcome), buckets.edges)
    frame.axes.stairs(planned, buckets.edges, color=colour("ink"), linewidth=1)
    frame.axes.set_ylim(0, max(float(planned.max()) * 1.12, 1.0))
    frame.axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    keys = [(name, name, "area") for name, _ in OUTCOMES]
    frame.legend([*keys, ("planned", "ink", "-")])
    return frame


def _stack(
    axes: Axes, figure: Callable[[tuple[Outcome, ...], Floats], Floats], edges: Floats
) -> None:
    """Fill upwards: each outcome from the sum of those before it."""
    for index, (name, _) in enumerate(OUTCOMES):
        below = figure(tuple(Outcome)[:index], edges)
        above = figure(tuple(Outcome)[: index + 1], edges)
        if (above > below).any():
            axes.stairs(above, edges, baseline=below, fill=True, color=colour(name), linewidth=0)


def _latency(shape: Shape, buckets: Buckets, scene: Scene, gates: tuple[Gate, ...]) -> Frame:
    frame = Frame(shape, TITLES["latency"], scene)
    bounds = _bounds(scene, gates)
    low, high = _reach(buckets.latency, [value for _, value, _ in bounds])
    frame.axes.set_yscale("log")
    frame.axes.set_ylim(low, high)
    _ticks(frame.axes, low, high)
    centres = (buckets.edges[1:] + buckets.edges[:-1]) / 2
    for (name, style, width), values in zip(_LINES, buckets.latency, strict=True):
        # An infinite percentile leaves the plot at its top; a triangle says so.
        seen = np.where(np.isinf(values), high * 4, values)
        frame.axes.plot(centres, seen, style, color=colour(name), linewidth=width)
    endless = centres[np.isinf(buckets.latency[-1])]
    _endless(frame.axes, endless, high)
    _draw_bounds(frame, bounds, low, high)
    keys = [(name, name, style) for name, style, _ in _LINES]
    above = [("failed", "failed", "above")] if len(endless) else []
    declared = [("bound", "bound", "--")] if bounds else []
    frame.legend([*keys, *declared, *above])
    return frame


def _endless(axes: Axes, moments: Floats, high: float) -> None:
    style = {"color": colour("failed"), "markersize": 5, "clip_on": False, "zorder": 5}
    axes.plot(moments, np.full(len(moments), high), "^", **style)  # type: ignore[arg-type]


def _reach(latency: Floats, bounds: list[float]) -> tuple[float, float]:
    finite = latency[np.isfinite(latency) & (latency > 0)]
    known = [*map(float, (finite.min(), finite.max()) if len(finite) else ()), *bounds]
    low, high = min(known, default=0.001), max(known, default=1.0)
    return low / 1.6, max(high, low * 10) * 1.8


def _ticks(axes: Axes, low: float, high: float) -> None:
    decades = [10.0**k for k in range(-6, 5)]
    steps = (1, 3) if high / low < 300 else (1,)
    places = [d * s for d in decades for s in steps if low <= d * s <= high]
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value: float) -> str:
    return f"{value * 1000:g} ms" if value < 1 else f"{value:g} s"


def _bounds(scene: Scene, gates: tuple[Gate, ...]) -> list[tuple[Mark, float, str]]:
    """Phase, bound in seconds and label of each declared bound on a percentile, merged."""
    found: dict[tuple[Mark, float], list[str]] = {}
    phases = {mark.name: mark for mark in scene.phases}
    for gate in gates:
        claim = _claim(gate)
        if claim is None or gate.phase not in phases:
            continue
        labels = found.setdefault((phases[gate.phase], claim.bound.value), [])
        labels.append(f"{claim.series} {claim.metric} {claim.op} {claim.bound}")
    return [(mark, value, " · ".join(labels)) for (mark, value), labels in found.items()]


def _claim(gate: Gate) -> Expectation | None:
    try:
        claim = Expectation.parse(gate.expectation)
    except ValueError:
        return None  # a gate of another kind (ledger, restored) has no line here
    absolute = claim.bound.kind == "seconds" and claim.bound.value > 0
    return claim if absolute and claim.percentile is not None else None


def _draw_bounds(
    frame: Frame, bounds: list[tuple[Mark, float, str]], low: float, high: float
) -> None:
    def pixel(value: float) -> float:
        return float(np.log(value / low) / np.log(high / low)) * frame.shape.height

    for mark, value, _ in bounds:
        extent = (value, mark.begin, mark.end)
        frame.axes.hlines(*extent, colors=colour("bound"), linestyles="--", linewidth=1.3)
    ceiling: dict[Mark, float] = {}
    for mark, value, label in sorted(bounds, key=lambda b: b[1]):
        y = max(pixel(value) + 4, ceiling.get(mark, 0.0))
        ceiling[mark] = y + _LABEL_GAP
        if label := _fitting(label, frame.x(mark.end) - frame.x(mark.begin)):
            below_top = frame.top + frame.shape.height - y
            frame.text(label, frame.x(mark.begin) + 4, below_top, size=10, color=colour("bound"))


def _fitting(label: str, width: float) -> str:
    """As much of the label as its phase is wide; nothing where only a stump would fit."""
    most = int((width - 6) / 5.9)
    if len(label) <= most:
        return label
    return label[: most - 1] + "…" if most >= 12 else ""


def _failures(width: float, narrow: bool, buckets: Buckets, scene: Scene) -> Frame:
    rows = shown_series(buckets)
    frame = Frame(Shape(width, _BAND * max(len(rows), 1), narrow), TITLES["failures"], scene)
    axes = frame.axes
    axes.set_ylim(0, max(len(rows), 1))
    axes.yaxis.set_major_locator(FixedLocator([i + _BAR for i in range(len(rows))]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "100 %"))
    axes.hlines(range(1, len(rows)), scene.begin, scene.end, colors=colour("rule"), linewidth=1)
    axes.tick_params(axis="y", labelsize=9)
    for index, series in enumerate(rows):
        bottom = len(rows) - 1 - index
        _band(axes, series, buckets.edges, bottom)
        below_top = frame.top + _BAND * index + 13
        label = f"{series.name}: {_worst(series) or 'every answer ok'}"
        frame.text(_fitting(label, width - 70), frame.x(scene.begin) + 4, below_top, size=FONT)
    frame.legend([(name, name, "area") for name, _ in OUTCOMES[1:]])
    return frame


def _worst(series: Series) -> str:
    whole = int(series.planned.sum())
    told = [
        f"{name} {words.bad_share(int(series.counts[outcome].sum()), whole)}"
        for name, outcome in OUTCOMES[1:]
        if series.counts[outcome].any()
    ]
    return ", ".join(told)


def _band(axes: Axes, series: Series, edges: Floats, bottom: int) -> None:
    below = np.full(len(edges) - 1, float(bottom))
    for name, outcome in OUTCOMES[:0:-1]:  # failed lowest: it matters most and is easiest to read
        above = below + _BAR * series.share(outcome)
        if (above > below).any():
            axes.stairs(above, edges, baseline=below, fill=True, color=colour(name), linewidth=0)
        below = above
