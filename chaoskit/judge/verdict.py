"""The verdict of a run: all gates, and the rule that joins them into one of three values.

`judge` must give a verdict for every timeline, also for that of a run which died early, and it
must never let missing evidence pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaoskit.judge import doubts, phases
from chaoskit.judge.aborting import abort_late
from chaoskit.judge.gates import judge_phase
from chaoskit.judge.harm import harmed, settled
from chaoskit.judge.hidden import questioned_recovery
from chaoskit.judge.impact import measured_impact
from chaoskit.judge.intervals import with_intervals
from chaoskit.judge.ledger import examine, safety_gate
from chaoskit.judge.looks import unseen_recovery
from chaoskit.judge.metrics import figures
from chaoskit.judge.phases import Window
from chaoskit.judge.recovery import recovery_figures, recovery_gate, unasked_recovery
from chaoskit.judge.samples import Samples
from chaoskit.judge.wording import plural
from chaoskit.judge.writes import History
from chaoskit.model.experiment import Experiment
from chaoskit.model.timeline import Timeline, Trouble
from chaoskit.model.verdict import (
    CoverageCell,
    DataSafety,
    Gate,
    RecoveryFigures,
    SeriesFigures,
    Status,
    Verdict,
)

# Seconds beyond a request's timeout within which a look while the run went on may not have known.
LOOK_AGAIN = 2.0


def judge(
    experiment: Experiment,
    timeline: Timeline,
    samples: Samples,
    *,
    system: str,
    runtime: str,
    started_at: str,
    version: str,
    cost_per_second: float | None = None,
    entrance: str | None = None,
    writes: History | None = None,
) -> Verdict:
    """Judge a stored or just finished run from its timeline and all its samples.

    `cost_per_second` is what a second of full outage costs, where the system's owner says it;
    `entrance` the failure point that a surge of traffic is trouble to; `writes` what became
    of the writes, where the experiment asks for data safety.
    """
    recovery = recovery_figures(experiment, timeline, samples)
    safety = _data_safety(experiment, writes)
    gates = _gates(experiment, timeline, samples, recovery)
    gates += (safety_gate(safety),) if safety else ()
    status, reasons = join(_of_requests(experiment, samples), timeline, gates)
    return Verdict(
        experiment=experiment.experiment, hypothesis=experiment.hypothesis, run=timeline.run,
        system=system, runtime=runtime, status=status, reasons=reasons, gates=gates,
        figures=_figures(experiment, timeline, samples), injections=timeline.injections,
        spans=timeline.spans, recovery=recovery,
        impact=measured_impact(experiment, timeline, samples, cost_per_second),
        data_safety=safety, coverage=coverage(experiment, timeline, status, entrance),
        load=timeline.load, restored=timeline.restored, differences=timeline.differences,
        stop_kind=timeline.stop_kind, stopped=timeline.stopped, quick=timeline.quick,
        seed=timeline.seed, started_at=started_at, chaoskit=version,
    )  # fmt: skip


def _data_safety(experiment: Experiment, writes: History | None) -> DataSafety | None:
    """None where nobody asked; without a history it is asked, and inconclusive."""
    if experiment.data_safety is None:
        return None
    return examine(writes or History(experiment.data_safety.ledger))[0]


def _gates(
    experiment: Experiment,
    timeline: Timeline,
    samples: Samples,
    recovery: RecoveryFigures | None,
) -> tuple[Gate, ...]:
    before = phases.baseline_window(timeline)
    baseline = samples.phase(*before.span) if before.span else None
    judged = (
        (before, experiment.steady_state),
        (phases.fault_window(timeline), experiment.contract),
        (phases.hold_window(timeline, experiment.phases.recovery), experiment.steady_state),
    )
    gates: list[Gate] = []
    for window, contract in judged:
        if window.phase == "hold" and recovery is not None:
            gates.append(_recovery(experiment, timeline, samples, recovery))
        if window.span is not None:
            part = samples.phase(*window.span)
            # Nothing is claimed of the baseline: what a stall may have hidden there hides no harm.
            load = None if window.phase == "baseline" else timeline.load
            found = judge_phase(
                contract, part, *window.span, phase=window.phase, baseline=baseline,
                rate=float(experiment.load.rate), load=load,
            )  # fmt: skip
            fault = window.phase == "fault"
            proof = harmed(contract, samples, *window.span, baseline=baseline) if fault else None
            gates += settled(found, proof)
            gates += _aborted_late(experiment, timeline, samples, window, baseline) if fault else ()
    return tuple(gates)


def _aborted_late(
    experiment: Experiment, timeline: Timeline, samples: Samples, window: Window,
    baseline: Samples | None,
) -> Iterator[Gate]:  # fmt: skip
    """An abort condition that was true at the end of the phase; one that came too late to abort."""
    if window.span is None or timeline.stop_kind is not None:
        return
    patience = float(experiment.load.timeout) + LOOK_AGAIN
    gate = abort_late(
        experiment.abort_when, samples, *window.span, patience, baseline=baseline
    )  # fmt: skip
    if gate is not None:
        yield gate


def _recovery(
    experiment: Experiment, timeline: Timeline, samples: Samples, found: RecoveryFigures
) -> Gate:
    origin = phases.recovery_origin(experiment, timeline) or 0.0
    steady, load = experiment.steady_state, timeline.load

    def again(seen: Samples) -> Gate:
        return recovery_gate(
            experiment, timeline, recovery_figures(experiment, timeline, seen) or found
        )

    gate = recovery_gate(experiment, timeline, found)
    gate = unseen_recovery(gate, found, steady, samples, origin)
    gate = unasked_recovery(gate, found, experiment, timeline, samples)
    return questioned_recovery(gate, origin, samples, steady, load, again)


def join(
    experiment: Experiment, timeline: Timeline, gates: tuple[Gate, ...]
) -> tuple[Status, tuple[str, ...]]:
    """The status, and why: sentences, the deciding one first.

    1. What makes the run worth nothing as evidence makes it inconclusive, even with a violated
       gate: a fault lost or not proven, cut short, unfit baseline, load that was not as planned.
    2. Otherwise a violated gate, or a run stopped for one, is violated; inconclusive where the
       generator stalled for a moment that may be why.
    3. A violation of data safety is a fact whatever the load was: a late generator loses no data.
    4. Otherwise a phase without figures or an inconclusive gate is inconclusive.
    5. Otherwise it held.
    """
    worthless = doubts.worthless(timeline, gates)
    violated = [*_violations(timeline, gates)]
    open_questions = [*doubts.open_questions(experiment, timeline, gates)]
    restored = _not_restored(timeline)
    beside: tuple[str, ...] = ()
    load = tuple(doubts.overloaded(experiment, timeline))
    if any(map(_lost_data, gates)):
        beside = load
    elif violated:
        worthless += (*load, *doubts.stalled(experiment, timeline, gates))
    else:
        worthless += load
    if worthless:
        aside = [f"it would otherwise be violated: {reason}" for reason in violated]
        return Status.INCONCLUSIVE, (*worthless, *beside, *aside, *restored)
    if violated:
        return Status.VIOLATED, (*violated, *beside, *restored)
    if open_questions:
        return Status.INCONCLUSIVE, (*open_questions, *restored)
    return Status.HELD, (_held(experiment, timeline, gates), *restored)


def _of_requests(experiment: Experiment, samples: Samples) -> Experiment:
    """Without claims about probes: how late the load may be follows from claims about requests."""
    kept = {
        part: tuple(e for e in getattr(experiment, part) if e.series not in samples.probes)
        for part in ("steady_state", "expect")
    }
    return experiment.model_copy(update=kept) if samples.probes else experiment


def _lost_data(gate: Gate) -> bool:
    return gate.metric == "data_safety" and gate.status is Status.VIOLATED


def _violations(timeline: Timeline, gates: tuple[Gate, ...]) -> Iterator[str]:
    if timeline.stop_kind == "abort":
        yield f"aborted: {timeline.stopped or 'an abort condition came true'}"
    found = [g for g in gates if g.status is Status.VIOLATED and g.phase != "baseline"]
    found.sort(key=lambda gate: not _lost_data(gate))
    yield from map(doubts.sentence, found)
    if timeline.stop_kind == "violated" and not any(g.phase == "fault" for g in found):
        yield f"stopped as violated: {timeline.stopped or 'a budget was spent'}"


def _held(experiment: Experiment, timeline: Timeline, gates: tuple[Gate, ...]) -> str:
    proven, surge = len(timeline.injections), experiment.load.surge
    faults = f"{plural(proven, 'fault')} proven in force" if proven else "no fault was asked for"
    sent = "" if surge is None else f"; the surge {surge} of the fault phase was sent"
    return f"all {len(gates)} gates held; {faults}{sent}"


def _not_restored(timeline: Timeline) -> tuple[str, ...]:
    if timeline.restored:
        return ()
    detail = "; ".join(timeline.differences) or "see the journal"
    return (f"the system was not restored: {detail}",)


def coverage(
    experiment: Experiment, timeline: Timeline, status: Status, entrance: str | None
) -> tuple[CoverageCell, ...]:
    """One cell for each failure point (tier or link) and class of trouble that was injected.

    A surge of traffic exhausts the `entrance`.
    """
    cells: dict[tuple[str, Trouble], None] = dict.fromkeys(
        (i.tier or i.point.partition("/")[0].strip(), i.trouble)
        for i in timeline.injections
        if i.begun is not None
    )
    if entrance is not None and phases.surge_window(experiment, timeline).span is not None:
        cells[entrance, "exhausted"] = None
    return tuple(CoverageCell(point=p, trouble=t, status=status) for p, t in cells)


def _figures(
    experiment: Experiment, timeline: Timeline, samples: Samples
) -> tuple[SeriesFigures, ...]:
    shown: tuple[Window, ...] = (
        phases.baseline_window(timeline),
        phases.fault_window(timeline),
        phases.recovery_window(timeline),
        phases.hold_window(timeline, experiment.phases.recovery),
    )
    return tuple(
        row
        for w in shown
        if w.span is not None
        for row in with_intervals(
            figures(samples.phase(*w.span), *w.span, w.phase), samples, *w.span
        )
    )
