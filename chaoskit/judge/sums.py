"""A judged run to the sums that later runs are compared with: buckets of each series and phase.

It must never keep a single sample, nor a percentile without how sure it is.
"""

from __future__ import annotations

import math

import numpy as np

from chaoskit.judge import doubts
from chaoskit.judge.comparison import FEWEST, edges
from chaoskit.judge.gates import present
from chaoskit.judge.metrics import latencies, level, quantile
from chaoskit.judge.phases import fault_window
from chaoskit.judge.samples import Array, Samples
from chaoskit.judge.windows import SLACK
from chaoskit.model.baseline import Bucket, GateState, Part, Percentile, RunSums
from chaoskit.model.expectation import Expectation
from chaoskit.model.samples import Outcome
from chaoskit.model.timeline import PhaseName, Timeline
from chaoskit.model.verdict import Gate, Status, Verdict

PERCENTILES = ("p50", "p95", "p99")
# Requests beyond a percentile: with fewer the slowest few decide.
TAIL = 10
PHASES: tuple[PhaseName, ...] = ("baseline", "fault", "hold")


def sums(verdict: Verdict, samples: Samples) -> RunSums:
    """What is kept of one run. A phase below 6 s has no part: too few buckets."""
    timeline = _timeline(verdict)
    windows = {phase: _window(timeline, phase) for phase in PHASES}
    known = {p: w for p, w in windows.items() if w is not None and w[1] - w[0] >= FEWEST - SLACK}
    parts = tuple(
        part for phase, (b, e) in known.items() for part in parts_of(samples, phase, b, e)
    )
    planned = sum(bucket.planned for part in parts for bucket in part.buckets)
    seconds = sum(end - begin for begin, end in known.values())
    overloaded = _overloaded(verdict, samples)
    worthless = (*_worthless(verdict, timeline), *overloaded)
    return RunSums(
        run=verdict.run, experiment=verdict.experiment, system=verdict.system,
        runtime=verdict.runtime, status=verdict.status, restored=verdict.restored,
        quick=verdict.quick, saturated=verdict.load.saturated, worthless=worthless,
        seed=verdict.seed, started_at=verdict.started_at, chaoskit=verdict.chaoskit,
        rate=round(planned / seconds, 3) if seconds else 0.0,
        gates=tuple(
            _state(g, verdict, overloaded if g.phase == "baseline" else worthless)
            for g in verdict.gates
            if not g.implied or g.status is Status.VIOLATED
        ),
        recovery=verdict.recovery, parts=parts,
    )  # fmt: skip


def _timeline(verdict: Verdict) -> Timeline:
    return Timeline(
        run=verdict.run, experiment=verdict.experiment, spans=verdict.spans,
        injections=verdict.injections, stop_kind=verdict.stop_kind, stopped=verdict.stopped,
    )  # fmt: skip


def _worthless(verdict: Verdict, timeline: Timeline) -> tuple[str, ...]:
    """Too few samples for a gate of the baseline do not spoil its figures: their error is known."""
    told = tuple(g for g in verdict.gates if g.status is not Status.INCONCLUSIVE)
    return doubts.worthless(timeline, told)


def _overloaded(verdict: Verdict, samples: Samples) -> tuple[str, ...]:
    """How late the load may be follows from the claims about latencies of requests, as judged."""
    claims = [
        Expectation.parse(gate.expectation)
        for gate in verdict.gates
        if level(gate.metric) is not None and gate.series not in samples.probes
    ]
    return tuple(doubts.doubted(verdict.load, *doubts.limit_of(claims)))


def _state(gate: Gate, verdict: Verdict, doubted: tuple[str, ...]) -> GateState:
    """A gate of a run that proves nothing is not settled; lost data is a fact where it decided.

    Nor is one that was violated where the verdict did not follow it, as the load was to blame.
    """
    lost = gate.metric == "data_safety" and verdict.status is Status.VIOLATED
    excused = gate.status is Status.VIOLATED and verdict.status is Status.INCONCLUSIVE
    unsettled = (bool(doubted) and not lost) or (excused and gate.phase != "baseline")
    status = Status.INCONCLUSIVE if unsettled else gate.status
    return GateState(
        phase=gate.phase, expectation=gate.expectation, status=status, implied=gate.implied
    )


def _window(timeline: Timeline, phase: PhaseName) -> tuple[float, float] | None:
    """As it was judged: that of the fault phase lies between the injections' borders."""
    if phase == "fault":
        return fault_window(timeline).span
    span = timeline.span(phase)
    return None if span is None or span.end is None else (span.begin, span.end)


def parts_of(samples: Samples, phase: PhaseName, begin: float, end: float) -> tuple[Part, ...]:
    """One part for each series that has samples in begin..end (seconds, half open)."""
    inside = samples.between(begin, end)
    return tuple(_part(inside.of(name), name, phase, begin, end) for name in present(inside))


def _part(part: Samples, series: str, phase: PhaseName, begin: float, end: float) -> Part:
    borders = edges(begin, end)
    place = np.clip(np.searchsorted(borders, part.start, "right") - 1, 0, len(borders) - 2)
    cells = np.bincount(place * 4 + part.outcome, minlength=4 * (len(borders) - 1)).reshape(-1, 4)
    rows = cells.tolist()
    return Part(
        phase=phase, series=series, seconds=round(end - begin, 6),
        buckets=tuple(Bucket(ok=a, degraded=b, shed=c, failed=d) for a, b, c, d in rows),
        latency={name: _percentile(part, place, len(rows), name) for name in PERCENTILES},
    )  # fmt: skip


def _percentile(part: Samples, place: Array, buckets: int, metric: str) -> Percentile:
    """The percentile, and its error from the share of slower requests in each bucket.

    The share's error by batch means, at least the binomial one, moves the level up and down; half
    of the step between the two percentiles there is the error (Woodruff, Confidence Intervals for
    Medians and Other Position Measures, 1952).
    """
    times, share = latencies(part), level(metric) or 0.0
    value = quantile(times, share)
    if value is None or not 0 < value < math.inf:
        return Percentile()
    slower = np.bincount(place[part.outcome != Outcome.SHED][times > value], minlength=buckets)
    spread = float(slower.std(ddof=1)) * math.sqrt(buckets) / len(times)
    error = max(spread, math.sqrt(share * (1 - share) / len(times)))
    if len(times) * (1 - share) < TAIL or share + error >= 1 or share - error <= 0:
        return Percentile(seconds=_short(value))
    low, high = (quantile(times, share + step) or 0.0 for step in (-error, error))
    if not 0 < low <= high < math.inf:
        return Percentile(seconds=_short(value))
    return Percentile(seconds=_short(value), error=_short(math.log(high / low) / 2))


def _short(value: float) -> float:
    """Five digits: far below what chance moves."""
    return float(f"{value:.5g}")
