"""The frame that all plots share: the time axis, phases named, faults barred and shaded.

Everything is placed in pixels (the figures have 72 dots to the inch), so that labels can be
packed without overlap. It must never use pyplot, whose state is global.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import IdentityTransform

from chaoskit.report.palette import colour
from chaoskit.report.source import Run

FONT = 11.0
_CHARACTER = 6.4  # DejaVu Sans at 11 px; page fonts are narrower
_ROW = 17.0
_LEFT, _RIGHT, _BOTTOM, _TITLE = 54.0, 12.0, 40.0, 26.0


@dataclass(frozen=True)
class Shape:
    """Size of a plot in pixels. A narrow one has its legend below the title."""

    width: float
    height: float
    narrow: bool = False


@dataclass(frozen=True)
class Mark:
    """Something with a name and an extent on the time axis, in seconds since the origin."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True)
class Scene:
    """What every plot of a run shows of its course."""

    begin: float
    end: float
    phases: tuple[Mark, ...]
    faults: tuple[Mark, ...]


def scene(run: Run, begin: float, end: float) -> Scene:
    """Phases, impact and faults of `run` between `begin` and `end`, seconds since its origin."""
    zero, last = run.origin, run.end
    phases = [
        Mark(s.phase, s.begin - zero, (last if s.end is None else s.end) - zero)
        for s in run.verdict.spans
    ]
    return Scene(begin, end, (*phases, *_impact(run)), tuple(_faults(run)))


def _impact(run: Run) -> list[Mark]:
    """Where the faults were first felt, were told from chance, and were over; named like phases."""
    found = run.verdict.impact
    known = [i.acknowledged for i in run.verdict.injections if i.acknowledged is not None]
    if found is None or not known:
        return []
    onset, zero = found.to_impact, min(known) - run.origin
    times = (
        ("impact", onset),
        ("alarm", None if onset is None or found.to_detect is None else onset + found.to_detect),
        ("recovered", found.to_recover),
    )
    return [Mark(name, zero + t, zero + t) for name, t in times if t is not None]


def _faults(run: Run) -> list[Mark]:
    marks = []
    for injection in run.verdict.injections:
        begin = injection.begun if injection.acknowledged is None else injection.acknowledged
        if begin is None:
            continue
        end = run.end if injection.outstanding else injection.revert_begun or injection.reverted
        end = max(begin, run.end if end is None else end)
        name = f"{injection.fault} {injection.point}"
        marks.append(Mark(name, begin - run.origin, end - run.origin))
    return marks


def lanes(extents: Sequence[tuple[float, float]]) -> list[int]:
    """For each extent the first lane where it overlaps none before it."""
    taken: list[list[tuple[float, float]]] = []
    result = []
    for begin, end in extents:
        free = (i for i, lane in enumerate(taken) if all(end <= b or begin >= e for b, e in lane))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((begin, end))
        result.append(lane)
    return result


class Frame:
    """A figure with one pair of axes below a header of phases and faults."""

    def __init__(self, shape: Shape, title: str, scene: Scene) -> None:
        self.shape = shape
        self.scene = scene
        phases = [self._placed(m, m.name) for m in scene.phases]
        faults = [self._placed(m, _short(m.name, shape)) for m in scene.faults]
        phase_lanes = lanes([(x, x + w) for _, x, w in phases])
        bars = zip(faults, scene.faults, strict=True)
        fault_lanes = lanes([(x, max(x + w, self.x(m.end))) for (_, x, w), m in bars])
        rows = max(phase_lanes, default=-1) + max(fault_lanes, default=-1) + 2
        self.header = _TITLE + (_ROW + 3 if shape.narrow else 0)
        self.top = self.header + rows * _ROW + 5
        self.height = shape.height + self.top + _BOTTOM
        self.figure = Figure(figsize=(shape.width / 72, self.height / 72), dpi=72)
        self.figure.patch.set_visible(False)
        self.axes = self._axes()
        self.text(title, 0, 15, size=13, weight="bold")
        for (label, x, _), mark, lane in zip(phases, scene.phases, phase_lanes, strict=True):
            self._phase(label, x, mark, lane)
        first = max(phase_lanes, default=-1) + 1
        for (label, x, _), mark, lane in zip(faults, scene.faults, fault_lanes, strict=True):
            self._fault(label, x, mark, first + lane)

    def x(self, moment: float) -> float:
        """The pixel of a moment, from the left."""
        scale = (self.shape.width - _LEFT - _RIGHT) / (self.scene.end - self.scene.begin)
        return _LEFT + (min(max(moment, self.scene.begin), self.scene.end) - self.scene.begin) * (
            scale
        )

    def text(self, words: str, x: float, y: float, *, size: float = FONT, **style: str) -> None:
        """Write at pixel `x`, with the baseline `y` pixels below the top."""
        fixed: dict[str, Any] = {"color": colour("ink"), "size": size, **style}
        printable = "".join(c if c.isprintable() else " " for c in words)
        place = (x, self.height - y, printable)
        self.figure.text(*place, transform=IdentityTransform(), parse_math=False, **fixed)

    def legend(self, entries: Sequence[tuple[str, str, str]]) -> None:
        """Entries of (label, colour name, style): at the title's right, or below it."""
        row = 15.0 if not self.shape.narrow else 15 + _ROW + 1
        widths = [18 + _CHARACTER * len(label) + 12 for label, _, _ in entries]
        x = 0.0 if self.shape.narrow else self.shape.width - sum(widths) + 12 - _RIGHT
        for (label, name, style), width in zip(entries, widths, strict=True):
            self._key(x, row, name, style)
            self.text(label, x + 18, row)
            x += width

    def _key(self, x: float, row: float, name: str, style: str) -> None:
        y = self.height - row + 4
        if style == "area":
            self._bar(x, y - 5, 12, 10, name)
        elif style == "above":
            self._line([x + 6], [y], name, marker="^", markersize=6, linestyle="")
        else:
            self._line([x, x + 13], [y, y], name, linestyle=style, linewidth=2)

    def _axes(self) -> Axes:
        width, height = self.shape.width, self.height
        box = (_LEFT / width, _BOTTOM / height)
        size = ((width - _LEFT - _RIGHT) / width, self.shape.height / height)
        axes = self.figure.add_axes((*box, *size))
        axes.patch.set_visible(False)
        axes.set_xlim(self.scene.begin, self.scene.end)
        axes.xaxis.set_major_locator(MaxNLocator(5 if self.shape.narrow else 10, integer=True))
        axes.set_xlabel("seconds since the baseline began", color=colour("muted"), size=FONT)
        axes.tick_params(colors=colour("muted"), labelsize=FONT, length=3, color=colour("rule"))
        axes.grid(axis="y", color=colour("grid"), linewidth=1)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(colour("rule"))
        return axes

    def _placed(self, mark: Mark, label: str) -> tuple[str, float, float]:
        """Label, pixel where it starts (pulled left when it would leave), and its width."""
        width = _CHARACTER * len(label) + 12
        return label, min(self.x(mark.begin), self.shape.width - width), width

    def _phase(self, label: str, x: float, mark: Mark, lane: int) -> None:
        top = self.header + lane * _ROW
        at = self.x(mark.begin)
        self._line([at, at], [_BOTTOM, self.height - top - 2], "rule", linewidth=1)
        self.text(label, x + 4, top + 12, color=colour("muted"))

    def _fault(self, label: str, x: float, mark: Mark, lane: int) -> None:
        top = self.header + lane * _ROW
        begin, end = self.x(mark.begin), self.x(mark.end)
        wide = max(end - begin, 3)
        self._bar(begin, _BOTTOM, wide, self.height - _BOTTOM - top - _ROW, "shade", zorder=-2)
        self._bar(begin, self.height - top - _ROW, wide, 3, "fault")
        self.text(label, x + 4, top + 11, weight="bold", color=colour("fault"))

    def _bar(
        self, x: float, y: float, width: float, height: float, name: str, zorder: float = 1
    ) -> None:
        self.figure.add_artist(
            Rectangle(
                (x, y), width, height, transform=IdentityTransform(),
                facecolor=colour(name), edgecolor="none", zorder=zorder,
            )
        )  # fmt: skip

    def _line(self, x: list[float], y: list[float], name: str, **style: Any) -> None:
        fixed = {"color": colour(name), "transform": IdentityTransform(), "zorder": -1, **style}
        self.figure.add_artist(Line2D(x, y, **fixed))


def _short(name: str, shape: Shape) -> str:
    most = 26 if shape.narrow else 60
    return name if len(name) <= most else name[: most - 1] + "…"
