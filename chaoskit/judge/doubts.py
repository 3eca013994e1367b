"""Why a run may prove less than its gates say. Every doubt is a sentence with its figures.

This module must never turn a doubt into a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chaoskit.judge import phases
from chaoskit.judge.metrics import level
from chaoskit.judge.wording import plural, seconds
from chaoskit.model.expectation import SHARES, Expectation
from chaoskit.model.experiment import Experiment
from chaoskit.model.timeline import BURST, InjectionRecord, LoadFacts, Timeline
from chaoskit.model.verdict import Gate, Status

LATENESS_SHARE = 0.10
LATENESS_LIMIT = 0.050


def sentence(gate: Gate) -> str:
    """A gate as one sentence: phase, expectation, observed against bound."""
    implied = " (nothing else was declared)" if gate.implied else ""
    reason = gate.reason or f"{gate.shown} against {gate.bound}"
    return f"{gate.phase}: {gate.expectation}{implied} is {gate.status}: {reason}"


def worthless(timeline: Timeline, gates: tuple[Gate, ...]) -> tuple[str, ...]:
    """What makes the run worth nothing as evidence, whatever its gates say."""
    return (
        *_lost(timeline),
        *_cut_short(timeline),
        *_unfit(timeline, gates),
        *filter(None, map(_unproven, timeline.injections)),
    )


def open_questions(
    experiment: Experiment, timeline: Timeline, gates: tuple[Gate, ...]
) -> Iterator[str]:
    """What keeps a run without violation from having held."""
    yield from _missing(experiment, timeline)
    untold = [gate for gate in gates if gate.status is Status.INCONCLUSIVE]
    yield from map(sentence, untold)
    if untold and timeline.unasked:
        yield (
            f"{plural(timeline.unasked, 'question')} of probes could not be asked in time, as "
            "chaoskit itself stood still: they are no data"
        )


def _lost(timeline: Timeline) -> Iterator[str]:
    """A fault that slipped away: what was seen without it says nothing about it."""
    for injection in timeline.injections:
        if injection.lost is not None:
            yield (
                f"the fault {injection.fault} at {injection.point} ({injection.id}) was lost: "
                f"{injection.lost_because} ({_until(injection, timeline)})"
            )


def _until(injection: InjectionRecord, timeline: Timeline) -> str:
    span, phase = injection.in_force, timeline.span("fault")
    if span is None or span[1] is None or phase is None:
        return "no look showed it in force"
    begin, end = (f"{t - phase.begin:.1f} s" for t in (span[0], span[1]))
    return f"it was seen in force from {begin} to {end} of the fault phase, and judged no further"


def _cut_short(timeline: Timeline) -> Iterator[str]:
    if timeline.stop_kind in phases.CUT_SHORT:
        yield f"the run was {_PAST[timeline.stop_kind]}: {timeline.stopped or 'no reason recorded'}"


_PAST = {
    "halted": "halted",
    "interrupted": "interrupted",
    "failed": "ended by a failure",
}


def _unfit(timeline: Timeline, gates: tuple[Gate, ...]) -> Iterator[str]:
    judged = [gate for gate in gates if gate.phase == "baseline"]
    bad = [gate for gate in judged if gate.status is not Status.HELD]
    bad.sort(key=lambda gate: gate.status is not Status.VIOLATED)
    for gate in bad:
        yield f"baseline unfit: {sentence(gate).removeprefix('baseline: ')}"
    if timeline.stop_kind == "unfit" and not bad:
        yield f"baseline unfit: {timeline.stopped or 'no reason recorded'}"
    elif phases.baseline_window(timeline).span is None:
        yield "baseline unfit: the baseline phase was not completed"


def _unproven(injection: InjectionRecord) -> str | None:
    """Nothing was learnt about a fault that was not shown to be in force."""
    if injection.proven or injection.lost is not None:
        return None
    return (
        f"the fault {injection.fault} at {injection.point} ({injection.id}) was not proven in "
        f"force: {_why_unproven(injection)}; nothing was learnt about it"
    )


def _why_unproven(injection: InjectionRecord) -> str:
    if injection.acknowledged is None:
        return "its injection was never acknowledged"
    seen = [evidence for _, evidence in injection.evidence]
    if not seen:
        return "it was never looked at"
    gone = sum(not evidence.listed for evidence in seen)
    if gone:
        return f"it was not listed in {gone} of {len(seen)} looks"
    carried, felt = (
        _best([getattr(evidence, part) for evidence in seen]) for part in ("carried", "felt")
    )
    return f"it was listed, but carried: {carried}, felt: {felt}"


def _best(parts: list[bool | None]) -> str:
    return "not measured" if all(part is None for part in parts) else "no"


def overloaded(experiment: Experiment, timeline: Timeline) -> Iterator[str]:
    """Why the load was not as planned: then figures are worth nothing. A lost write is lost."""
    yield from doubted(timeline.load, *lateness_limit(experiment))


def doubted(load: LoadFacts, limit: float, why_late: str) -> Iterator[str]:
    """The same, of a load that may be `limit` seconds late for the reason `why_late`."""
    yield from load.doubts
    if load.saturated:
        why = "; ".join(load.causes) or "lower the rate"
        yield (
            f"the load generator was saturated ({load.unsent} of {load.planned} arrivals unsent): "
            f"{why}"
        )
    lasting, which = load.lateness_p95, "p95"
    if lasting is None:
        lasting, which = load.lateness_p99, "p99"
    if lasting > limit:
        yield (
            f"the load generator was late: {which} {seconds(lasting, limit)} against at "
            f"most {seconds(limit)} ({why_late})"
        )


def stalled(experiment: Experiment, timeline: Timeline, gates: tuple[Gate, ...]) -> Iterator[str]:
    """What excuses a violation, and no more: the generator stood still for a moment.

    Latency counts from the intended start, so a late generator makes answers slow: a gate that was
    violated may owe it to that. One of outcomes may only where it was late enough to be a burst:
    what it sends late is answered. What it can have made hold is asked in `hidden`.
    """
    load, (limit, why) = timeline.load, lateness_limit(experiment)
    if load.lateness_p99 <= BURST and any(map(_of_outcomes, gates)):
        return
    if load.lateness_p95 is not None and load.lateness_p95 <= limit < load.lateness_p99:
        yield (
            f"the load generator stalled for a moment: lateness p99 "
            f"{seconds(load.lateness_p99, limit)} against at most {seconds(limit)} ({why}), which "
            "may be why"
        )


def _of_outcomes(gate: Gate) -> bool:
    """Violated, after the baseline, by what the answers were and not by how long they took."""
    counted = gate.metric in SHARES or gate.metric == "outage"
    return counted and gate.status is Status.VIOLATED and gate.phase != "baseline"


def lateness_limit(experiment: Experiment) -> tuple[float, str]:
    """How late the generator may be, in seconds, and why so much."""
    return limit_of((*experiment.steady_state, *experiment.expect))


def limit_of(claims: Iterable[Expectation]) -> tuple[float, str]:
    """How late the generator may be where these are claimed, in seconds, and why so much.

    A tenth of the smallest latency bound in the contract; 50 ms where there is none.
    """
    bounds = [
        claim.bound.value
        for claim in claims
        if claim.bound.kind == "seconds" and level(claim.metric) is not None
    ]
    if not bounds:
        return LATENESS_LIMIT, "no latency is claimed"
    smallest = min(bounds)
    return smallest * LATENESS_SHARE, f"a tenth of the smallest latency bound {seconds(smallest)}"


def _missing(experiment: Experiment, timeline: Timeline) -> Iterator[str]:
    early = timeline.stop_kind is not None
    if not early and len(timeline.injections) < len(experiment.faults):
        count = f"{len(timeline.injections)} of {len(experiment.faults)} faults"
        yield f"only {count} were injected"
    if phases.fault_window(timeline).span is None:
        yield "no data: the fault phase was not completed"
    elif experiment.load.surge and phases.surge_window(experiment, timeline).span is None:
        yield "no data: the surge was not judged, because no fault was open while it lasted"
    if phases.reverted_at(timeline) is None:
        yield "no data: nothing says that the faults were reverted, so recovery was not measured"
    elif _hold_is_due(experiment, timeline):
        yield "no data: the hold after recovery was not completed"


def _hold_is_due(experiment: Experiment, timeline: Timeline) -> bool:
    recovery = experiment.phases.recovery
    return recovery.hold > 0 and phases.hold_window(timeline, recovery).span is None
