"""Abort conditions: whether one is true, while the run goes on and at the end of its fault phase.

They are looked at up to `live.horizon`; where it is known what is in flight, earlier too: whatever
that may come to. This module must never stop anything itself, nor read a clock: `now` is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from chaoskit.judge.claims import Claim, resolve, units
from chaoskit.judge.findings import Finding, satisfied, weigh, worst_value
from chaoskit.judge.gates import gate_of
from chaoskit.judge.live import horizon
from chaoskit.judge.looks import at_best, missing, supposed
from chaoskit.judge.metrics import event
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Gate, Status

# Seconds between the moments at which the end of a phase is looked at once more.
LATE_STEP = 0.5


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
        part = samples.of(expectation.series).between(begin, now)
        until = horizon(part, now - grace)
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
