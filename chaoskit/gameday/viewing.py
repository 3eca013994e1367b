"""Makes what one person is shown, and leaves out what a blind day hides from them.

Pure but for the run directories of the day's runs, which it reads. It must never show more than
the person may know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import ChaoskitError
from chaoskit.gameday.coverage import coverage
from chaoskit.gameday.live import live
from chaoskit.gameday.log import Entry, between, seconds
from chaoskit.gameday.performance import Performance
from chaoskit.gameday.rules import DOORS, Situation, refusal, unanswered
from chaoskit.gameday.standing import StepStanding
from chaoskit.gameday.view import (
    ActionView,
    CellView,
    InjectedView,
    LiveView,
    QuestionView,
    Said,
    StepView,
    View,
    You,
)
from chaoskit.model.gameday import ROLES, Step
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Clock
from chaoskit.run.agenda import SLACK

STAND_IN = "hidden until the step has ended"
# What entries of the tool tell of a step's deed.
_TELLING = ("step", "running", "injected", "released", "ran")


def viewed(
    bound: BoundGameDay,
    entries: tuple[Entry, ...],
    at: Situation,
    performance: Performance | None,
    person: str,
    clock: Clock,
) -> View:
    """The whole view of `person`."""
    viewer = _Viewer(bound, at, performance, person, clock)
    gameday, found = bound.gameday, at.standing
    return View(
        name=gameday.gameday,
        title=gameday.title,
        purpose=gameday.purpose,
        system=bound.system.system,
        date=gameday.date.isoformat(),
        window=str(gameday.window),
        timezone=gameday.timezone,
        people={role: gameday.people.of(role) for role in ROLES},
        halting=(*gameday.halting, *map(str, gameday.halt_when)),
        blind=gameday.blind,
        you=viewer.you(),
        phase=found.phase,
        decision=found.decision,
        halted=at.halted,
        now=clock.wall(),
        newest=entries[-1].n if entries else 0,
        questions=tuple(viewer.questions()),
        steps=tuple(map(viewer.step, at.ids)),
        current=found.current,
        next=at.next,
        injected=tuple(viewer.injected()),
        live=viewer.live(),
        coverage=viewer.coverage(),
        findings=tuple(map(_said, found.findings)),
        actions=tuple(
            ActionView(
                id=id, text=one.opened.text, owner=one.opened.owner, due=one.opened.due,
                closed=one.closed is not None, carried=one.opened.how == "carried",
            )
            for id, one in found.actions.items()
        ),
        entries=tuple(map(viewer.entry, entries)),
    )  # fmt: skip


class _Viewer:
    def __init__(
        self,
        bound: BoundGameDay,
        at: Situation,
        performance: Performance | None,
        person: str,
        clock: Clock,
    ) -> None:
        self._bound, self._at, self._performance = bound, at, performance
        self._person, self._clock = person, clock
        self._roles = bound.gameday.people.roles(person)

    def you(self) -> You:
        can = tuple(door for door in DOORS if not self._closed(door))
        return You(person=self._person, roles=self._roles, can=can)

    def _closed(self, door: str) -> str:
        """A go is offered before the tool's checks were made: saying it makes them."""
        said = refusal(self._at, self._person, door)
        if door == "go" and said.startswith("go needs"):
            list_ = self._bound.gameday.go_no_go
            left = {int(text.partition(".")[0]) for text in unanswered(self._at)}
            return said if any(list_[n - 1].ask for n in left) else ""
        return said

    def hides(self, id: str) -> bool:
        """Whether this person may not know yet what step `id` is."""
        blind = self._bound.gameday.blind and "facilitator" not in self._roles
        return blind and self._at.standing.step(id).ended is None

    def questions(self) -> Iterator[QuestionView]:
        for number, question in enumerate(self._bound.gameday.go_no_go, 1):
            entry = self._at.standing.answers.get(str(number))
            yield QuestionView(
                number=str(number),
                kind="ask" if question.ask else "check",
                text=question.text,
                state="open" if entry is None else "yes" if entry.value == "yes" else "no",
                by=entry.person if entry else "",
                at=entry.at if entry else "",
                why=entry.text if entry else "",
            )

    def step(self, id: str) -> StepView:
        plan, known, hidden = self._at.plan_of(id), self._at.standing.step(id), self.hides(id)
        busy = self._at.busy and self._at.standing.current == id
        return StepView(
            id=id,
            title=f"Step {id}" if hidden else plan.title,
            hidden=hidden,
            kind="" if hidden else plan.kind,
            what="" if hidden else plan.what,
            expect="" if hidden else plan.expect,
            state=self._state(known),
            busy=busy,
            how=known.how,
            run="" if hidden or known.ran is None else known.ran.run,
            result="" if hidden or known.ran is None else known.ran.text,
            begun=known.begun.at if known.begun else "",
            ended=known.ended.at if known.ended else "",
            left=None if hidden else self._left(plan, known),
            predictions=tuple(_said(e, known) for e in known.predictions),
            seen=tuple(_said(e, known) for e in known.remarks_of("seen")),
            mitigated=tuple(_said(e, known) for e in known.remarks_of("mitigated")),
            alerts=tuple(_said(e, known) for e in known.remarks_of("alert")),
        )

    def _state(
        self, step: StepStanding
    ) -> Literal["waiting", "next", "under way", "ended", "skipped"]:
        if step.ended is not None:
            return "skipped" if step.ended.value == "skipped" else "ended"
        if step.under_way:
            return "under way"
        return "next" if step.id == self._at.next else "waiting"

    def _left(self, plan: Step, known: StepStanding) -> float | None:
        if plan.pause is None or known.begun is None or known.ended is not None:
            return None
        return max(0.0, plan.pause - between(known.begun.at, self._clock.wall()))

    def injected(self) -> Iterator[InjectedView]:
        performance = self._performance
        if performance is None or not performance.busy:
            return
        hidden = self.hides(str(performance.number))
        try:
            found = performance.open_now()
        except ChaoskitError as error:
            yield InjectedView(
                what="not known" if hidden else f"not known: {error}",
                since="",
                proven=False,
                left=None,
            )
            return
        for one in found:
            left = None if one.deadline is None else one.deadline - SLACK - self._clock.now()
            yield InjectedView(
                what=STAND_IN if hidden else f"{one.fault} on {one.point}",
                since=self._since(one),
                proven=one.proven,
                left=None if left is None else max(0.0, left),
            )

    def _since(self, one: InjectionRecord) -> str:
        current = self._at.standing.step(self._at.standing.current)
        return next((e.at for e in current.injected if e.item == one.id), "")

    def live(self) -> LiveView | None:
        performance = self._performance
        if performance is None or not performance.busy:
            return None
        bound = self._bound.experiments.get(performance.number)
        found = live(tuple(performance.moments), bound.experiment if bound else None)
        if found is not None and self.hides(str(performance.number)):
            return found.model_copy(update={"note": ""})  # it names what is missing
        return found

    def coverage(self) -> tuple[CellView, ...]:
        """Of all steps that this person may know of."""
        ids = [id for id in self._at.ids if not self.hides(id)]
        return coverage(self._bound, self._at.standing, ids)

    def entry(self, entry: Entry) -> Entry:
        """The entry, without what would give a hidden step away."""
        if not entry.step or not self.hides(entry.step) or entry.kind not in _TELLING:
            return entry
        return entry.model_copy(update={"text": STAND_IN, "run": "", "item": ""})


def _said(entry: Entry, step: StepStanding | None = None) -> Said:
    """Somebody's word, with the time since the step began where it came after that."""
    begun = step.begun if step else None
    after = seconds(begun, entry) if begun and begun.n < entry.n else None
    return Said(person=entry.person, at=entry.at, text=entry.text, after=after)
