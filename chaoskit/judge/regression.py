"""Two sets of runs against each other: what regressed, what improved, what cannot be told.

A figure regressed when it is worse by more than the margin beyond all chance, counted over
everything that is compared. This module must never compare two numbers without their errors, nor
a figure of a run that is worth nothing as evidence.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaoskit.judge.caveats import alone, none_left, notes, worthy
from chaoskit.judge.metrics import level
from chaoskit.judge.readings import (
    NO_WORSE,
    PRIOR,
    Difference,
    Reading,
    Sides,
    between,
    difference,
    overall,
    reading,
)
from chaoskit.judge.repeats import recovery, states
from chaoskit.judge.sums import PERCENTILES, PHASES, TAIL
from chaoskit.judge.wording import seconds, shown
from chaoskit.model.baseline import Part, RunSums
from chaoskit.model.comparison import Change, Comparison, Told
from chaoskit.model.expectation import SHARES

# The chance of any false alarm in one comparison; half of it for the rows of `EVERY`.
ALPHA = 0.01
EVERY = "every endpoint"
WORSE = ("failed", "degraded", "shed")
# Beyond a day of load a forecast says nothing.
_FORECAST = 86400.0


@dataclass(frozen=True)
class Margins:
    """How much worse is no regression: `latency` a factor, `share` in shares (0.005: 0.5 pt)."""

    latency: float = 1.05
    share: float = 0.005

    def of(self, metric: str) -> float:
        return self.share if metric in SHARES else math.log(self.latency)


@dataclass(frozen=True)
class Figure:
    """One figure that both sides have, before it is decided. `spread` is `between`'s."""

    condition: str
    phase: str
    series: str
    metric: str
    sides: Sides
    spread: tuple[float, float] = (0.0, 1.0)

    @property
    def seen(self) -> bool:
        """Whether it can be a regression at all: a share that is nowhere above 0 cannot."""
        return self.metric not in SHARES or any(r.value for r in self.sides.new)


def compare(
    old: Sequence[RunSums], new: Sequence[RunSums], margins: Margins | None = None
) -> Comparison:
    """Every figure, gate and time to recover of NEW against BASE; neither may be empty."""
    margins = margins or Margins()
    conditions = list(dict.fromkeys(run.condition for run in (*old, *new)))
    sides = {c: tuple([r for r in runs if r.condition == c] for runs in (old, new))
             for c in conditions}  # fmt: skip
    both = {c: pair for c, pair in sides.items() if all(pair)}
    changes: list[Change] = []
    figures: list[Figure] = []
    for condition, (earlier, later) in both.items():
        changes += states(condition, earlier, later)
        proving = worthy(earlier), worthy(later)
        if not all(proving):
            changes.append(none_left(condition, *proving))
            continue
        changes += filter(None, [recovery(condition, *proving)])
        figures += _figures(condition, *proving)
        changes += _absent(condition, *proving)
    changes += _decided(figures, margins)
    return Comparison(
        old=tuple(run.run for run in old), new=tuple(run.run for run in new),
        margin_latency=margins.latency, margin_share=margins.share, alpha=ALPHA,
        notes=notes(old, new, both), changes=(*alone(sides), *changes),
    )  # fmt: skip


def _cells(runs: Sequence[RunSums]) -> list[tuple[str, str]]:
    found = {(part.phase, part.series) for run in runs for part in run.parts}
    return sorted(found, key=lambda cell: (PHASES.index(cell[0]), cell[1]))


def _parts(runs: Sequence[RunSums], cell: tuple[str, str]) -> list[Part]:
    return [part for run in runs for part in run.parts if (part.phase, part.series) == cell]


def _read(runs: Sequence[RunSums], cell: tuple[str, str], metric: str) -> tuple[Reading, ...]:
    return tuple(one for part in _parts(runs, cell) if (one := reading(part, metric)))


def _figures(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> list[Figure]:
    """Every figure of both sides: each endpoint in each phase, and the mean over all of them."""
    found: list[Figure] = []
    cells = _cells(old)
    for metric in (*PERCENTILES, *_shares((*old, *new))):
        prior = PRIOR["share" if metric in SHARES else "latency"]
        pairs = {cell: (_read(old, cell, metric), _read(new, cell, metric)) for cell in cells}
        both = {c: Sides(*p) for c, p in pairs.items() if all(p) and _matters(metric, p)}
        for phase in dict.fromkeys(phase for phase, _ in both):
            spread = between([s for (p, _), s in both.items() if p == phase], prior)
            found += [
                Figure(condition, p, series, metric, sides, spread)
                for (p, series), sides in both.items()
                if p == phase
            ]
        found += _overall(condition, old, new, metric, prior)
    return found


def _shares(runs: Sequence[RunSums]) -> list[str]:
    """`failed`, and of the others those that somebody saw at all."""
    buckets = [bucket for run in runs for part in run.parts for bucket in part.buckets]
    return [m for m in WORSE if m == WORSE[0] or any(getattr(b, m) for b in buckets)]


def _matters(metric: str, pair: Iterable[tuple[Reading, ...]]) -> bool:
    """An endpoint that nobody saw degraded or shed needs no row that says so."""
    return metric not in WORSE[1:] or any(r.value for side in pair for r in side)


def _overall(
    condition: str, old: Sequence[RunSums], new: Sequence[RunSums], metric: str, prior: float
) -> list[Figure]:
    """The mean over the cells that every run has; a single cell says it already."""
    cells = [
        cell
        for cell in _cells(old)
        if all(len(_read([run], cell, metric)) == 1 for run in (*old, *new))
    ]
    if len(cells) < 2:
        return []
    read = [tuple(r for run in side if (r := overall(run, cells, metric))) for side in (old, new)]
    sides = Sides(*read)
    return [Figure(condition, "all", EVERY, metric, sides, between([sides], prior))]


def _decided(figures: Sequence[Figure], margins: Margins) -> list[Change]:
    """Bonferroni over what may be called a regression, in two families of half the chance each."""
    among = {
        every: sum(f.seen for f in figures if (f.series == EVERY) is every)
        for every in (True, False)
    }
    return [
        _change(f, margins, ALPHA / 2 / max(1, among[f.series == EVERY]))
        for f in sorted(figures, key=lambda f: f.series != EVERY)
    ]


def _change(figure: Figure, margins: Margins, chance: float) -> Change:
    found, margin = difference(figure.sides, figure.spread), margins.of(figure.metric)
    surely, likely = found.reach(chance), found.reach(NO_WORSE)
    low, high = found.change - surely, found.change + likely
    told = Told.UNKNOWN
    if low > margin and figure.seen:
        told = Told.REGRESSED
    elif found.change + surely < -margin:
        told, high = Told.IMPROVED, found.change + surely
    elif high < margin:
        told = Told.NO_WORSE
    missing = runs = None
    if told is Told.UNKNOWN:
        missing, runs = _missing(figure.sides, margin - found.change, likely, surely)
    return _worded(figure, told, found, (low, high), margins, missing, runs)


def _missing(
    sides: Sides, room: float, likely: float, surely: float
) -> tuple[float | None, int | None]:
    """T (reach / room)^2 - T seconds on each side, and the same in runs like these."""
    reach = likely if room > 0 else surely
    if abs(room) <= 1e-9:
        return None, None
    factor = (reach / room) ** 2 - 1
    if not 0 < factor * sides.seconds <= _FORECAST:
        return None, None
    fewest = min(len(sides.old), len(sides.new))
    return math.ceil(factor * sides.seconds), math.ceil(factor * fewest)


def _worded(
    figure: Figure, told: Told, found: Difference, bounds: tuple[float, float],
    margins: Margins, missing: float | None, runs: int | None,
) -> Change:  # fmt: skip
    share = figure.metric in SHARES
    low, high = bounds if share else (math.exp(min(b, 700.0)) for b in bounds)
    old, new = (_mean(figure.metric, side) for side in (figure.sides.old, figure.sides.new))
    span = f"{step(low, share)} to {step(high, share)}"
    change = step(found.change if share else math.exp(found.change), share)
    return Change(
        told=told, condition=figure.condition, phase=figure.phase, series=figure.series,
        metric=figure.metric, old=old, new=new, change=f"{change} ({span})",
        low=float(f"{low:.6g}"), high=float(f"{high:.6g}"),
        margin=f"+{margins.share * 100:g}pt" if share else f"x{margins.latency:g}",
        missing=missing, runs=runs,
        reason=_reason(missing, runs) if told is Told.UNKNOWN else "",
    )  # fmt: skip


def _mean(metric: str, side: Sequence[Reading]) -> str:
    """The figure of a side; of several runs their mean (of latencies the geometric one)."""
    mean = sum(r.value for r in side) / len(side)
    value = mean if metric in SHARES else math.exp(mean)
    return shown(metric, float(f"{value:.3g}"))


def step(value: float, share: bool) -> str:
    """`+0.3pt` of a share, `x1.23` of a latency."""
    return f"{value * 100:+.2g}pt" if share else f"x{value:.3g}"


def _reason(missing: float | None, runs: int | None) -> str:
    if missing is None or runs is None:
        return "it lies so near the margin that a day of this load would not tell"
    many = f"{runs} run{'' if runs == 1 else 's'}"
    return f"about {seconds(missing)} more of this load on each side would tell: {many} like these"


def _absent(condition: str, old: Sequence[RunSums], new: Sequence[RunSums]) -> list[Change]:
    """Percentiles that a side has no sound reading of, one row for each endpoint and phase."""
    found = []
    for phase, series in _cells([*old, *new]):
        sides = [_parts(side, (phase, series)) for side in (old, new)]
        lost = [m for m in PERCENTILES if not all(any(reading(p, m) for p in s) for s in sides)]
        if lost:
            found.append(
                Change(
                    told=Told.UNKNOWN, condition=condition, phase=phase, series=series,
                    metric=", ".join(lost), old="–", new="–", reason=_why(sides, lost),
                )
            )  # fmt: skip
    return found


def _why(sides: Sequence[Sequence[Part]], lost: Sequence[str]) -> str:
    if not all(sides):
        return f"{'NEW' if sides[0] else 'BASE'} has nothing of it, or less than 6 s"
    fewest = min(sum(b.planned for b in part.buckets) for side in sides for part in side)
    needed = math.ceil(TAIL / (1 - (level(lost[0]) or 0.0)) - 1e-6)
    if fewest < needed:
        return f"too few: a {lost[0]} needs {needed} requests in each run, and one has {fewest}"
    return "so many requests failed that it has no end"
