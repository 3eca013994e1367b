"""What became of a game day, as its report tells it: from the plan, the log and the runs.

It reads; it must never write, look at a clock, or soften what was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.gameday.coverage import coverage, read_verdict
from chaoskit.gameday.log import Entry
from chaoskit.gameday.standing import ActionStanding, Standing, StepStanding, standing
from chaoskit.gameday.telling import sentence
from chaoskit.gameday.times import Times, times
from chaoskit.gameday.view import CellView
from chaoskit.model.gameday import ROLES, Step
from chaoskit.model.verdict import Verdict


@dataclass(frozen=True)
class Line:
    """One line of the timeline."""

    n: int
    at: str
    person: str
    role: str
    step: str
    text: str
    kind: str


@dataclass(frozen=True)
class StepAccount:
    """One step: what was planned, expected and predicted, against what came."""

    id: str
    plan: Step
    state: str
    how: str
    begun: str
    ended: str
    predictions: tuple[Entry, ...]
    observed: tuple[str, ...]
    remarks: tuple[Entry, ...]
    times: Times | None
    run: Path | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Account:
    """The whole day."""

    bound: BoundGameDay
    people: tuple[tuple[str, str], ...]
    questions: tuple[tuple[str, str, str, str], ...]
    decisions: tuple[Line, ...]
    steps: tuple[StepAccount, ...]
    coverage: tuple[CellView, ...]
    findings: tuple[Entry, ...]
    actions: tuple[ActionStanding, ...]
    timeline: tuple[Line, ...]
    entries: tuple[Entry, ...]
    closed: bool


def account(bound: BoundGameDay, entries: tuple[Entry, ...]) -> Account:
    """The account of the day whose log is `entries`."""
    found, gameday = standing(entries), bound.gameday
    lines = tuple(_line(entry) for entry in entries)
    ids = [str(n) for n in range(1, len(gameday.agenda) + 1)]
    return Account(
        bound=bound,
        people=tuple(
            (role, ", ".join(gameday.people.of(role))) for role in ROLES if gameday.people.of(role)
        ),
        questions=tuple(_questions(bound, found)),
        decisions=tuple(line for line in lines if line.kind in ("go", "no_go", "halt")),
        steps=tuple(_step(bound, found.step(id)) for id in ids),
        coverage=coverage(bound, found, ids),
        findings=tuple(found.findings),
        actions=tuple(found.actions.values()),
        timeline=lines,
        entries=entries,
        closed=found.phase == "closed",
    )


def _line(entry: Entry) -> Line:
    return Line(
        entry.n, entry.at, entry.person, entry.role, entry.step, sentence(entry), entry.kind
    )


def _questions(bound: BoundGameDay, found: Standing) -> Iterator[tuple[str, str, str, str]]:
    """Number and text, the answer, who gave it, and why."""
    for number, question in enumerate(bound.gameday.go_no_go, 1):
        entry = found.answers.get(str(number))
        text = f"{number}. {question.text}"
        yield (text, entry.value, entry.person, entry.text) if entry else (text, "open", "", "")


def _step(bound: BoundGameDay, step: StepStanding) -> StepAccount:
    plan = bound.gameday.agenda[int(step.id) - 1]
    ran = step.ran
    run = Path(ran.run) if ran and ran.run else None
    verdict = read_verdict(str(run)) if run and plan.kind == "experiment" else None
    return StepAccount(
        id=step.id,
        plan=plan,
        state=_state(step),
        how=step.how,
        begun=step.begun.at if step.begun else "",
        ended=step.ended.at if step.ended else "",
        predictions=tuple(step.predictions),
        observed=tuple(_observed(step, verdict)),
        remarks=tuple(step.remarks),
        times=times(plan, step, bound.gameday.alerts is not None),
        run=run,
        verdict=verdict,
    )


def _state(step: StepStanding) -> str:
    if step.ended is not None:
        return "skipped" if step.ended.value == "skipped" else "ended"
    return "under way" if step.begun is not None else "not begun"


def _observed(step: StepStanding, verdict: Verdict | None) -> Iterator[str]:
    """What the tool and the people saw, the tool first."""
    if verdict is not None:
        yield f"{verdict.status}: {'; '.join(verdict.reasons)}"
    elif step.ran is not None and step.ran.text:
        yield step.ran.text
    yield from (f"{e.person}: {e.text}" for e in step.remarks_of("seen") if e.text)
    if step.ended is not None and step.ended.text:
        yield f"{step.ended.person}: {step.ended.text}"
