"""What can be said while the run goes on: spent budgets, steadiness, figures.

Requests in flight have no sample yet. What depends on *all* requests of a moment being known (gaps,
windows, abort conditions) is therefore only looked at up to a horizon: the newest sample's start,
and not later than `now - grace`. With `grace` at least the request timeout nothing can arrive
before the horizon any more and the answer is exact. This module must never decide early for
success, and never read a clock: `now` is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chaoskit.judge.claims import Claim, resolve, units
from chaoskit.judge.findings import Finding, satisfied, weigh, worst_value
from chaoskit.judge.gates import gate_of, implied_expectations, present
from chaoskit.judge.looks import at_best
from chaoskit.judge.metrics import IMPLIED, figures
from chaoskit.judge.samples import Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.expectation import Expectation
from chaoskit.model.timeline import PhaseName
from chaoskit.model.verdict import Gate, SeriesFigures, Status


def spent(
    contract: Sequence[Expectation],
    samples: Samples,
    begin: float,
    now: float,
    end: float,
    rate: float,
    *,
    baseline: Samples | None = None,
    grace: float = 0.0,
    phase: PhaseName = "fault",
) -> Gate | None:
    """The first budget that is spent whatever comes, as a violated gate; None while none is.

    `begin` and `end` bound the planned window. All arrivals still to come (and those in flight)
    are assumed to be of the series in question and good; of a probe, all questions still to come.
    Implied budgets are included.
    """
    window = samples.between(begin, end)
    requests = _coming(samples.of("all"), begin, now, end, rate)
    for expectation in (*contract, *_implied_spent(contract, window)):
        claim = resolve(expectation, baseline)
        part = window.of(expectation.series)
        # What statistics decide is no budget: harm to it is proven in `harm`.
        if claim.lacking or claim.against is not None or not units(claim.metric, part):
            continue
        coming = requests
        if (every := samples.probes.get(expectation.series)) is not None:
            coming = _coming(samples.of(expectation.series), begin, now, end, 1 / every)
        gate = _spent(claim, part, begin, now - grace, end, coming, phase)
        if gate is not None:
            stated = expectation in contract
            return gate if stated else gate.model_copy(update={"implied": True})
    return None


def _coming(samples: Samples, begin: float, now: float, end: float, rate: float) -> int:
    """The most requests that may still come: one task may send several, so the pace so far counts.

    Those in flight are planned, but have no sample yet: they count as coming.
    """
    pace, window = rate, samples.between(begin, end)
    earlier = int(np.searchsorted(samples.start, begin))
    if earlier and begin > samples.start[0]:
        pace = max(pace, earlier / (begin - float(samples.start[0])))
    if now > begin:
        pace = max(pace, len(window) / (now - begin))
    remaining = math.ceil(pace * max(0.0, end - now) - SLACK)
    in_plan = math.ceil(pace * (end - begin) - SLACK) - len(window)
    return max(0, remaining, in_plan)


def _implied_spent(contract: Sequence[Expectation], window: Samples) -> tuple[Expectation, ...]:
    # Counted for all series at once: a clean run must not pay for each series and metric.
    if not len(window):
        return ()
    tally = dict(zip(window.names, window.tally(), strict=True))
    implied = implied_expectations(contract, present(window))
    return tuple(e for e in implied if tally[e.series][IMPLIED[e.metric]])


def _spent(
    claim: Claim,
    part: Samples,
    begin: float,
    settled: float,
    end: float,
    coming: int,
    phase: PhaseName,
) -> Gate | None:
    until = end
    if claim.metric == "outage" or claim.length is not None:
        until = min(end, horizon(part, settled))
        part = at_best(part.between(begin, until), claim.expectation.series, begin, until)
        length = 0.0 if claim.metric == "outage" else claim.length or 0.0
        if until <= begin or until - begin < length:
            return None
        if claim.metric == "outage" and claim.expectation.op not in ("<", "<="):
            return None
    weighed = weigh(claim, part, begin, until, coming)
    if not weighed.certain.any():
        return None
    value = worst_value(claim, weighed, part)
    finding = Finding(Status.VIOLATED, value, units(claim.metric, part))
    return gate_of(claim, finding, phase)


def horizon(part: Samples, settled: float) -> float:
    """Up to where all is known (exclusive): just past the newest start, and not past `settled`."""
    if not len(part):
        return -math.inf
    return min(settled, float(np.nextafter(part.start[-1], math.inf)))


def is_steady(
    expectations: Sequence[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    *,
    baseline: Samples | None = None,
) -> bool:
    """Whether every expectation and every implied one is met exactly in begin..end.

    Each series named, and `all`, needs at least one sample; there is no least number. A `for`
    longer than the window is read as the whole window. A claim against a `baseline` that is not
    there, or tells too little, is left out: nothing that comes could make it true.
    """
    return unasked(expectations, samples, begin, end, baseline=baseline) == ()


def unasked(
    expectations: Sequence[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    *,
    baseline: Samples | None = None,
) -> tuple[str, ...] | None:
    """The series without a request in begin..end, where nothing else keeps it from being steady.

    None where a request, or a probe, does.
    """
    window = samples.between(begin, end)
    if _implied_spent(expectations, window):
        return None
    none: dict[str, None] = {} if len(window.of("all")) else {"all": None}
    for expectation in expectations:
        claim, part = resolve(expectation, baseline), window.of(expectation.series)
        if not len(part) and expectation.series not in samples.probes:
            none[expectation.series] = None
        elif not _met(claim, part, begin, end):
            return None
    return tuple(none)


def holds_of(
    series: str,
    expectations: Sequence[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    *,
    baseline: Samples | None = None,
) -> bool:
    """As `is_steady`, but of what is claimed and implied of one series only."""
    part = samples.between(begin, end).of(series)
    claims = (resolve(e, baseline) for e in expectations if e.series == series)
    met = all(_met(claim, part, begin, end) for claim in claims)
    return len(part) > 0 and met and not _implied_spent(expectations, part)


def _met(claim: Claim, part: Samples, begin: float, end: float) -> bool:
    return len(part) > 0 if claim.lacking else satisfied(claim, part, begin, end)


def pulse(
    samples: Samples, now: float, window: float = 5.0, phase: PhaseName = "fault"
) -> tuple[SeriesFigures, ...]:
    """The figures of the last `window` seconds, `all` first. Requests in flight are not in them."""
    return figures(samples, now - window, now, phase)
