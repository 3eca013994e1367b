"""From the timeline to the windows that are judged, and to where recovery begins between them.

This module must never invent a border: what the timeline does not say is None.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaoskit.judge.windows import SLACK
from chaoskit.model.experiment import Experiment, Recovery
from chaoskit.model.timeline import InjectionRecord, PhaseName, Timeline

CUT_SHORT = ("halted", "interrupted", "failed")


@dataclass(frozen=True)
class Window:
    """Seconds on the monotonic clock, half open; None where the run never got there."""

    phase: PhaseName
    begin: float | None
    end: float | None

    @property
    def span(self) -> tuple[float, float] | None:
        if self.begin is None or self.end is None or self.end <= self.begin:
            return None
        return self.begin, self.end


def baseline_window(timeline: Timeline) -> Window:
    return _of_span(timeline, "baseline")


def fault_window(timeline: Timeline) -> Window:
    """From the first injection acknowledged to the begin of the revert that leaves none open.

    Where a fault was lost it ends at the last look that still listed it, of several at the
    earliest: after that not everything that was due was in force. Without injections it is the
    span of the phase. An event that was never reverted is over by itself, but what it does is
    not: then the window lasts to the end of the phase.
    """
    span = _of_span(timeline, "fault")
    if not timeline.injections:
        return span
    begun = [i for i in timeline.injections if i.begun is not None]
    ends = [
        span.end if i.shape == "event" and i.revert_begun is None else i.revert_begun for i in begun
    ]
    known = [end for end in ends if end is not None]
    first = min((i.acknowledged for i in begun if i.acknowledged is not None), default=None)
    end = max(known) if known and len(known) == len(ends) else None
    lost = [_last_in_force(i) for i in begun if i.lost is not None]
    return Window("fault", first, min([*lost, end]) if lost and end is not None else end)


def surge_window(experiment: Experiment, timeline: Timeline) -> Window:
    """What is judged of the load's surge: as much of it as lies in the fault window."""
    surge, phase, judged = experiment.load.surge, timeline.span("fault"), fault_window(timeline)
    if surge is None or phase is None or judged.span is None:
        return Window("fault", None, None)
    begin, (first, last) = phase.begin + surge.after, judged.span
    end = last if surge.lasts is None else min(last, begin + surge.lasts)
    return Window("fault", max(begin, first), end)


def _last_in_force(injection: InjectionRecord) -> float:
    """Of a lost one; one that no look ever listed was in force for no time at all."""
    known = (injection.last_listed, injection.acknowledged, injection.begun, injection.lost)
    return next(t for t in known if t is not None)


def recovery_window(timeline: Timeline) -> Window:
    """From revert acknowledged to the begin of hold; it is shown, not judged."""
    hold, span = timeline.span("hold"), timeline.span("recovery")
    end = hold.begin if hold else span.end if span else None
    return Window("recovery", reverted_at(timeline), end)


def hold_window(timeline: Timeline, recovery: Recovery) -> Window:
    """From steady state and full strength on; without a span of its own as long as `hold` asks.

    It must have been watched: where the recovery phase ended before, there is no end.
    """
    span = timeline.span("hold")
    if span is not None:
        return Window("hold", span.begin, span.end)
    reached, watched = recovered_at(timeline), _of_span(timeline, "recovery").end
    if reached is None or watched is None or watched < reached + recovery.hold - SLACK:
        return Window("hold", reached, None)
    return Window("hold", reached, reached + recovery.hold)


def _of_span(timeline: Timeline, phase: PhaseName) -> Window:
    span = timeline.span(phase)
    return Window(phase, span.begin if span else None, span.end if span else None)


def reverted_at(timeline: Timeline) -> float | None:
    """When all was put back; without injections the end of the fault phase."""
    if timeline.revert_acknowledged is not None or timeline.injections:
        return timeline.revert_acknowledged
    return fault_window(timeline).end


def recovery_origin(experiment: Experiment, timeline: Timeline) -> float | None:
    """When recovery begins to count: all is put back, and no surge is sent any more."""
    put_back, surge, phase = reverted_at(timeline), experiment.load.surge, timeline.span("fault")
    if put_back is None or surge is None or phase is None:
        return put_back
    end = phase.begin + experiment.phases.fault
    over = end if surge.lasts is None else phase.begin + surge.after + surge.lasts
    return max(put_back, over if phase.end is None else min(over, phase.end))


def recovered_at(timeline: Timeline) -> float | None:
    if timeline.steady_at is None or timeline.full_strength_at is None:
        return None
    return max(timeline.steady_at, timeline.full_strength_at)
