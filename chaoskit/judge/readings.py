"""One figure of many runs on two sides: how much it changed, and how sure that is.

Runs differ from day to day by more than their own buckets tell, so the error of a side has two
parts: within a run (batch means) and between runs. This module must never take many requests
for many runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from chaoskit.judge.comparison import student
from chaoskit.model.baseline import Part, RunSums
from chaoskit.model.expectation import SHARES

# Repeated runs from which on what they show is taken alone; what is missing to them is assumed,
# and an assumption is worth half a run.
ENOUGH, ASSUMED = 8, 0.5
# That assumption: the standard deviation between runs of ln(latency), and of a share.
PRIOR = {"latency": math.log(1.25), "share": 0.002}
# With one run on each side nothing could correct it: then it is taken so many times.
ALONE = 2.0
NO_WORSE = 0.05
# Below four degrees of freedom `student` is not exact enough.
_LEAST = 4


@dataclass(frozen=True)
class Reading:
    """One figure of one run, in the scale it is compared in: ln(seconds), or a share.

    `error` is its standard error within the run, from `freedom` + 1 buckets of `seconds` together.
    """

    value: float
    error: float
    freedom: int
    seconds: float


@dataclass(frozen=True)
class Sides:
    """The readings of one figure in BASE and NEW; none of them is empty."""

    old: tuple[Reading, ...]
    new: tuple[Reading, ...]

    @property
    def change(self) -> float:
        return fmean(r.value for r in self.new) - fmean(r.value for r in self.old)

    @property
    def repeats(self) -> int:
        """Runs beyond the first of each side."""
        return len(self.old) + len(self.new) - 2

    @property
    def seconds(self) -> float:
        return min(sum(r.seconds for r in side) for side in (self.old, self.new))

    @property
    def explained(self) -> float:
        """Variance of a run that its own error explains, as the mean of all runs."""
        return fmean(r.error**2 for r in (*self.old, *self.new))

    def unexplained(self) -> float:
        """Variance between runs of a side that their own errors do not explain; may be negative."""
        around = sum(
            (r.value - fmean(one.value for one in side)) ** 2
            for side in (self.old, self.new)
            for r in side
        )
        return around / self.repeats - self.explained


@dataclass(frozen=True)
class Difference:
    """A change with its standard error and (Satterthwaite's) degrees of freedom."""

    change: float
    error: float
    freedom: int

    def reach(self, share: float) -> float:
        return student(1 - share, self.freedom) * self.error


def reading(part: Part, metric: str) -> Reading | None:
    """One figure of one part; None where it has no end or nobody can say how sure it is."""
    freedom = len(part.buckets) - 1
    if metric in SHARES:
        return Reading(*_share(part, metric), freedom, part.seconds)
    found = part.latency.get(metric)
    if found is None or found.seconds is None or found.error is None:
        return None
    return Reading(math.log(found.seconds), found.error, freedom, part.seconds)


def _share(part: Part, metric: str) -> tuple[float, float]:
    """A share and its error by batch means: at least that of one more request of this kind.

    Without the floor, no bad request in six would prove that there never is one.
    """
    counted = np.array([getattr(bucket, metric) for bucket in part.buckets], dtype=np.float64)
    planned = sum(bucket.planned for bucket in part.buckets)
    if not planned:
        return 0.0, 0.5
    share, likely = counted.sum() / planned, (counted.sum() + 0.5) / (planned + 1)
    batches = counted.std(ddof=1) * math.sqrt(len(counted)) / planned
    return float(share), max(float(batches), math.sqrt(likely * (1 - likely) / planned))


def overall(run: RunSums, cells: Sequence[tuple[str, str]], metric: str) -> Reading | None:
    """The mean of a figure over (phase, series) cells of one run; None unless all have it.

    Series of one phase share their troubles: their errors add up whole; those of phases do not.
    """
    found: dict[str, list[Reading]] = {}
    for part in run.parts:
        if (part.phase, part.series) in cells and (one := reading(part, metric)):
            found.setdefault(part.phase, []).append(one)
    every = [one for phase in found.values() for one in phase]
    if len(every) < len(cells):
        return None
    error = math.hypot(*(sum(r.error for r in phase) for phase in found.values())) / len(every)
    seconds = sum(phase[0].seconds for phase in found.values())
    freedom = sum(phase[0].freedom for phase in found.values())
    return Reading(fmean(r.value for r in every), error, freedom, seconds)


def between(cells: Sequence[Sides], prior: float) -> tuple[float, float]:
    """The variance between runs, shared by the cells of a phase, and its degrees of freedom.

    Each cell counts by how sure its own variance is, which a run of great error leaves open. What
    repeated runs show is moderated by the prior, which stands for those that are missing to ENOUGH
    (as in Smyth, Linear Models and Empirical Bayes Methods, 2004; there it is fitted).
    """
    shown = [cell for cell in cells if cell.repeats]
    repeats = max((cell.repeats for cell in shown), default=0)
    weights = [(prior**2 + cell.explained) ** -2 for cell in shown]
    found = fmean((cell.unexplained() for cell in shown), weights) if shown else 0.0
    prior *= 1.0 if shown else ALONE
    assumed = ASSUMED * max(0, ENOUGH - repeats)
    freedom = repeats + assumed
    return max(0.0, (assumed * prior**2 + repeats * found) / freedom), freedom


def difference(sides: Sides, spread: tuple[float, float]) -> Difference:
    """The change of a figure; its error joins both sides, within and between their runs."""
    within, slack = 0.0, 0.0
    for side in (sides.old, sides.new):
        for one in side:
            variance = one.error**2 / len(side) ** 2
            within, slack = within + variance, slack + variance**2 / one.freedom
    among = spread[0] * (1 / len(sides.old) + 1 / len(sides.new))
    slack += among**2 / spread[1]
    freedom = (within + among) ** 2 / slack if slack else 1e6
    whole = max(_LEAST, math.floor(min(freedom, 1e6)))
    return Difference(sides.change, math.sqrt(within + among), whole)
