"""What an experiment asks for, against what this machine was measured to tell.

A comparison holds when the upper bound of the bad share is below what is allowed. How far above
its mean that bound lies depends on the calibrated noise and on the length of the phases alone,
so it is known before a run. This module must never forbid: it warns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from chaoskit.judge.claims import compared, needed, resolve
from chaoskit.judge.comparison import ALPHA, FEWEST, edges, student
from chaoskit.judge.doubts import lateness_limit
from chaoskit.judge.findings import too_short
from chaoskit.judge.metrics import level
from chaoskit.judge.wording import seconds
from chaoskit.model.calibration import Calibration, Noise, SeriesCalibration
from chaoskit.model.expectation import SHARES, Bound, Expectation
from chaoskit.model.experiment import Experiment
from chaoskit.model.timeline import PhaseName

# So many of the healthy runs are to hold.
POWER = 0.9
_DAY = 86400.0


@dataclass(frozen=True)
class Lengths:
    """Seconds of the baseline and of the phase that is compared with it."""

    baseline: float
    judged: float

    def longer(self, by: float) -> Lengths:
        return Lengths(self.baseline * by, self.judged * by)

    def reach(self, before: float, after: float) -> float:
        """How far the bound lies above the true share, in 9 of 10 runs at most.

        (t + z) sqrt(spread_b^2 / T_b + spread_f^2 / T_f), t as in `comparison`, z = 1.28.
        """
        error = math.hypot(before / math.sqrt(self.baseline), after / math.sqrt(self.judged))
        freedom = sum(len(edges(0, span)) - 1 for span in (self.baseline, self.judged)) - 2
        return (student(1 - ALPHA, freedom) + NormalDist().inv_cdf(POWER)) * error


def smallest_points(noise: Noise, lengths: Lengths, weight: float = 1.0) -> float:
    """The smallest rise of a share (0..1) that can be told from none."""
    return lengths.reach(weight * noise.spread, noise.spread)


def smallest_factor(known: SeriesCalibration, share: float, lengths: Lengths) -> float | None:
    """The smallest factor on the quantile `share` that can be told from 1; None: none seen.

    Looked for along the measured tail: the share beyond c times the quantile, plus its reach,
    must be below 1 - share.
    """
    if len(known.tail) < 2 or not known.tail[-1].noise.share < 1 - share:
        return None
    usual = float(np.interp(math.log(1 - share), *_curve(known, "latency")))
    before = float(np.interp(math.log(1 - share), *_curve(known, "spread")))
    for one in known.tail:
        bound = one.noise.share + lengths.reach(before, one.noise.spread)
        if one.latency >= usual and bound < 1 - share:
            return max(1.0, one.latency / usual)
    return None


def _curve(known: SeriesCalibration, what: str) -> tuple[list[float], list[float]]:
    """Logarithms of the shares beyond, rising, and the figure that belongs to each."""
    points = [p for p in reversed(known.tail) if p.noise.share > 0]
    figures = [p.latency if what == "latency" else p.noise.spread for p in points]
    return [math.log(p.noise.share) for p in points], figures


def warnings(calibration: Calibration, experiment: Experiment) -> tuple[str, ...]:
    """Why parts of the experiment will end inconclusive on this machine, a sentence for each."""
    return (*_late(calibration, experiment), *_unsettled(calibration, experiment))


def out_of_reach(experiment: Experiment) -> Iterator[str]:
    """Claims that their phase is too short to break, so that it cannot hold them on any machine."""
    for phase, contract, lasts in _judged(experiment):
        for claim in contract:
            found = None if claim.vs_baseline else too_short(resolve(claim), lasts)
            if found and lasts > 0:
                yield f"{phase}: {claim}: {found[0]} that are judged"


def _judged(experiment: Experiment) -> Iterator[tuple[PhaseName, tuple[Expectation, ...], float]]:
    """The phases with what they are judged by and for how many seconds."""
    phases, faults = experiment.phases, experiment.faults
    ends = [phases.fault if f.lasts is None else f.after + f.lasts for f in faults]
    opened = max(ends, default=phases.fault) - min((f.after for f in faults), default=0.0)
    yield "baseline", experiment.steady_state, float(phases.baseline)
    yield "fault", experiment.contract, float(opened)
    yield "hold", experiment.steady_state, float(phases.recovery.hold)


def _late(calibration: Calibration, experiment: Experiment) -> Iterator[str]:
    limit, why = lateness_limit(experiment)
    late = calibration.lateness_p95
    if late is not None and late > limit:
        yield (
            f"the load generator is late by {seconds(late, limit)} here (p95), and may be by at "
            f"most {seconds(limit)} ({why})"
        )


def _unsettled(calibration: Calibration, experiment: Experiment) -> Iterator[str]:
    baseline = float(experiment.phases.baseline)
    for phase, contract, lasts in _judged(experiment):
        for claim in contract:
            known = calibration.of(claim.series)
            if known is None or lasts <= 0 or (claim.vs_baseline and phase == "baseline"):
                continue
            found = _of_claim(claim, known, Lengths(baseline, lasts))
            if found:
                yield f"{phase}: {claim}: {found}"


def _of_claim(claim: Expectation, known: SeriesCalibration, lengths: Lengths) -> str:
    if not claim.vs_baseline:
        return _too_few(needed(claim, claim.bound.value), known, lengths)
    if not compared(claim):
        return ""
    if min(lengths.baseline, lengths.judged) < FEWEST:
        return f"a comparison needs {FEWEST} s of each phase"
    return _too_small(claim, known, lengths)


def _too_few(count: int, known: SeriesCalibration, lengths: Lengths) -> str:
    comes = known.rate * lengths.judged
    if comes >= count:
        return ""
    longer = seconds(math.ceil(count / known.rate)) if known.rate else "more load"
    comes_in = f"about {comes:.0f} come in {seconds(lengths.judged)}"
    return f"needs {count} requests, {comes_in}; it takes {longer}"


def _too_small(claim: Expectation, known: SeriesCalibration, lengths: Lengths) -> str:
    margin = _margin(claim, known)
    if margin is None:
        return ""
    asked, least = margin
    found = least(lengths)
    if found is not None and found <= asked:
        return ""
    spans = f"{seconds(lengths.baseline)} and {seconds(lengths.judged)}"
    can = "no margin" if found is None else f"no margin below {told(claim.metric, found)}"
    return f"{can} can be told from {spans} on this machine{_enough(asked, least, lengths)}"


Least = Callable[[Lengths], float | None]


def _margin(claim: Expectation, known: SeriesCalibration) -> tuple[float, Least] | None:
    """What is asked for, and what gives the smallest of its kind; None: not forecast."""
    bound, share = claim.bound, level(claim.metric)
    if claim.metric in SHARES:
        noise = known.shares[claim.metric]
        factor = bound.value if bound.kind == "factor" else 1.0
        asked = abs(factor - 1) * noise.share if bound.kind == "factor" else abs(bound.value)
        return asked, lambda spans: smallest_points(noise, spans, factor)
    if share is None or claim.op in (">", ">="):
        return None
    return bound.value, lambda spans: smallest_factor(known, share, spans)


def told(metric: str, smallest: float | None) -> str:
    """A margin as experiments write it: `0.15pt` or `x1.32`; a dash where there is none."""
    if smallest is None:
        return "–"
    if metric in SHARES:
        return f"{smallest * 100:.2g}pt"
    return str(Bound("factor", math.ceil(round(smallest * 100, 6)) / 100))


def _enough(asked: float, least: Least, lengths: Lengths) -> str:
    """How long both phases must be, to a quarter; nothing where a day is not enough."""
    for by in _steps(max(lengths.baseline, lengths.judged)):
        longer = lengths.longer(by)
        found = least(longer)
        if found is not None and found <= asked:
            spans = (longer.baseline, longer.judged)
            return f"; it takes about {' and '.join(seconds(math.ceil(s)) for s in spans)}"
    return ""


def _steps(longest: float) -> Sequence[float]:
    most = max(1, math.floor(math.log(_DAY / longest, 1.25)))
    return [1.25**step for step in range(1, most + 1)]
