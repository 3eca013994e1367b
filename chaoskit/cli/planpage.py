"""The page that `chaoskit plan` prints: what is hit, how it is undone, how long, what stops it.

Pure: a plan in, lines out. It must never claim what the plan does not hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from chaoskit.faults import find
from chaoskit.judge.claims import needed
from chaoskit.judge.windows import SLACK
from chaoskit.model.experiment import LoadSpec
from chaoskit.model.system import System
from chaoskit.run.plan import Plan, Step
from chaoskit.units import Duration

WIDTH = 10
MOST = 3
_UNDONE = re.compile(r"How it is undone: (.*?)\.(?: [A-Z]|$)")
# Said already, or of no use before the injection has its real name.
_SAID = ("node", "link", "injection")


def page(
    plan: Plan, runtime: str, entries: Sequence[str], drawn: bool, doubts: Sequence[str] = ()
) -> str:
    """The whole page of one experiment; `drawn`: nobody asked for this seed.

    `doubts` are sentences on what cannot be told here.
    """
    experiment = plan.experiment
    title = f"{click.style(experiment.experiment, bold=True)}: {experiment.hypothesis.strip()}"
    lines = [title, *_rows(_head(plan, runtime, entries, drawn))]
    for number, step in enumerate(plan.steps, 1):
        lines += ["", *_step(number, step, plan.system)]
    warned = (("warning", doubt) for doubt in doubts)
    return "\n".join([*lines, "", *_rows(_bounds(plan)), *_rows(warned), ""])


def _rows(pairs: Iterator[tuple[str, str]], indent: int = 2) -> list[str]:
    """Label and text in two columns; a label that repeats is said once."""
    lines, before = [], ""
    for label, text in pairs:
        shown = "" if label == before else label
        lines.append(f"{'':{indent}}{click.style(f'{shown:<{WIDTH}}', dim=True)}{text}")
        before = label
    return lines


def _head(
    plan: Plan, runtime: str, entries: Sequence[str], drawn: bool
) -> Iterator[tuple[str, str]]:
    experiment, phases = plan.experiment, plan.experiment.phases
    yield "system", f"{plan.system.system} on {runtime}"
    yield from _load(experiment.load, entries)
    for name, spec in plan.probes.items():
        yield "probes", f"{name} ({spec.kind}), asked every {spec.every}"
    quick = " (--quick: shortened)" if plan.quick else ""
    yield (
        "phases",
        f"baseline {phases.baseline}, fault {phases.fault}, recovery within "
        f"{phases.recovery.within}, then {phases.recovery.hold} held{quick}",
    )
    yield from _too_few(plan)
    if asked := experiment.data_safety:
        ledger = plan.system.ledgers[asked.ledger]
        where = ", ".join(ledger.copies)
        what = "register" if ledger.sequenced else "write"
        yield "data", f"each {what} of {asked.ledger} has to be in {where}: read back at the end"
    if plan.draws:
        again = f", drawn now: --seed {plan.seed} makes the same choices" if drawn else ""
        yield "seed", f"{plan.seed}{again}"


def _too_few(plan: Plan) -> Iterator[tuple[str, str]]:
    """Claims about probes that a phase is too short for; what is compared needs more than this."""
    experiment, phases = plan.experiment, plan.experiment.phases
    for phase, length, claims in (
        ("baseline", phases.baseline, experiment.steady_state),
        ("fault phase", phases.fault, experiment.contract),
        ("hold", phases.recovery.hold, experiment.steady_state),
    ):
        for claim in claims:
            every = plan.probes[claim.series].every if claim.series in plan.probes else None
            if every is None or claim.vs_baseline:
                continue
            wanted, possible = needed(claim, claim.bound.value), int(length / every + SLACK)
            if wanted > possible:
                yield (
                    "too few",
                    f"{claim} needs {wanted} answers, the {phase} has {possible}: "
                    f"{_ask_oftener(length / wanted)}make it {Duration(wanted * every)}",
                )


def _ask_oftener(every: float) -> str:
    """Where a probe may be asked that often; rounded down to what a person would write."""
    shown = math.floor(every * 10 + SLACK) / 10 if every < 1 else math.floor(every)
    return f"ask every {Duration(shown)}, or " if shown else ""


def _load(load: LoadSpec, entries: Sequence[str]) -> Iterator[tuple[str, str]]:
    evenly = "" if load.arrivals == "constant" else " at random (Poisson)"
    shared = "" if load.workers == 1 else f" by {load.workers} processes"
    yield "load", f"{load.rate}{evenly} into {' and '.join(entries)}{shared}"
    if load.surge is not None:
        yield "surge", f"{load.surge} of the fault phase, then {load.rate} again"
    if load.places < load.places_for_timeouts:
        yield (
            "note",
            f"in_flight {load.places} is less than {load.peak} × {load.timeout}: while answers "
            f"take their timeout, arrivals are not sent and fail; raise it to "
            f"{load.places_for_timeouts}",
        )


def _step(number: int, step: Step, system: System) -> list[str]:
    name = click.style(step.use.name, bold=True)
    when = f"at {Duration(step.offset)} for {Duration(step.lasts)}"
    title = f"  {number}. {name} on {step.use.selection}, {when} ({step.trouble})"
    return [title, *_rows(_targets(step, system), indent=5)]


def _targets(step: Step, system: System) -> Iterator[tuple[str, str]]:
    for point, undo in zip(step.preview, step.undos, strict=True):
        proxies = system.proxies_of(point) if "->" in point else ()
        yield "target", f"{point}{_by(proxies)}"
        yield "undo", _undone(step.use.name)
        yield from (("undo", click.style(line, dim=True)) for line in _kept(undo))
    if step.note:
        yield "note", step.note


def _by(proxies: Sequence[str]) -> str:
    noun = "proxy" if len(proxies) == 1 else "proxies"
    return f" by {noun} {', '.join(proxies)}" if proxies else ""


def _undone(fault: str) -> str:
    text = " ".join((find(fault).spec.__doc__ or "").split())
    found = _UNDONE.search(text)
    return found[1] if found else "as its undo says"


def _kept(undo: Mapping[str, Any]) -> Iterator[str]:
    """What the undo remembers: plain values on one line, each mapping on its own."""
    kept = {k: v for k, v in undo.items() if k not in _SAID and v not in (None, "", [], {}, 0)}
    nested = {key: value for key, value in kept.items() if isinstance(value, dict)}
    if plain := [f"{k} {_brief(v)}" for k, v in kept.items() if k not in nested]:
        yield ", ".join(plain)
    for key, value in nested.items():
        if all(isinstance(inner, dict) for inner in value.values()):
            yield from (f"{key} {name}: {_brief(inner)}" for name, inner in value.items())
        else:
            yield f"{key} {_brief(value)}"


def _brief(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case dict():
            return ", ".join(f"{k} {_brief(v)}" for k, v in value.items() if v not in (None, []))
        case list():
            shown = [_brief(one) for one in value[:MOST]]
            more = [f"and {len(value) - MOST} more"] if len(value) > MOST else []
            return ", ".join([*shown, *more])
    return str(value)


def _bounds(plan: Plan) -> Iterator[tuple[str, str]]:
    for hit in plan.hits:
        yield "hits", str(hit)
    if not plan.steps:
        what = "load alone" if plan.experiment.load.surge is None else "the surge alone"
        yield "faults", f"none: the system must hold under {what}"
    most = plan.experiment.max_duration
    yield "takes", f"{Duration(plan.worst_case)} at worst; no injection is open longer than {most}"
    yield "halts on", "chaoskit halt, Ctrl-C, SIGTERM, SIGHUP"
    for hook in plan.system.halt_when:
        why = f" ({hook.why})" if hook.why else ""
        yield "halts on", f"{hook}{why}"
    if plan.system.halt_when:
        yield "halts on", "no answer to one of these, three times in a row"
    for expectation in plan.experiment.abort_when:
        yield "aborts on", str(expectation)
