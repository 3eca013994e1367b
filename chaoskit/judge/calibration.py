"""How much a healthy load wavers by itself, from its samples: what later runs can tell follows.

Requests that follow each other are alike, so a share is taken in buckets of 10 s, as the
comparison with a baseline does it. This module must never take a load with a fault, or one in
doubt, for healthy; a generator that is late is what is measured, as long as it keeps up.
"""

from __future__ import annotations

import math

import numpy as np

from chaoskit.errors import InvalidInput
from chaoskit.judge.comparison import edges
from chaoskit.judge.gates import present
from chaoskit.judge.metrics import event, latencies
from chaoskit.judge.samples import Array, Samples
from chaoskit.model.calibration import Beyond, Calibration, Noise, SeriesCalibration
from chaoskit.model.expectation import SHARES
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Verdict
from chaoskit.units import Duration

# Seconds: six buckets. Several minutes are better: from six a spread is known to a third.
SHORTEST = 60.0
# Points of the tail for each factor of ten, and the fewest requests that a point stands for.
_DENSITY, _FEWEST = 16, 3


def calibrated(
    timeline: Timeline, samples: Samples, *, system: str, runtime: str, at: str
) -> Calibration:
    """Calibrate from a run without faults, from the begin of its baseline to its end.

    Raises InvalidInput when it had a fault, is `unsound`, or is shorter than a minute.
    """
    begin, end = _healthy(timeline)
    part = samples.between(begin, end)
    return Calibration(
        system=system, runtime=runtime, run=timeline.run, at=at, seconds=end - begin,
        lateness_p95=timeline.load.lateness_p95, lateness_p99=timeline.load.lateness_p99,
        series=tuple(_series(name, part, begin, end) for name in ("all", *present(part))),
    )  # fmt: skip


def unsound(run: Timeline | Verdict) -> str | None:
    """Why a load is no measure, and what to do; None where nothing speaks against it."""
    load = run.load
    if run.stop_kind is not None:
        why = run.stopped or run.stop_kind
        return f"it ended early ({why}); calibrate once the system is healthy, and to the end"
    if load.doubts:
        return f"its samples are in doubt ({load.doubts[0]}); calibrate again once that is mended"
    if load.saturated:
        why = "; ".join(load.causes) or f"{load.unsent} of {load.planned} arrivals unsent"
        return f"its load generator was saturated ({why}); calibrate with a rate that it can send"
    return None


def _healthy(timeline: Timeline) -> tuple[float, float]:
    if timeline.injections:
        raise InvalidInput(
            f"{timeline.run} had faults, so it does not tell how a healthy load wavers; "
            "calibrate from a run without any"
        )
    if why := unsound(timeline):
        raise InvalidInput(f"{timeline.run} does not tell how a healthy load wavers: {why}")
    baseline = timeline.span("baseline")
    ends = [span.end for span in timeline.spans if span.end is not None]
    seconds = max(ends) - baseline.begin if baseline is not None and ends else 0.0
    if baseline is None or seconds < SHORTEST:
        raise InvalidInput(
            f"{timeline.run} has {Duration(seconds)} of load after its warm-up; a calibration "
            f"needs {Duration(SHORTEST)} at least, and several minutes to be of use"
        )
    return baseline.begin, max(ends)


def _series(name: str, samples: Samples, begin: float, end: float) -> SeriesCalibration:
    part = samples.of(name)
    shares = {metric: noise(part.start, _bad(metric, part), begin, end) for metric in SHARES}
    return SeriesCalibration(
        series=name, rate=len(part) / (end - begin), shares=shares, tail=_tail(part, begin, end)
    )


def _bad(metric: str, part: Samples) -> Array:
    happened = event(metric, part)
    return ~happened if metric == "success" else happened


def _tail(part: Samples, begin: float, end: float) -> tuple[Beyond, ...]:
    """Points from half of the requests down to three of them, evenly in the logarithm."""
    times, start = latencies(part), part.start[part.outcome != Outcome.SHED]
    if len(times) < 2 * _FEWEST:
        return ()
    ordered, last = np.sort(times), _FEWEST / len(times)
    levels = np.geomspace(0.5, last, 2 + round(_DENSITY * math.log10(0.5 / last)))
    places = np.minimum(len(times) - 1, np.ceil(len(times) * (1 - levels)).astype(int))
    known = sorted({float(ordered[place]) for place in places if math.isfinite(ordered[place])})
    return tuple(Beyond(latency=t, noise=noise(start, times > t, begin, end)) for t in known)


def noise(start: Array, bad: Array, begin: float, end: float) -> Noise:
    """The share of bad requests and its spread over one second, by batch means.

    Never less than independent requests would have: sqrt(p (1 - p) / rate), with half a bad one
    more than was seen, because what was not seen may still be.
    """
    borders = edges(begin, end)
    length, count = float(borders[1] - borders[0]), max(1, len(start))
    each = np.histogram(start[bad], borders)[0] * ((len(borders) - 1) / count)
    careful = (float(bad.sum()) + 0.5) / (count + 1)
    least = math.sqrt(careful * (1 - careful) * (end - begin) / count)
    spread = max(least, float(each.std(ddof=1)) * math.sqrt(length))
    share = float(bad.mean()) if len(bad) else 0.0
    return Noise(share=share, spread=spread, design=(spread / least) ** 2)
