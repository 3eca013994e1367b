"""An expectation made countable: its bound in figures, its budgets, and how many samples it needs.

Shares and percentiles are one thing here, a *budget*: so many bad among n. A percentile
`p95 <= 300ms` allows n - ceil(0.95 n) requests above 300 ms; `max` allows none. More requests
never make a budget smaller. This module must never decide a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chaoskit.judge.metrics import event, latencies, level, measure, rank
from chaoskit.judge.samples import Array, Samples
from chaoskit.model.expectation import COMPARE, SHARES, Expectation
from chaoskit.model.samples import Outcome

# Shares come from products such as 99.7 * 0.01; one sample in ten million is 1e-7.
_NOISE = 1e-9
FEWEST = 30


@dataclass(frozen=True)
class Budget:
    """Units in order of start, which of them are bad, and how many bad ones n units allow."""

    start: Array
    bad: Array
    allowed: Callable[[Array], Array]


@dataclass(frozen=True)
class Claim:
    """An expectation with its bound in base units; `lacking` says why there is none.

    `against` is the baseline of a claim that statistics decide (`compared`), which is one
    `among` so many of its phase. `every` is how many seconds lie between two questions of a probe;
    None: it is about requests.
    """

    expectation: Expectation
    bound: float
    lacking: str = ""
    baseline_short: int = 0
    against: Samples | None = None
    among: int = 1
    every: float | None = None

    @property
    def noun(self) -> str:
        return "request" if self.every is None else "answer"

    @property
    def metric(self) -> str:
        return self.expectation.metric

    @property
    def length(self) -> float | None:
        """Seconds of its `for`."""
        window = self.expectation.window
        return None if window is None else float(window)

    @property
    def needed(self) -> int:
        return needed(self.expectation, self.bound)

    def outlasts(self, span: float) -> bool:
        """Whether even `span` seconds without any success would meet a bound on `outage`.

        The figure is never longer than what is looked at, so that nothing could break the claim.
        """
        if self.metric != "outage" or self.expectation.op not in ("<", "<="):
            return False
        return bool(self.meets(np.array([min(span, self.length or span)]))[0])

    def unwindowed(self) -> Claim:
        """The same claim over the whole span."""
        return replace(self, expectation=replace(self.expectation, window=None))

    def at(self, bound: float) -> Claim:
        """A latency's claim with another bound, in seconds; a share's is what it was."""
        return self if self.metric in SHARES else replace(self, bound=bound)

    def budgets(self, part: Samples) -> tuple[Budget, ...]:
        """The budgets of a share or latency that hold exactly when the claim does."""
        op = self.expectation.op
        sides = ("<=", ">=") if op == "==" else (op,)
        make = _share_budget if self.metric in SHARES else _latency_budget
        return tuple(make(part, self.metric, side, self.bound) for side in sides)

    def meets(self, values: Array) -> Array:
        """Where measured figures (rate, outage) meet the bound, to the billionth."""
        compare: Any = COMPARE[self.expectation.op]
        return np.asarray(compare(np.round(values, 9), round(self.bound, 9)))


def needed(expectation: Expectation, bound: float) -> int:
    """The fewest planned requests that can settle a claim.

    3/(1-p) for a percentile; 3/allowed bad share for a ratio, 30 where the bound is 0 or 100 %;
    30 for `max`, which is a claim about 100 % of the requests; 1 for rate and outage, which
    need many successes to be good, so that too few show as bad figures.
    """
    share = level(expectation.metric)
    if share is not None:
        return FEWEST if share >= 1 else _over(1 - share)
    if expectation.metric not in SHARES:
        return 1
    if not _NOISE < bound < 1 - _NOISE:
        return FEWEST
    sides = {"<": bound, "<=": bound, ">": 1 - bound, ">=": 1 - bound}
    return _over(sides.get(expectation.op, min(bound, 1 - bound)))


def _over(share: float) -> int:
    return math.ceil(round(3 / share, 6))


def compared(expectation: Expectation) -> bool:
    """Whether statistics decide it: a share or percentile against the baseline.

    What is an extreme (`max`, `outage`, the worst window of a `for`), a count of successes (`rate`)
    or an equality has no bad share to estimate: it is exact, against the baseline's figure.
    """
    share = level(expectation.metric)
    estimated = expectation.metric in SHARES or (share is not None and 0 < share < 1)
    plain = expectation.window is None and expectation.op != "=="
    return expectation.vs_baseline and plain and estimated


def resolve(expectation: Expectation, baseline: Samples | None = None, among: int = 1) -> Claim:
    """The claim with its bound in figures; it is one `among` so many comparisons.

    A bound against the baseline is measured on `baseline` (as cut by `Samples.between`), which
    needs as many samples as the claim itself and a finite figure.
    """
    if not expectation.vs_baseline:
        return Claim(expectation, _as_stored(expectation, expectation.bound.value))
    if baseline is None:
        return Claim(expectation, math.nan, "there is no baseline to compare with")
    part = baseline.of(expectation.series)
    figure = measure(expectation.metric, part, *extent(baseline))
    if figure is None:
        return Claim(expectation, math.nan, "the baseline has no data for it")
    if not math.isfinite(figure):
        return Claim(expectation, math.nan, "the baseline's own figure is infinite (failed)")
    claim = _against(expectation, figure, units(expectation.metric, part))
    return replace(claim, against=part, among=among) if compared(expectation) else claim


def _against(expectation: Expectation, figure: float, count: int) -> Claim:
    by = expectation.bound
    bound = _as_stored(expectation, figure * by.value if by.kind == "factor" else figure + by.value)
    short = needed(expectation, bound) - count
    if short > 0:
        reason = f"the baseline has too few samples: {count} of {count + short}"
        return Claim(expectation, bound, reason, short)
    return Claim(expectation, bound)


def _as_stored(expectation: Expectation, bound: float) -> float:
    # Latencies are kept in 4 bytes: a bound must be rounded as they were to be comparable.
    return float(np.float32(bound)) if level(expectation.metric) is not None else bound


def extent(samples: Samples) -> tuple[float, float]:
    """The window samples were cut to; without one, first to last start and one mean gap more."""
    if samples.window is not None:
        return samples.window
    if not len(samples):
        return (0.0, 0.0)
    first, last = float(samples.start[0]), float(samples.start[-1])
    return first, first + (last - first) * len(samples) / max(1, len(samples) - 1)


def units(metric: str, part: Samples) -> int:
    """How many requests a metric is computed from: for latencies those that were not shed."""
    if level(metric) is None:
        return len(part)
    return int((part.outcome != Outcome.SHED).sum())


def _share_budget(part: Samples, metric: str, op: str, bound: float) -> Budget:
    happened = event(metric, part)
    bad, share = (happened, bound) if op in ("<", "<=") else (~happened, 1 - bound)
    if op in ("<", ">"):
        return Budget(part.start, bad, lambda n: np.ceil(share * n - _NOISE) - 1)
    return Budget(part.start, bad, lambda n: np.floor(share * n + _NOISE))


def _latency_budget(part: Samples, metric: str, op: str, bound: float) -> Budget:
    share = level(metric) or 0.0
    times = latencies(part)
    start = part.start[part.outcome != Outcome.SHED]
    if op in ("<", "<="):
        bad = times >= bound if op == "<" else times > bound
        return Budget(start, bad, lambda n: n - rank(share, n))
    bad = times <= bound if op == ">" else times < bound
    return Budget(start, bad, lambda n: rank(share, n) - 1)
