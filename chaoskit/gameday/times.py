"""How long it took in one step: to detect, to mitigate, to recover; and what was not measured.

Zero is the moment in which the step's first fault was acknowledged, as its run's journal says;
without a fault, the begin of the step. Seconds of the monotonic clock, which log and journal
share as long as the machine was not started anew: words about an earlier try of the step have
perhaps another clock, and tell nothing of this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import ChaoskitError
from chaoskit.gameday.coverage import read_verdict
from chaoskit.gameday.log import Entry
from chaoskit.gameday.standing import StepStanding
from chaoskit.model.gameday import Step
from chaoskit.model.timeline import InjectionRecord
from chaoskit.model.verdict import Verdict
from chaoskit.run.history import injections
from chaoskit.run.journal import NAME, read_records


@dataclass(frozen=True)
class Figure:
    """One time in seconds; None where there is none, and `why` says by whom, or why not."""

    name: str
    seconds: float | None
    why: str


@dataclass(frozen=True)
class Times:
    """The figures of one step. `zero` is monotonic; `since` says what zero is."""

    zero: float
    since: str
    figures: tuple[Figure, ...]


def times(plan: Step, step: StepStanding, alerts: bool) -> Times | None:
    """None for a step that was never begun. `alerts`: whether the day names an alert URL."""
    if step.begun is None:
        return None
    run = _run(step)
    verdict = read_verdict(run) if run and plan.kind == "experiment" else None
    faults = list(verdict.injections) if verdict else _faults(run)
    known = [i.acknowledged for i in faults or () if i.acknowledged is not None]
    zero = min(known, default=step.begun.t)
    since = "since the fault was in force" if known else "since the step began"
    if faults is None:
        since += ": when its fault was in force is not known"
    found = (
        _first("Seen by people", _said(step, "seen"), zero, "nobody pressed seen"),
        _alerts(step, zero, alerts),
        _judge(verdict),
        _first("Mitigated", _said(step, "mitigated"), zero, "nobody pressed mitigated"),
        _put_back(faults, zero, run),
        _recovered(verdict, step, faults),
    )
    return Times(zero, since, found)


def _run(step: StepStanding) -> str:
    told = (step.ran, step.released, *step.injected)
    return next((entry.run for entry in told if entry is not None and entry.run), "")


def _faults(run: str) -> list[InjectionRecord] | None:
    """None where there was a run, and its journal does not say (any more) what it injected."""
    if not run:
        return []
    try:
        return injections(read_records(Path(run) / NAME))
    except ChaoskitError:
        return None


def _said(step: StepStanding, kind: str) -> list[Entry]:
    """What came since the step was begun, the last time."""
    begun = step.begun.n if step.begun else 0
    return [entry for entry in step.remarks_of(kind) if entry.n > begun]


def _first(name: str, said: Iterable[Entry], zero: float, otherwise: str) -> Figure:
    for entry in said:
        if entry.t >= zero:
            return Figure(name, round(entry.t - zero, 3), entry.person)
    return Figure(name, None, otherwise)


def _alerts(step: StepStanding, zero: float, asked: bool) -> Figure:
    name = "The system's own alerts"
    if not asked:
        return Figure(name, None, "no alert URL is named")
    said = _said(step, "alert")
    new = [e for e in said if e.value == "new" and e.t >= zero]
    if new:
        return Figure(name, round(new[0].t - zero, 3), new[0].text)
    silent = next((e.text for e in said if e.value == "unanswered"), "")
    return Figure(name, None, f"unknown: {silent}" if silent else "no alert came")


def _judge(verdict: Verdict | None) -> Figure:
    name = "chaoskit's judge"
    if verdict is None or verdict.impact is None:
        return Figure(name, None, "not judged: nothing was measured under load")
    found = verdict.impact
    if found.to_impact is None or found.to_detect is None:
        return Figure(name, None, "no impact on the requests" if not found.felt else "not told")
    return Figure(name, found.to_impact + found.to_detect, "from the requests, by CUSUM")


def _put_back(faults: list[InjectionRecord] | None, zero: float, run: str) -> Figure:
    name = "Put back"
    if faults is None:
        why = f"not known: the run's journal cannot be read; look with chaoskit revert {run}"
        return Figure(name, None, why)
    held = [i for i in faults if i.shape == "held"]
    if not held:
        return Figure(name, None, "nothing was held")
    ends = [i.reverted for i in held if i.reverted is not None]
    if len(ends) < len(held):
        return Figure(name, None, "NOT put back: see `chaoskit revert`")
    by = ", ".join(dict.fromkeys(str(i.reverted_by) for i in held))
    return Figure(name, round(max(ends) - zero, 3), f"by {by}")


def _recovered(
    verdict: Verdict | None, step: StepStanding, faults: list[InjectionRecord] | None
) -> Figure:
    """Of an experiment as its verdict counts it; else to full strength, as the tool asked."""
    if verdict is None:
        return _full_strength(step, faults)
    name = "Recovered, after it was put back"
    if verdict.recovery is None:
        return Figure(name, None, "the run ended before its recovery")
    steady, strong = verdict.recovery.steady, verdict.recovery.full_strength
    if steady is None or strong is None:
        missing = "steady state" if steady is None else "full strength"
        return Figure(name, None, f"{missing} was not reached in time")
    return Figure(name, max(steady, strong), "steady state and full strength")


def _full_strength(step: StepStanding, faults: list[InjectionRecord] | None) -> Figure:
    held = [i for i in faults or () if i.shape == "held"]
    ends = [i.reverted for i in held if i.reverted is not None]
    name = "Full strength, after it was put back" if ends else "Full strength"
    if step.ran is None:
        cut = bool(step.injected)  # by the day's log: what the run did may be unreadable
        why = "not asked: the step was cut off" if cut else "nothing was done to the system"
        return Figure(name, None, why)
    if step.recovered is None:
        return Figure(name, None, "not reached before the step ended")
    if faults is None:
        return Figure(name, None, "reached; how long after it was put back is not known")
    began = step.begun.t if step.begun else step.ran.t
    seconds = step.recovered.t - max(ends, default=began)
    return Figure(name, round(seconds, 3), "asked every half second, without load")
