"""Exact metrics of a slice of samples, and the per-request table made of them.

The unit is the planned request. This module must never smooth, sample or estimate.
"""

from __future__ import annotations

import math

import numpy as np

from chaoskit.judge.samples import Array, Samples
from chaoskit.model.expectation import SHARES, Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import PhaseName
from chaoskit.model.verdict import SeriesFigures

# What is implied unless it is stated otherwise: that there is none of it.
IMPLIED = {"degraded": Outcome.DEGRADED, "shed": Outcome.SHED}
# What a product such as 0.07 * 100 may be off by, far below one sample of ten million.
_NOISE = 1e-6


def level(metric: str) -> float | None:
    """The quantile that a latency metric asks for (`max` is 1.0); None for other metrics."""
    if metric == "max":
        return 1.0
    return float(metric[1:]) / 100 if metric.startswith("p") else None


def event(metric: str, samples: Samples) -> Array:
    """For each planned request, whether it counts for a share (`success` = ok or degraded)."""
    if metric == "success":
        return np.asarray(samples.outcome <= Outcome.DEGRADED)
    return np.asarray(samples.outcome == Outcome[metric.upper()])


def latencies(samples: Samples) -> Array:
    """Seconds of all planned requests that were not shed; a failed one is infinite."""
    times: Array = samples.kept("latencies", lambda: _latencies(samples))
    return times


def _latencies(samples: Samples) -> Array:
    times = samples.latency.astype(np.float64)
    times[samples.outcome == Outcome.FAILED] = np.inf
    shed = samples.outcome == Outcome.SHED
    return times[~shed] if shed.any() else times


def rank(share: float, count: int | Array) -> Array:
    """The nearest rank: the smallest whole number r >= 1 with r >= share * count."""
    return np.maximum(1, np.ceil(np.asarray(count) * share - _NOISE)).astype(np.int64)


def quantile(values: Array, share: float) -> float | None:
    """The nearest-rank quantile: the value whose 1-based rank is ceil(share * n).

    It is always a value that was seen, and the inverse of the empirical distribution function
    (Hyndman and Fan, Sample Quantiles in Statistical Packages, 1996, definition 1; numpy's
    `inverted_cdf`). None without values.
    """
    if not len(values):
        return None
    place = int(rank(share, len(values))) - 1
    return float(np.partition(values, place)[place])


def rate(samples: Samples, begin: float, end: float) -> float:
    """Successes per second of the window."""
    return int(event("success", samples).sum()) / (end - begin) if end > begin else 0.0


def outage(samples: Samples, begin: float, end: float) -> float:
    """The longest time in seconds between the intended starts of consecutive successes.

    The window's begin and end count as borders, so a window without a success is one outage.
    """
    succeeded = samples.start[event("success", samples)]
    return float(np.diff(np.concatenate(([begin], succeeded, [end]))).max())


def measure(metric: str, samples: Samples, begin: float, end: float) -> float | None:
    """One metric in its base unit (share 0..1, seconds, per second); None without data."""
    if not len(samples) or end <= begin:
        return None
    if metric in SHARES:
        return float(event(metric, samples).mean())
    if metric == "rate":
        return rate(samples, begin, end)
    if metric == "outage":
        return outage(samples, begin, end)
    share = level(metric)
    return None if share is None else quantile(latencies(samples), share)


def measured(expectation: Expectation, samples: Samples, begin: float, end: float) -> float | None:
    """The metric of an expectation on its series within begin..end."""
    part = samples.between(begin, end).of(expectation.series)
    return measure(expectation.metric, part, begin, end)


def finite(value: float | None) -> float | None:
    """None for infinity, which JSON cannot say; otherwise without the noise of 4-byte floats."""
    if value is None or not math.isfinite(value):
        return None
    return float(str(np.float32(value)))


def figures(
    samples: Samples, begin: float, end: float, phase: PhaseName
) -> tuple[SeriesFigures, ...]:
    """The per-request table of one window: `all` first, then each series that has samples.

    A percentile is None without data, and also where it is infinite: then requests that were
    not shed exist, and so many of them failed that the rank falls on one.
    """
    part = samples.between(begin, end)
    present = part.tally().sum(axis=1) if len(part) else np.zeros(len(part.names))
    names = sorted(name for name, count in zip(part.names, present, strict=True) if count)
    return tuple(_row(name, part.of(name), begin, end, phase) for name in ("all", *names))


def _row(name: str, part: Samples, begin: float, end: float, phase: PhaseName) -> SeriesFigures:
    ok, degraded, shed, failed = np.bincount(part.outcome, minlength=4).tolist()
    times = np.sort(latencies(part))
    p50, p95, p99 = (finite(_at(times, share)) for share in (0.50, 0.95, 0.99))
    return SeriesFigures(
        series=name, phase=phase, planned=len(part), ok=ok, degraded=degraded, shed=shed,
        failed=failed, rate=rate(part, begin, end), p50=p50, p95=p95, p99=p99,
        outage=outage(part, begin, end),
    )  # fmt: skip


def _at(rising: Array, share: float) -> float | None:
    return float(rising[int(rank(share, len(rising))) - 1]) if len(rising) else None
