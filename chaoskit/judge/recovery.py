"""What became of the recovery: when steady state and full strength were reached, and its gate.

Steady state is looked at once more with all samples: while a run goes on some have not come in.
This module must never call steady what they do not show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chaoskit.judge.live import holds_of, is_steady, unasked
from chaoskit.judge.metrics import event
from chaoskit.judge.phases import CUT_SHORT, baseline_window, recovery_origin
from chaoskit.judge.samples import Samples
from chaoskit.judge.wording import seconds
from chaoskit.model.experiment import Experiment
from chaoskit.model.timeline import Timeline
from chaoskit.model.verdict import Gate, RecoveryFigures, Status

SLIDE = 0.25


def following(moment: float) -> float:
    """Where the next window is looked at, in seconds, as the journal writes them."""
    return round(moment + SLIDE, 6)


def recovery_figures(
    experiment: Experiment, timeline: Timeline, samples: Samples
) -> RecoveryFigures | None:
    """Both times in seconds; None when nothing was reverted, so that there was no recovery."""
    origin = recovery_origin(experiment, timeline)
    if origin is None:
        return None
    steady, strength = (
        None if moment is None else max(0.0, moment - origin)
        for moment in (_steady_at(experiment, timeline, samples), timeline.full_strength_at)
    )
    within = float(experiment.phases.recovery.within)
    return RecoveryFigures(within=within, steady=steady, full_strength=strength)


def _steady_at(experiment: Experiment, timeline: Timeline, samples: Samples) -> float | None:
    """The first steady window from the one that was told on; what was too late anyway stays so."""
    told, before = timeline.steady_at, baseline_window(timeline).span
    limit = _limit(experiment, timeline)
    if told is None or limit is None or told > limit:
        return told
    baseline = samples.phase(*before) if before else None
    length = experiment.steady_window(samples.probes)
    watched = _watched(timeline)
    moment, last = told, told if watched is None else max(told, min(limit, watched - length))
    while moment <= last:
        end = moment + length
        if is_steady(experiment.steady_state, samples, moment, end, baseline=baseline):
            return moment
        moment = following(moment)
    return None


def _limit(experiment: Experiment, timeline: Timeline) -> float | None:
    origin = recovery_origin(experiment, timeline)
    return None if origin is None else round(origin + experiment.phases.recovery.within, 6)


def _watched(timeline: Timeline) -> float | None:
    """Until when the load of the baseline was sent, as far as the journal says."""
    spans = (timeline.span("recovery"), timeline.span("hold"))
    return max((s.end for s in spans if s is not None and s.end is not None), default=None)


def recovery_gate(experiment: Experiment, timeline: Timeline, figures: RecoveryFigures) -> Gate:
    """Steady state and full strength, both `within` so long of when recovery began to count.

    A run that was cut short before that time is over leaves it inconclusive.
    """
    within = str(experiment.phases.recovery.within)
    times = {"steady state": figures.steady, "full strength": figures.full_strength}
    known = [t for t in times.values() if t is not None]
    observed = max(known) if len(known) == len(times) else None
    late = [n for n, t in times.items() if t is None or t > figures.within + 1e-9]
    status = Status.VIOLATED if late else Status.HELD
    if late and _unfinished(experiment, timeline, figures):
        status = Status.INCONCLUSIVE
    return Gate(
        phase="recovery", expectation=f"recovery within {within}", series="all",
        metric="recovery", status=status, observed=observed, bound=f"<= {within}",
        shown="not reached" if observed is None else seconds(observed, figures.within),
        reason=_reason(late, times, within, status),
    )  # fmt: skip


def unasked_recovery(
    gate: Gate,
    figures: RecoveryFigures,
    experiment: Experiment,
    timeline: Timeline,
    samples: Samples,
) -> Gate:
    """The gate, inconclusive where all that kept steady state from being seen is missing requests.

    A rare series need not be in any window that is in time, however well the system is.
    """
    strong = figures.full_strength is not None and figures.full_strength <= figures.within
    if gate.status is not Status.VIOLATED or not strong:
        return gate
    lacking = {name for names in _lacking_requests(experiment, timeline, samples) for name in names}
    if not lacking:
        return gate
    of = f" of {' and '.join(sorted(lacking - {'all'}))}" if lacking != {"all"} else ""
    length = seconds(experiment.steady_window(samples.probes))
    reason = (
        f"{gate.reason}; windows of {length} without a request{of} were steady otherwise, so it "
        "may have been reached: a longer 'within' or a higher rate would tell"
    )
    return gate.model_copy(update={"status": Status.INCONCLUSIVE, "reason": reason})


def _lacking_requests(
    experiment: Experiment, timeline: Timeline, samples: Samples
) -> Iterator[tuple[str, ...]]:
    """Of each window in time that is steady but for series without a request: those series.

    Not where the next request of one is bad; nor where none of all that were sent was answered, or
    the window holds none of them: then a rare series is not all that it lacks.
    """
    origin, limit = recovery_origin(experiment, timeline), _limit(experiment, timeline)
    watched, before = _watched(timeline), baseline_window(timeline).span
    if origin is None or limit is None or watched is None:
        return
    sent = samples.between(origin, watched).of("all")
    if len(sent) and not event("success", sent).any():
        return
    claims, length = experiment.steady_state, experiment.steady_window(samples.probes)
    baseline = samples.phase(*before) if before else None

    def refuted(series: str, since: float) -> bool:
        if series == "all":
            return len(sent) > 0
        later = samples.of(series).between(since, watched).start
        if not len(later):
            return False
        end = float(np.nextafter(later[0], np.inf))
        return not holds_of(series, claims, samples, end - length, end, baseline=baseline)

    moment = round(origin, 6)
    while moment <= min(limit, watched - length):
        end = moment + length
        names = unasked(claims, samples, moment, end, baseline=baseline)
        if names and not any(refuted(name, end) for name in names):
            yield names
        moment = following(moment)


def _unfinished(experiment: Experiment, timeline: Timeline, figures: RecoveryFigures) -> bool:
    if any(t is not None and t > figures.within for t in (figures.steady, figures.full_strength)):
        return False
    span, limit, watched = (
        timeline.span("recovery"), _limit(experiment, timeline), _watched(timeline)
    )  # fmt: skip
    if span is None or span.end is None or limit is None or watched is None:
        return True
    # Told too soon, so that nobody waited any longer: it may have been reached after all.
    if figures.steady is None and timeline.steady_at is not None:
        return watched < limit
    return timeline.stop_kind in CUT_SHORT and span.end < limit


def _reason(late: list[str], times: dict[str, float | None], within: str, status: Status) -> str:
    if status is Status.HELD:
        return ""
    if status is Status.INCONCLUSIVE:
        return f"the run ended before {' and '.join(late)} could be waited for"
    told = (
        f"{name} was not reached" if (t := times[name]) is None else f"{name} took {seconds(t)}"
        for name in late
    )
    return f"{', '.join(told)}, against {within} from revert acknowledged"
