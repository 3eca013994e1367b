"""Samples in buckets of time: counts by outcome and latency percentiles for each bucket.

Only for plots: no gate is judged on a bucket. It must never drop a sample silently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chaoskit.model.samples import Outcome
from chaoskit.report import words
from chaoskit.report.source import Run

Floats = NDArray[np.float64]
PERCENTILES = (0.5, 0.95, 0.99)
# More buckets than a page has pixels would only make the plots heavy.
_MOST = 600


@dataclass(frozen=True)
class Series:
    """One series: `counts[outcome, bucket]` in requests."""

    name: str
    counts: NDArray[np.int64]

    @property
    def planned(self) -> NDArray[np.int64]:
        planned: NDArray[np.int64] = self.counts.sum(axis=0)
        return planned

    def share(self, outcome: Outcome) -> Floats:
        """Of planned, for each bucket; 0 where nothing was planned."""
        return np.asarray(self.counts[outcome] / np.maximum(self.planned, 1), dtype=np.float64)

    def rate(self, outcomes: tuple[Outcome, ...], edges: Floats) -> Floats:
        """Requests with one of `outcomes` per second, for each bucket."""
        return np.asarray(self.counts[list(outcomes)].sum(axis=0) / np.diff(edges))

    @property
    def bad(self) -> int:
        """All answers that are not plainly ok."""
        return int(self.counts[Outcome.DEGRADED :].sum())


@dataclass(frozen=True)
class Buckets:
    """`edges` are seconds since the run's origin, one more than buckets; `width` in seconds.

    `every` and `latency` are of all requests; `series` holds each request's and each probe's.
    `latency[i]` are seconds of `PERCENTILES[i]`: NaN without requests, infinite where the
    percentile falls on a failed one.
    """

    edges: Floats
    width: float
    every: Series
    series: tuple[Series, ...]
    latency: Floats


def fill(run: Run) -> Buckets:
    """The samples of `run` in buckets of 1 s (wider for very long runs)."""
    starts = run.samples.start - run.origin
    edges, width = _edges(starts, run.end - run.origin)
    place = np.clip(np.floor((starts - edges[0]) / width), 0, len(edges) - 2).astype(np.int64)
    outcome = run.samples.outcome.astype(np.int64)
    buckets = len(edges) - 1

    def counted(name: str, chosen: NDArray[np.bool_]) -> Series:
        flat = np.bincount(outcome[chosen] * buckets + place[chosen], minlength=4 * buckets)
        return Series(name, flat.reshape(4, buckets))

    requests = _requests(run)
    return Buckets(
        edges=edges,
        width=width,
        every=counted("all", requests),
        series=tuple(counted(name, chosen) for name, chosen in _by_series(run)),
        latency=_latency(run, place, outcome, buckets, requests),
    )


def _edges(starts: Floats, length: float) -> tuple[Floats, float]:
    first = math.floor(min(0.0, float(starts.min()) if len(starts) else 0.0))
    width = max(1.0, math.ceil((length - first) / _MOST))
    number = max(1, round((length - first) / width))
    edges = first + width * np.arange(number + 1, dtype=np.float64)
    # The last bucket ends where the run does: cut short it would look like a loss of load.
    edges[-1] = max(length, edges[-2] + width / 2)
    return edges, width


def _by_series(run: Run) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each series that has samples, in the order of their names' table."""
    column = run.samples.array["series"]
    names = [words.series(name, run.samples.probes) for name in run.samples.names]
    return [(names[i], column == i) for i in np.unique(column)]


def _requests(run: Run) -> NDArray[np.bool_]:
    """Which samples are of requests: not those of probes."""
    samples = run.samples
    kept = np.array([name not in samples.probes for name in samples.names], dtype=bool)
    return np.asarray(kept[samples.array["series"]], dtype=bool)


def _latency(
    run: Run,
    place: NDArray[np.int64],
    outcome: NDArray[np.int64],
    buckets: int,
    requests: NDArray[np.bool_],
) -> Floats:
    """Percentiles over planned minus shed; failed counts as infinite (DESIGN section 8)."""
    taken = requests & (outcome != Outcome.SHED)
    value = np.where(outcome == Outcome.FAILED, np.inf, run.samples.latency)[taken]
    where = place[taken]
    order = np.lexsort((value, where))
    value = value[order]
    begin, end = np.searchsorted(where[order], [np.arange(buckets), np.arange(buckets) + 1])
    result = np.full((len(PERCENTILES), buckets), np.nan)
    full = end > begin
    for row, q in enumerate(PERCENTILES):
        rank = begin + np.maximum(np.ceil(q * (end - begin)).astype(np.int64) - 1, 0)
        result[row, full] = value[rank[full]]
    return result
