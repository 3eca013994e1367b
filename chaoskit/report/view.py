"""What the pages say, as plain values: made once from a run, then laid out by the templates.

It must never hold markup: escaping is the template's business.
"""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import get_args

from chaoskit.model.timeline import InjectionRecord, Trouble
from chaoskit.model.verdict import Gate, SeriesFigures, Status, Verdict
from chaoskit.report import datasafety, words
from chaoskit.report.source import Json, Run

TROUBLES: tuple[Trouble, ...] = get_args(Trouble)
PHASES = ("warmup", "baseline", "fault", "recovery", "hold")
_QUIET = {"evidence", "process", "unseen"}  # shown elsewhere, or of no interest to a reader
_MOST_RECORDS = 300


@dataclass(frozen=True)
class Injected:
    """One row of the table of injections, as words."""

    fault: str
    point: str
    tier: str
    trouble: str
    begin: str
    end: str
    proven: bool
    proof: str
    evidence: tuple[str, ...]
    back: str
    restored: bool


@dataclass(frozen=True)
class Figure:
    """One figure with its name; `status` where it was judged."""

    name: str
    value: str
    note: str = ""
    status: Status | None = None


@dataclass(frozen=True)
class View:
    """All a template needs beside the verdict itself."""

    verdict: Verdict
    facts: tuple[tuple[str, str], ...]
    ending: str
    injections: tuple[Injected, ...]
    gates: tuple[tuple[str, tuple[Gate, ...]], ...]
    implied: tuple[Gate, ...]
    recovery: tuple[Figure, ...]
    impact: tuple[Figure, ...]
    safety: tuple[Figure, ...]
    offenders: tuple[tuple[str, ...], ...]
    figures: tuple[tuple[str, tuple[SeriesFigures, ...]], ...]
    intervals: bool
    coverage: tuple[tuple[str, tuple[Status | None, ...]], ...]
    covered: str
    load: tuple[tuple[str, str], ...]
    again: str
    revert: str
    log: tuple[tuple[str, str, str], ...]
    log_left_off: int


def view(run: Run) -> View:
    verdict = run.verdict
    stated, implied = _gates(verdict)
    log = _log(run)
    return View(
        verdict=verdict,
        facts=tuple(_head(run)),
        ending=words.ending(verdict),
        injections=tuple(_injected(i, verdict, run.origin) for i in verdict.injections),
        gates=stated,
        implied=implied,
        recovery=_recovery(verdict),
        impact=tuple(Figure(*row) for row in words.impact(verdict)),
        figures=_by_series(verdict.figures, run.samples.probes),
        intervals=any(row.success_low is not None for row in verdict.figures),
        safety=_safety(verdict),
        offenders=_offenders(run),
        coverage=_coverage(verdict),
        covered=_covered(verdict, run.plan),
        load=tuple(_load(verdict)),
        again=_again(run),
        revert=f"chaoskit revert {shlex.quote(verdict.run or str(run.directory))}",
        log=log[:_MOST_RECORDS],
        log_left_off=max(0, len(log) - _MOST_RECORDS),
    )


def _head(run: Run) -> Iterable[tuple[str, str]]:
    verdict = run.verdict
    yield "Started", _when(verdict.started_at)
    yield "Lasted", words.seconds((run.end - run.origin) or None)
    yield "System", verdict.system
    yield "Runtime", verdict.runtime
    yield "Requests planned", words.whole(verdict.load.planned or len(run.samples))
    yield "Seed", str(verdict.seed)
    yield "Run", verdict.run
    yield "chaoskit", verdict.chaoskit


def _when(started: str) -> str:
    """`2025-01-01T12:00:00.123+00:00` as `2025-01-01 12:00:00 UTC`; other texts as they are."""
    day, found, clock = started.partition("T")
    if not found or not clock.endswith(("Z", "+00:00")):
        return started or words.NONE
    return f"{day} {clock[:8]} UTC"


def _injected(injection: InjectionRecord, verdict: Verdict, origin: float) -> Injected:
    begin = injection.begun if injection.acknowledged is None else injection.acknowledged
    end = injection.reverted if injection.revert_begun is None else injection.revert_begun
    return Injected(
        fault=injection.fault,
        point=injection.point,
        tier=injection.tier or "",
        trouble=injection.trouble,
        begin="never" if begin is None else words.moment(begin - origin),
        end="now, still open"
        if injection.outstanding or end is None
        else words.moment(end - origin),
        proven=injection.proven,
        proof=words.proof(injection),
        evidence=(*words.force(injection, verdict.spans), *words.evidence(injection)),
        back=_put_back(injection, origin),
        restored=injection.stuck is None and not injection.outstanding,
    )


def _put_back(injection: InjectionRecord, origin: float) -> str:
    if injection.stuck is not None:
        return f"✗ stuck: {injection.stuck}"
    if injection.outstanding:
        return "✗ never: still in force"
    if injection.reverted is None:  # never begun
        return "nothing to put back"
    by = f"by the {injection.reverted_by}" if injection.reverted_by else "by an unknown hand"
    return f"✓ {by} at {words.moment(injection.reverted - origin)}"


def _gates(verdict: Verdict) -> tuple[tuple[tuple[str, tuple[Gate, ...]], ...], tuple[Gate, ...]]:
    """The stated gates by phase, and the implied ones that held; one that did not is stated."""
    folded = tuple(g for g in verdict.gates if g.implied and g.status is Status.HELD)
    open_ones = [g for g in verdict.gates if g not in folded]
    phases = sorted({g.phase for g in open_ones}, key=PHASES.index)
    stated = tuple((p, tuple(g for g in open_ones if g.phase == p)) for p in phases)
    return stated, folded


def _recovery(verdict: Verdict) -> tuple[Figure, ...]:
    figures = verdict.recovery
    if figures is None:
        return ()
    judged = (g.status for g in verdict.gates if g.metric == "recovery")
    late = next((s for s in judged if s is not Status.HELD), Status.INCONCLUSIVE)
    return (
        _reached("Steady state", figures.steady, figures.within, late),
        _reached("Full strength", figures.full_strength, figures.within, late),
        Figure("Declared", f"within {words.seconds(figures.within)}", "after the faults were gone"),
    )


def _safety(verdict: Verdict) -> tuple[Figure, ...]:
    found = verdict.data_safety
    return () if found is None else tuple(Figure(*row) for row in datasafety.safety(found))


def _offenders(run: Run) -> tuple[tuple[str, ...], ...]:
    found = run.verdict.data_safety
    shown = found.offenders if found else ()
    return tuple(datasafety.offender(one, run.verdict, run.origin) for one in shown)


def _reached(name: str, value: float | None, within: float, late: Status) -> Figure:
    """`late` is what the judge made of a time that was not kept."""
    if value is None:
        return Figure(name, "not reached", "while it was watched", late)
    status = Status.HELD if value <= within else late
    return Figure(name, words.seconds(value), "after the faults were gone", status)


def _by_series(
    figures: Iterable[SeriesFigures], probes: Container[str]
) -> tuple[tuple[str, tuple[SeriesFigures, ...]], ...]:
    rows: dict[str, list[SeriesFigures]] = {}
    for row in figures:
        rows.setdefault(row.series, []).append(row)
    # The sum stands below what it is of; probes are not.
    ordered = sorted(rows, key=lambda name: (name in probes, name == "all"))
    return tuple(
        (words.series(name, probes), tuple(sorted(rows[name], key=lambda r: PHASES.index(r.phase))))
        for name in ordered
    )


def _coverage(verdict: Verdict) -> tuple[tuple[str, tuple[Status | None, ...]], ...]:
    cells = {(c.point, c.trouble): c.status for c in verdict.coverage}
    points = dict.fromkeys(c.point for c in verdict.coverage)
    return tuple((p, tuple(cells.get((p, t)) for t in TROUBLES)) for p in points)


def _covered(verdict: Verdict, plan: Json) -> str:
    """How much of the system's failure model this run touched, where the plan tells its size."""
    system = plan.get("system")
    known = system if isinstance(system, dict) else {}
    points = len(known.get("tiers") or ()) + len(known.get("links") or ())
    cells = words.count(len(verdict.coverage), "combination")
    told = f"This run tested {cells} of failure point and class of trouble"
    if not points:
        return f"{told}."
    whole = points * len(TROUBLES)
    return f"{told}, of the {whole} that {verdict.system} has ({points} points × 3 classes)."


def _load(verdict: Verdict) -> Iterable[tuple[str, str]]:
    load = verdict.load
    if load.pace:
        yield "Asked for", load.pace
    yield "Planned", words.whole(load.planned)
    yield "Sent", words.whole(load.sent)
    yield "Never sent", words.whole(load.unsent)
    yield "Lateness p99", words.seconds(load.lateness_p99)
    if load.cpu is not None:
        most = "" if load.cpu_highest is None else f", {load.cpu_highest:.0%} in its busiest second"
        yield "Processor", f"{load.cpu:.0%} of a core{most}"
    yield "Saturated", "yes: its figures cannot be trusted" if load.saturated else "no"


def _again(run: Run) -> str:
    verdict = run.verdict
    parts = ["chaoskit", "run", _document(run), "--seed", str(verdict.seed)]
    parts += ["--runtime", verdict.runtime] if verdict.runtime else []
    return shlex.join([*parts, *(["--quick"] if verdict.quick else [])])


def _document(run: Run) -> str:
    """The file the experiment was read from, as far as the plan remembers it."""
    known = run.plan.get("document")
    return known if isinstance(known, str) and known else f"{run.verdict.experiment}.yaml"


def _log(run: Run) -> tuple[tuple[str, str, str], ...]:
    """The journal in short: seconds, kind, and the fields a reader understands."""
    return tuple(
        (f"{float(r['t']) - run.origin:+.2f} s", str(r["kind"]), _told(r))
        for r in run.journal
        if r["kind"] not in _QUIET
    )


def _told(record: Json) -> str:
    left_out = {"t", "at", "n", "kind", "undo", "world", "writer", "facts", "state", "started"}
    fields = ((k, v) for k, v in record.items() if k not in left_out)
    return " · ".join(f"{k} {_short(v)}" for k, v in fields if v not in (None, "", [], {}))


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 160 else f"{text[:159]}…"
