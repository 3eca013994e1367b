"""What can be said while the run goes on: spent budgets, abort conditions, steadiness, figures.

Requests in flight have no sample yet. What depends on *all* requests of a moment being known
(gaps, windows, abort conditions) is therefore only looked at up to a horizon: the newest sample's
start, and not later than `now - grace`. With `grace` at least the request timeout nothing can
arrive before the horizon any more and the answer is exact. Where it is known what is in flight,
abort conditions are looked at earlier, too: whatever that may come to. This module must never
decide early for success, and never read a clock: `now` is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from chaoskit.judge.claims import Claim, resolve, units
from chaoskit.judge.findings import Finding, satisfied, weigh, worst_value
from chaoskit.judge.gates import gate_of, implied_expectations, present
from chaoskit.judge.looks import at_best, missing, supposed
from chaoskit.judge.metrics import IMPLIED, event, figures
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import PhaseName
from chaoskit.model.verdict import Gate, SeriesFigures, Status

# Seconds between the moments at which the end of a phase is looked at once more.
LATE_STEP = 0.5


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
        until = min(end, _horizon(part, settled))
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


def _horizon(part: Samples, settled: float) -> float:
    """Up to where all is known (exclusive): just past the newest start, and not past `settled`."""
    if not len(part):
        return -math.inf
    return min(settled, float(np.nextafter(part.start[-1], math.inf)))


def abort_due(
    abort_when: Iterable[Expectation],
    samples: Samples,
    begin: float,
    now: float,
    *,
    baseline: Samples | None = None,
    grace: float = 0.0,
    waiting: Sequence[float] | None = None,
) -> Gate | None:
    """The first abort condition that has come true, as a violated gate.

    With `for D` it must be true in each second of the last D; without, in the last second (of a
    probe that is asked less often than that: in so long as holds an answer). A second without
    data is not true. `outage` is the time since the last success, which must
    have exceeded the bound for D. Seconds are counted back from the horizon, not from `now`.

    `waiting` are the intended starts of all requests that were due by `now - grace` and are still
    in flight, of whatever series; then only what is true whatever they come to counts, and
    likewise the looks of a probe without an answer. None: nothing that began by then is.
    """
    for expectation in abort_when:
        claim = resolve(expectation, baseline)
        part = samples.between(begin, now).of(expectation.series)
        until = _horizon(part, now - grace)
        if claim.lacking or until <= begin:
            continue
        seen = part.between(begin, until)
        due = np.empty(0) if waiting is None else _open(claim, seen, begin, until, waiting)
        found = _outage_due if claim.metric == "outage" else _buckets_due
        # A bucket of a quarter more than lies between two questions never falls between them.
        step = max(1.0, 1.25 * samples.probes.get(expectation.series, 0.0))
        value = found(claim, seen, begin, until, step, due)
        if value is not None:
            finding = Finding(Status.VIOLATED, value, units(claim.metric, part))
            gate = gate_of(claim, finding, "fault")
            return gate.model_copy(update={"reason": f"abort condition is true: {expectation}"})
    return None


def abort_late(
    abort_when: Iterable[Expectation],
    samples: Samples,
    begin: float,
    end: float,
    patience: float,
    *,
    baseline: Samples | None = None,
) -> Gate | None:
    """An abort condition that came true in the last `patience` seconds of begin..end.

    While the run went on, what hung then could not be known before the phase was over.
    """
    window = samples.between(begin, end)
    for now in np.arange(end, max(begin, end - patience), -LATE_STEP):
        gate = abort_due(abort_when, window, begin, float(now), baseline=baseline, waiting=())
        if gate is not None:
            return gate
    return None


def _open(
    claim: Claim, part: Samples, begin: float, until: float, waiting: Sequence[float]
) -> Array:
    """When that was due in begin..until which may still be answered, ascending."""
    every = part.probes.get(claim.expectation.series)
    due = np.asarray(waiting) if every is None else missing(part, begin, until, every)
    return np.sort(due[(due >= begin) & (due < until)])


def _outage_due(
    claim: Claim, part: Samples, begin: float, until: float, step: float, due: Array
) -> float | None:
    seen = at_best(part, claim.expectation.series, begin, until)
    if len(due) and claim.expectation.series not in part.probes:
        # Any of them may end the gap; before the first of them it is known.
        until = float(due[0])
    succeeded = seen.start[event("success", seen)]
    gap = until - (float(succeeded[-1]) if len(succeeded) else begin)
    past = gap - (claim.length or 0.0)
    return gap if past > 0 and bool(claim.meets(np.array([past]))[0]) else None


def _buckets_due(
    claim: Claim, part: Samples, begin: float, until: float, step: float, due: Array
) -> float | None:
    length = claim.length or step
    if step > 1:
        # Whole buckets only: a rest of one could lie between two questions.
        length = step * math.ceil(length / step - SLACK)
    if until - begin < min(length, step) - SLACK or until - begin < length - SLACK:
        return None
    plain = claim.unwindowed()
    count = math.ceil(length / step - SLACK)
    edges = [max(until - length, until - step * number) for number in range(count + 1)]
    for high, low in pairwise(edges):
        if low < high and not _always(plain, part.between(low, high), low, high, due):
            return None
    last = part.between(until - length, until)
    return worst_value(plain, weigh(plain, last, until - length, until), last)


def _always(claim: Claim, part: Samples, low: float, high: float, due: Array) -> bool:
    """Whether it is met by what is there, and also if all that is still due were good, or bad."""
    if not satisfied(claim, part, low, high):
        return False
    more = due[(due >= low) & (due < high)]
    series = claim.expectation.series if claim.expectation.series in part.names else part.names[0]
    return not len(more) or all(
        satisfied(claim, supposed(part, series, more, outcome), low, high)
        for outcome in (Outcome.OK, Outcome.FAILED)
    )


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
