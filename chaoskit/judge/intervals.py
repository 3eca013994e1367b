"""How sure the figures of the per-request table are: 95 % intervals from buckets of time.

Requests that follow each other are alike, so that buckets are the witnesses, and not requests.
This module must never decide: what held is for the gates to say.
"""

from __future__ import annotations

import math

import numpy as np

from chaoskit.judge.comparison import FEWEST, edges, student
from chaoskit.judge.metrics import event, finite, latencies, quantile
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.standing import wilson
from chaoskit.judge.sums import TAIL
from chaoskit.judge.windows import SLACK
from chaoskit.model.samples import Outcome
from chaoskit.model.verdict import SeriesFigures

_BOTH_SIDES = 0.975
_P95 = 0.95


def with_intervals(
    rows: tuple[SeriesFigures, ...], samples: Samples, begin: float, end: float
) -> tuple[SeriesFigures, ...]:
    """The rows of begin..end (seconds) with their intervals; as they are where it is below 6 s."""
    if end - begin < FEWEST - SLACK:
        return rows
    inside, borders = samples.phase(begin, end), edges(begin, end)
    return tuple(_sure(row, inside.of(row.series), borders) for row in rows)


def _sure(row: SeriesFigures, part: Samples, borders: Array) -> SeriesFigures:
    if not len(part):
        return row
    low, high = _success(part, borders)
    least, most = _p95(part, borders)
    told = {"success_low": low, "success_high": high, "p95_low": least, "p95_high": most}
    return row.model_copy(update=told)


def _success(part: Samples, borders: Array) -> tuple[float, float]:
    """share -+ t * error, and never narrower than Wilson's interval of so many requests.

    `error` is that of a share by batch means (`_error`), t Student's with one degree of freedom
    fewer than buckets. Alone it would call a share of 100 % certain; Wilson's (JASA 22, 1927)
    keeps its level there.
    """
    good = event("success", part)
    hits, planned = (_counts(start, borders) for start in (part.start[good], part.start))
    share, reach = float(good.mean()), _reach(hits, planned)
    floor = wilson(int(good.sum()), len(part))
    low, high = floor.low or 0.0, 1.0 if floor.high is None else floor.high
    return _short(max(0.0, min(low, share - reach))), _short(min(1.0, max(high, share + reach)))


def _p95(part: Samples, borders: Array) -> tuple[float | None, float | None]:
    """The percentiles at 95 % -+ t * error: Woodruff, JASA 47, 1952.

    `error` is that of the share of requests beyond the 95th percentile by batch means, at least
    the binomial sqrt(0.95 * 0.05 / n). No interval with fewer than ten requests beyond it; no
    upper end where nothing says where it lies: at 100 %, or on a failed request.
    """
    times = latencies(part)
    value = quantile(times, _P95)
    if value is None or len(times) * (1 - _P95) < TAIL:
        return None, None
    start = part.start[part.outcome != Outcome.SHED]
    beyond = times > value if math.isfinite(value) else np.isinf(times)
    hits, counted = (_counts(s, borders) for s in (start[beyond], start))
    binomial = math.sqrt(_P95 * (1 - _P95) / len(times))
    reach = max(_reach(hits, counted), _t(counted) * binomial)
    high = quantile(times, _P95 + reach) if _P95 + reach < 1 else None
    return finite(quantile(times, max(0.0, _P95 - reach))), finite(high)


def _reach(hits: Array, of: Array) -> float:
    """t * error of the share of all `hits` among all `of`, both counted by bucket.

    error = sqrt(k) sd(hits - share * of) / sum(of) over k buckets: batch means (Law and Kelton,
    Simulation Modeling and Analysis, 9.5.3) of a ratio (Cochran, Sampling Techniques, 6.3), so
    that a load which changes its rate is not taken for a share that wavers.
    """
    share = hits.sum() / of.sum()
    spread = float((hits - share * of).std(ddof=1))
    return _t(of) * spread * math.sqrt(len(of)) / int(of.sum())


def _t(buckets: Array) -> float:
    return student(_BOTH_SIDES, len(buckets) - 1)


def _counts(start: Array, borders: Array) -> Array:
    """How many of the ascending starts lie in each bucket."""
    return np.diff(np.searchsorted(start, borders))


def _short(value: float) -> float:
    """Six digits: far below what chance moves."""
    return float(f"{value:.6g}")
