"""A run against its own baseline: shares of bad requests in buckets, and how sure they are.

Requests that follow each other are alike, so that a test of single requests finds a difference
where there is none. Bucket means (1 to 10 s) carry what is independent; the margin is the
claim's own. This module must never count a single request as evidence, nor decide without room
for chance: between `held` and `violated` lies what is not settled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from chaoskit.judge.binomial import least, most
from chaoskit.judge.claims import Claim
from chaoskit.judge.metrics import latencies, level, quantile
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.expectation import SHARES
from chaoskit.model.verdict import Status

ALPHA = 0.05
# Seconds, and buckets: in fewer all may lie on one side by chance.
FEWEST = 6
_LONGEST = 10.0
# Beyond a day of load a forecast says nothing.
_FORECAST = 86400.0


@dataclass(frozen=True)
class Shares:
    """Bad requests of each bucket over the mean number of requests in one; their mean is the share.

    `length` is the seconds that the buckets cover together; `bad` of `count` requests are.
    """

    each: Array
    length: float
    bad: int
    count: int

    @property
    def mean(self) -> float:
        return float(self.each.mean())

    @property
    def error(self) -> float:
        """The standard error of the mean by batch means: sd / sqrt(buckets)."""
        return float(self.each.std(ddof=1)) / math.sqrt(len(self.each))

    @property
    def rise(self) -> float:
        """How far the share may lie above what was seen, were each request independent."""
        return most(self.bad, self.count, ALPHA) - self.mean

    @property
    def fall(self) -> float:
        """The same below it."""
        return self.mean - least(self.bad, self.count, ALPHA)


@dataclass(frozen=True)
class Compared:
    """What a comparison found; `low` and `high` are figures of the metric in base units.

    `missing` are the seconds of load that would settle it, as long as all else stays as it is.
    """

    status: Status
    low: float
    high: float
    missing: float | None = None


def edges(begin: float, end: float) -> Array:
    """Edges of equal buckets: six or more, none above 10 s."""
    count = max(FEWEST, math.ceil((end - begin) / _LONGEST - SLACK))
    return np.linspace(begin, end, count + 1)


def shares(claim: Claim, part: Samples, begin: float, end: float) -> Shares:
    """The bad requests of a claim in the buckets of begin..end."""
    budget = claim.budgets(part)[0]
    counted, _ = np.histogram(budget.start[budget.bad], edges(begin, end))
    bad, count = int(counted.sum()), max(1, len(budget.start))
    return Shares(counted * (len(counted) / count), end - begin, bad, count)


def limit(claim: Claim) -> float:
    """The share of bad requests that a claim allows; its baseline's figure is in its bound."""
    below = claim.expectation.op in ("<", "<=")
    if claim.metric in SHARES:
        return claim.bound if below else 1 - claim.bound
    share = level(claim.metric) or 0.0
    return 1 - share if below else share


def reference(claim: Claim) -> Shares | None:
    """The baseline's own shares: of the same event, or beyond its own quantile; None: too short."""
    before = claim.against
    if before is None or before.window is None:
        return None
    own = quantile(latencies(before), level(claim.metric) or 0.0)
    begin, end = before.window
    if end - begin < FEWEST - SLACK or own is None:
        return None
    return shares(claim.at(own), before, begin, end)


def weight(claim: Claim) -> float:
    """How often the baseline's error enters: a share's factor multiplies it."""
    bound = claim.expectation.bound
    return bound.value if claim.metric in SHARES and bound.kind == "factor" else 1.0


def compare(claim: Claim, part: Samples, begin: float, end: float) -> Compared | str:
    """HELD, VIOLATED or inconclusive with an interval; a sentence where it cannot be computed.

    Held when the upper bound of the bad share (one-sided, 5 %) is below what the claim allows;
    violated when the lower bound (5 % over the comparisons of the phase) is above it. The error
    is sqrt(se_fault^2 + se_baseline^2) with n_b + n_f - 2 degrees of freedom. Both bounds are
    made monotone (`upper`, `lower`), so that more bad requests never better a verdict; the upper
    one is never below that of independent requests (`highest`).
    """
    before = reference(claim)
    if before is None or end - begin < FEWEST - SLACK:
        return f"too short: a comparison needs {FEWEST} s of baseline and of this phase"
    found, allowed = shares(claim, part, begin, end), limit(claim)
    spread = before.error * weight(claim)
    freedom = len(found.each) + len(before.each) - 2
    surely = student(1 - ALPHA / claim.among, freedom)
    high = highest(found, before, weight(claim), student(1 - ALPHA, freedom))
    low = lower(found.each, spread, surely)
    status = Status.INCONCLUSIVE
    if high < allowed:
        status = Status.HELD
    elif low > allowed:
        status = Status.VIOLATED
    inside = found.mean < allowed
    reach = high - found.mean if inside else surely * math.hypot(found.error, spread)
    missing = None if status is not Status.INCONCLUSIVE else _missing(found, allowed, reach)
    return Compared(status, *_figures(claim, part, (low, high), found.mean), missing)


def _missing(found: Shares, allowed: float, reach: float) -> float | None:
    """T (reach / distance)^2 - T: an error shrinks with the root of the time."""
    distance = abs(allowed - found.mean)
    if distance <= 1e-12:
        return None
    longer = found.length * ((reach / distance) ** 2 - 1)
    return longer if 0 < longer <= _FORECAST else None


def highest(found: Shares, before: Shares, by: float, t: float) -> float:
    """The upper bound by batch means, and at least the one that independent requests would have.

    Six buckets that saw one bad request or none know nothing of how much they waver. The exact
    limits of both shares are joined as the errors are (Zou and Donner, Construction of confidence
    limits about effect measures, Statistics in Medicine 27, 2008); `by` weighs the baseline's.
    It is monotone too: where the mean grows by d, the root shrinks by less than d.
    """
    short = by * max(t * before.error, before.fall)
    return max(upper(found.each, short / t, t), found.mean + math.hypot(found.rise, short))


def upper(each: Array, spread: float, t: float) -> float:
    """mean + t sqrt(se^2 + spread^2), the largest that any fewer bad requests would give.

    The bound is convex in each bucket, so its maximum below `each` keeps some buckets whole and
    empties the others; an exchange argument leaves only the k fullest, for each k.
    """
    filled = np.sort(each)[::-1]
    size = len(filled)
    total, squares = np.cumsum(filled), np.cumsum(filled**2)
    scatter = np.maximum(0.0, squares - total**2 / size)
    error = np.sqrt(scatter / (size * (size - 1)) + spread**2)
    return max(t * spread, float((total / size + t * error).max()))


def lower(each: Array, spread: float, t: float) -> float:
    """mean - t sqrt(se^2 + spread^2), the largest that any fewer bad requests would give.

    The bound is concave, so its maximum below `each` cuts all buckets at one level: a proof of
    harm stands when some bucket is worse still. Between two neighbours of the sorted buckets the
    best level solves a quadratic equation (`_level`).
    """
    ordered = np.concatenate(([0.0], np.sort(each)))
    size, best = len(each), -math.inf
    for kept in range(size):
        below = ordered[1 : kept + 1]
        at = min(max(_level(below, size, spread, t), ordered[kept]), ordered[kept + 1])
        cut = np.append(below, np.full(size - kept, at))
        error = float(cut.std(ddof=1)) / math.sqrt(size)
        best = max(best, float(cut.mean()) - t * math.hypot(error, spread))
    return best


def _level(below: Array, size: int, spread: float, t: float) -> float:
    """Where the bound of `below` and all other buckets at one level is largest; may be infinite."""
    cut, kept = size - len(below), len(below)
    rise, bend = cut / size, kept * cut / size
    steep = t**2 / (size * (size - 1)) * bend - rise**2
    if not kept or steep <= 0:
        return math.inf
    total = float(below.sum())
    turn = total * cut / size
    rest = float((below**2).sum()) - total**2 / size + size * (size - 1) * spread**2
    return (rise * math.sqrt(max(0.0, bend * rest - turn**2) / steep) + turn) / bend


def student(share: float, freedom: int) -> float:
    """The quantile of Student's t (Abramowitz and Stegun, 26.7.5; 0.1 % from 5 degrees on)."""
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** (i + 1) for i, term in enumerate(terms))


def _figures(
    claim: Claim, part: Samples, bounds: tuple[float, float], found: float
) -> tuple[float, float]:
    """Bounds of the bad share as bounds of the metric, the lower one first.

    A bound of a share turns a quantile into the neighbouring one that is as much further.
    """
    low, high = bounds
    below = claim.expectation.op in ("<", "<=")
    if claim.metric in SHARES:
        pair = (low, high) if below else (1 - high, 1 - low)
        return min(1.0, max(0.0, pair[0])), min(1.0, max(0.0, pair[1]))
    centre = level(claim.metric) or 0.0
    steps = (low - found, high - found) if below else (found - high, found - low)
    times = latencies(part)
    first, last = (_quantile(times, centre + step) for step in steps)
    return first, last


def _quantile(times: Array, share: float) -> float:
    """Above everything that was seen it is infinite, as nothing says where it ends."""
    if share >= 1 or not len(times):
        return math.inf
    return quantile(times, max(share, 0.0)) or 0.0
