"""When a fault was first felt, when that was certain, when it was over, and what it cost.

A request is bad here when it failed or was shed, or was slower than a latency that the steady
state claims of its series. Degraded answers are good: they are what a fallback is for. This
module must never judge: whether the figures were allowed is said by gates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chaoskit.judge import phases
from chaoskit.judge.metrics import level, quantile
from chaoskit.judge.samples import Array, Samples
from chaoskit.model.experiment import Experiment
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Impact

# Slow requests come in clusters: a bucket counts at most 1000 to 1, and 10^8 to 1 is an alarm.
BUCKET, CAP, ALARM = 0.25, math.log(1e3), math.log(1e8)
# The smallest rise of the bad share that is looked for.
RISE = 0.05


@dataclass(frozen=True)
class Course:
    """Bad requests and all requests in buckets of 0.25 s from `begin` on; `usual` bad share."""

    begin: float
    bad: Array
    planned: Array
    usual: float

    def at(self, bucket: int) -> float:
        return self.begin + bucket * BUCKET


def measured_impact(
    experiment: Experiment, timeline: Timeline, samples: Samples, cost_per_second: float | None
) -> Impact | None:
    """The impact of the run's faults from the first acknowledged to the end of what was watched.

    None without a fault, a baseline or a sample to measure it by; `felt` False when no alarm rose.
    """
    samples = samples.of("all")
    begin = phases.fault_window(timeline).begin
    before, end = phases.baseline_window(timeline).span, _watched_until(timeline)
    if not timeline.injections or begin is None or before is None or end is None:
        return None
    course = _course(experiment, samples, before, (begin, end))
    resolution = _resolution(experiment, samples.between(*before))
    if course is None:
        return None
    span = departure(course)
    if span is None:
        return Impact(felt=False, resolution=resolution)
    return _told(course, span, phases.reverted_at(timeline), cost_per_second, resolution)


def _watched_until(timeline: Timeline) -> float | None:
    return max((s.end for s in timeline.spans if s.end is not None), default=None)


def _course(
    experiment: Experiment, samples: Samples, before: tuple[float, float], span: tuple[float, float]
) -> Course | None:
    bad, start = _bad(experiment, samples), samples.start
    usual = (before[0] <= start) & (start < before[1])
    count = math.floor((span[1] - span[0]) / BUCKET)
    if not usual.any() or count < 1 or not len(samples.between(*span)):
        return None
    edges = span[0] + BUCKET * np.arange(count + 1)
    # With none bad among n the true share may still be near 1/n.
    share = (int(bad[usual].sum()) + 0.5) / (int(usual.sum()) + 1)
    planned, _ = np.histogram(start, edges)
    return Course(span[0], np.histogram(start[bad], edges)[0], planned, share)


def _bad(experiment: Experiment, samples: Samples) -> Array:
    bad = samples.outcome >= Outcome.SHED
    for series, seconds in _limits(experiment):
        mine = series == "all" or samples.array["series"] == _index(samples, series)
        bad = bad | (mine & (samples.latency > seconds))
    return np.asarray(bad)


def _index(samples: Samples, series: str) -> int:
    return samples.names.index(series) if series in samples.names else len(samples.names)


def _limits(experiment: Experiment) -> Iterator[tuple[str, float]]:
    for claim in experiment.steady_state:
        upper = claim.op in ("<", "<=") and not claim.vs_baseline
        if upper and (level(claim.metric) or 0.0) >= 0.9:
            yield claim.series, claim.bound.value


def _resolution(experiment: Experiment, baseline: Samples) -> float:
    """No time is known better than a bucket, the usual p99, or three requests."""
    slowest = quantile(baseline.latency, 0.99) or 0.0
    return max(BUCKET, slowest, 3 / float(experiment.load.rate))


def departure(course: Course) -> tuple[int, int, int] | None:
    """Buckets of onset, alarm (exclusive) and last departure (exclusive); None without alarm.

    A cumulative sum of log likelihood ratios (Page, Continuous Inspection Schemes, 1954) that
    never falls below zero: the onset is its last zero before the alarm. The same sum run from
    the end backwards gives the last departure; both reach the same maximum.
    """
    scores = _scores(course)
    ahead, back = _first_alarm(scores), _first_alarm(scores[::-1])
    if ahead is None or back is None:
        return None
    return ahead[0], ahead[1], len(scores) - back[0]


def _scores(course: Course) -> Array:
    usual = course.usual
    shifted = min(usual + max(RISE, usual), (1 + usual) / 2)
    good = course.planned - course.bad
    score = course.bad * math.log(shifted / usual) + good * math.log((1 - shifted) / (1 - usual))
    return np.asarray(np.minimum(score, CAP))


def _first_alarm(scores: Array) -> tuple[int, int] | None:
    total, zero = 0.0, 0
    for place, score in enumerate(scores.tolist()):
        total += score
        if total <= 0:
            total, zero = 0.0, place + 1
        elif total >= ALARM - 1e-9:
            return zero, place + 1
    return None


def _told(
    course: Course,
    span: tuple[int, int, int],
    removed: float | None,
    cost_per_second: float | None,
    resolution: float,
) -> Impact:
    onset, alarm, last = span
    over = None if last == len(course.bad) else course.at(last)
    shares = course.bad[onset:last] / np.maximum(course.planned[onset:last], 1)
    # Signed: the better half of chance must count too, or an area grows out of nothing.
    known = course.planned[onset:last] > 0
    area = float((shares - course.usual)[known].sum()) * BUCKET
    return Impact(
        felt=True, resolution=resolution, to_impact=onset * BUCKET,
        to_detect=(alarm - onset) * BUCKET,
        to_recover=None if over is None else over - course.begin,
        after_removal=None if over is None or removed is None else over - removed,
        depth=_depth(course, onset, last), area=area,
        cost=None if cost_per_second is None else max(0.0, area) * cost_per_second,
    )  # fmt: skip


def _depth(course: Course, onset: int, last: int) -> float:
    """The largest share of bad requests in any second between onset and departure."""
    step = round(1 / BUCKET)
    bad, planned = (
        np.convolve(counts[onset:last], np.ones(step)) for counts in (course.bad, course.planned)
    )
    inside = slice(step - 1, -(step - 1)) if last - onset >= step else slice(None)
    return float((bad[inside] / np.maximum(planned[inside], 1)).max())
