"""What the samples say about one claim: which windows break it, and which do so for certain.

Only a comparison with the baseline is decided by an estimate (`comparison`); of all others this
module must never use one to decide: there only `missing` is one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chaoskit.judge import looks, windows
from chaoskit.judge.claims import Budget, Claim, units
from chaoskit.judge.comparison import compare
from chaoskit.judge.metrics import event, latencies, level, measure, outage, quantile, rank
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import Windows
from chaoskit.judge.wording import plural, seconds
from chaoskit.model.expectation import SHARES
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import Status


@dataclass(frozen=True)
class Weighed:
    """For each window: whether the claim is broken, and whether it stays so whatever comes."""

    windows: Windows
    broken: Array
    certain: Array
    filled: Array
    badness: Array

    def worst(self) -> int:
        """The worst window: of those that are certain, else broken, else filled."""
        pools = (self.certain, self.broken, self.filled)
        pool = next((p for p in pools if p.any()), np.ones_like(self.filled))
        return int(np.argmax(np.where(pool, self.badness, -np.inf)))


@dataclass(frozen=True)
class Finding:
    """`value` is the figure of the worst window, in base units; None: no data."""

    status: Status
    value: float | None
    count: int
    reason: str = ""
    missing: float | None = None
    interval: tuple[float, float] | None = None


def weigh(claim: Claim, part: Samples, begin: float, end: float, coming: int = 0) -> Weighed:
    """Weigh a claim over begin..end; `coming` more requests may come and may all be good.

    Sliding windows lie in the past, nothing can come to them.
    """
    if claim.metric in ("rate", "outage"):
        return _weigh_measured(claim, part, begin, end, coming)
    budgets = claim.budgets(part)
    found = _spans(claim, budgets[0].start, begin, end)
    more = coming if claim.length is None else 0
    sides = [_weigh_budget(budget, found, claim.needed, more) for budget in budgets]
    broken, certain, badness = (np.maximum.reduce(side) for side in zip(*sides, strict=True))
    return Weighed(found, broken, certain, found.sizes > 0, badness)


def _spans(claim: Claim, start: Array, begin: float, end: float) -> Windows:
    if claim.length is None:
        return windows.whole(len(start), begin)
    return windows.sliding(start, begin, end, claim.length)


def _weigh_budget(
    budget: Budget, found: Windows, needed: int, coming: int
) -> tuple[Array, Array, Array]:
    sizes, bad = found.sizes, found.count(budget.bad)
    filled = sizes > 0
    broken = filled & (bad > budget.allowed(sizes))
    certain = broken & (bad > budget.allowed(np.maximum(sizes + coming, needed)))
    return broken, certain, bad / np.maximum(sizes, 1)


def _weigh_measured(claim: Claim, part: Samples, begin: float, end: float, coming: int) -> Weighed:
    weights = _outages if claim.metric == "outage" else _rates
    found, values, best = weights(claim, part, begin, end, coming)
    broken = ~claim.meets(values)
    badness = -values if claim.expectation.op in (">", ">=") else values
    filled = np.ones(len(values), bool)
    return Weighed(found, broken, broken & ~claim.meets(best), filled, badness)


def _outages(
    claim: Claim, part: Samples, begin: float, end: float, coming: int
) -> tuple[Windows, Array, Array]:
    # A window of D shows min(D, gap) of every gap, so the longest gap tells all.
    gap = outage(part, begin, end)
    value = np.array([gap if claim.length is None else min(gap, claim.length)])
    return windows.whole(len(part), begin), value, value


def _rates(
    claim: Claim, part: Samples, begin: float, end: float, coming: int
) -> tuple[Windows, Array, Array]:
    found = _spans(claim, part.start[event("success", part)], begin, end)
    length = claim.length or end - begin
    more = coming if claim.length is None and claim.expectation.op in (">", ">=") else 0
    return found, found.sizes / length, (found.sizes + more) / length


def satisfied(claim: Claim, part: Samples, begin: float, end: float) -> bool:
    """Whether the claim is met exactly, by at least one sample, without any least number.

    A `for` longer than begin..end is read as one window over the whole of it; an outage that is
    allowed to be as long as that is no outage where something succeeded.
    """
    if claim.lacking or end <= begin or not units(claim.metric, part):
        return False
    if claim.length is not None and not windows.fits(begin, end, claim.length):
        claim = claim.unwindowed()
    if claim.outlasts(end - begin):
        return bool(event("success", part).any())
    weighed = weigh(claim, part, begin, end)
    return bool(weighed.filled.all() and not weighed.broken.any())


def examine(claim: Claim, part: Samples, begin: float, end: float, rate: float) -> Finding:
    """Judge a claim on one series within begin..end (see `gates`).

    What a probe did not tell must not decide: it is judged with all of that good, and all bad.
    """
    found = _examine(claim, part, begin, end, rate)
    due = () if claim.every is None else looks.missing(part, begin, end, claim.every)
    if not len(due) or not found.count:
        return found
    told = f"{len(due)} of {plural(len(due) + len(part), 'look')} gave no data"
    if found.status is Status.INCONCLUSIVE:
        return replace(found, reason=f"{found.reason} ({told})")
    for outcome in (Outcome.OK, Outcome.FAILED):
        with_them = looks.supposed(part, claim.expectation.series, np.asarray(due), outcome)
        if _examine(claim, with_them, begin, end, rate).status is not found.status:
            return replace(
                found, status=Status.INCONCLUSIVE, reason=f"{told}, which could decide it"
            )
    return found


def _examine(claim: Claim, part: Samples, begin: float, end: float, rate: float) -> Finding:
    count = units(claim.metric, part)
    if not count or end <= begin:
        return _no_data(claim, part, rate)
    pace = count / (end - begin)
    whole = measure(claim.metric, part, begin, end)
    if claim.lacking:
        missing = claim.baseline_short / pace or None
        return Finding(Status.INCONCLUSIVE, whole, count, claim.lacking, missing)
    if short := too_short(claim, end - begin):
        reason, missing = short
        return Finding(Status.INCONCLUSIVE, whole, count, f"{reason} that were judged", missing)
    if claim.against is not None:
        return _compare(claim, part, (begin, end), count, whole)
    return _decide(claim, weigh(claim, part, begin, end), part, (begin, end), count)


def too_short(claim: Claim, span: float) -> tuple[str, float | None] | None:
    """Why `span` seconds can settle nothing, and how many more would; None where they can."""
    length = claim.length
    if length is not None and not windows.fits(0, span, length):
        window = f"the window of {seconds(length)}"
        return f"{window} is longer than the {seconds(span)}", length - span
    if not claim.outlasts(span):
        return None
    outage = f"an outage beyond {seconds(claim.bound)} is longer than the"
    if length is not None:
        return f"{outage} windows of {seconds(length)}", None
    return f"{outage} {seconds(span, claim.bound)}", claim.bound - span or None


def _compare(
    claim: Claim, part: Samples, span: tuple[float, float], count: int, value: float | None
) -> Finding:
    found = compare(claim, part, *span)
    if isinstance(found, str):
        return Finding(Status.INCONCLUSIVE, value, count, found)
    interval = (found.low, found.high)
    missing = (claim.needed - count) / (count / (span[1] - span[0]))
    if missing > 0:
        reason = f"too few samples: {count} of {claim.needed}"
        return Finding(Status.INCONCLUSIVE, value, count, reason, missing, interval)
    reason = "its interval holds the bound" if found.status is Status.INCONCLUSIVE else ""
    return Finding(found.status, value, count, reason, found.missing, interval)


def _no_data(claim: Claim, part: Samples, rate: float) -> Finding:
    if claim.every is not None:
        reason = f"no data: probe '{claim.expectation.series}' gave none"
        return Finding(Status.INCONCLUSIVE, None, 0, reason, claim.needed * claim.every)
    everything = claim.expectation.series == "all" and not len(part)
    missing = claim.needed / rate if everything and rate > 0 else None
    reason = "no data: all requests were shed" if len(part) else "no data: no request was planned"
    return Finding(Status.INCONCLUSIVE, None, 0, reason, missing)


def _decide(
    claim: Claim, weighed: Weighed, part: Samples, span: tuple[float, float], count: int
) -> Finding:
    place = weighed.worst()
    value = worst_value(claim, weighed, part)
    where = _where(claim, weighed, span[0], place)
    if weighed.certain.any():
        return Finding(Status.VIOLATED, value, count, where)
    missing = (claim.needed - count) / (count / (span[1] - span[0]))
    if missing > 0:
        reason = f"too few samples: {count} of {claim.needed}"
        return Finding(Status.INCONCLUSIVE, value, count, reason, missing)
    if weighed.broken.any():
        size = plural(int(weighed.windows.sizes[place]), claim.noun)
        reason = f"{where} broke it, with {size} of {claim.needed} that would settle it"
        return Finding(Status.INCONCLUSIVE, value, count, reason)
    if not weighed.filled.all():
        return Finding(Status.INCONCLUSIVE, value, count, _gap(claim, weighed, span[0]))
    return Finding(Status.HELD, value, count, where)


def _gap(claim: Claim, weighed: Weighed, begin: float) -> str:
    first = float(weighed.windows.at[int(np.argmin(weighed.filled))]) - begin
    length = seconds(claim.length or 0.0)
    return f"no data in the {length} from {first:.1f} s after the begin"


def _where(claim: Claim, weighed: Weighed, begin: float, place: int) -> str:
    if claim.length is None or claim.metric == "outage":
        return ""
    at = float(weighed.windows.at[place]) - begin
    return f"the worst {seconds(claim.length)}, from {at:.1f} s after the begin,"


def worst_value(claim: Claim, weighed: Weighed, part: Samples) -> float | None:
    """The figure of the worst window, in base units (infinite: failed)."""
    found, place = weighed.windows, weighed.worst()
    if claim.metric in ("rate", "outage"):
        return abs(float(weighed.badness[place]))
    low, high = int(found.low[place]), int(found.high[place])
    if claim.metric in SHARES:
        return float(event(claim.metric, part)[low:high].mean())
    if claim.length is not None and claim.expectation.op in ("<", "<="):
        return _slowest(claim, weighed, part)
    return quantile(latencies(part)[low:high], level(claim.metric) or 0.0)


def _slowest(claim: Claim, weighed: Weighed, part: Samples) -> float:
    """The largest quantile of any window, by halving over the latencies that were seen."""
    times = latencies(part)
    seen = np.unique(times)
    sizes = weighed.windows.sizes
    allowed = np.where(sizes > 0, sizes - rank(level(claim.metric) or 0.0, sizes), 0)
    low, high = 0, len(seen) - 1
    while low < high:
        middle = (low + high) // 2
        if bool((weighed.windows.count(times > seen[middle]) <= allowed).all()):
            high = middle
        else:
            low = middle + 1
    return float(seen[low])
