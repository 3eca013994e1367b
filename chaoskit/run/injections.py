"""Opens, measures and closes the injections of one run.

Each public call is made in a worker thread and may take its time; the engine decides when. It
must never inject without a durable undo, nor after it has been told to close, and never take a
look that was not answered for one that saw nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chaoskit.errors import NotOurs, PlanError, TargetError
from chaoskit.faults import find
from chaoskit.model.evidence import Evidence
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Clock
from chaoskit.run.blast import group_of, hit
from chaoskit.run.choice import chooser, resolve
from chaoskit.run.history import injections, readable
from chaoskit.run.journal import Journal
from chaoskit.run.loss import GONE_BEFORE, gone, still_held, was_lost, why_lost
from chaoskit.run.plan import Plan, Step, placed, point_of, spec_of
from chaoskit.run.revert import announce, landed, lands_until, may_land, revert_one, tell
from chaoskit.run.target import Target, check_points

ROLE_PATIENCE = 15.0
FIRST_PROOF = 2.0
# How long looks may go unanswered: an engine or a proxy's server that restarts is back by then.
UNSEEN_PATIENCE = 10.0
# A deed is a few foreign calls: the slowest (the container engine's) have 10 s each, and a world
# gives a state 15 s to come true. Its own grace comes on top.
LANDING = 30.0
# What can expire by itself does, so long after its deadline that the watchdog has had its turn.
EXPIRY = 30.0


@dataclass(frozen=True)
class Opened:
    """One injection that was acknowledged, and the step it belongs to."""

    id: str
    step: Step
    point: str

    def __str__(self) -> str:
        return f"{self.step.use.name} {self.point}"


class Injections:
    """What this run has open, in the order of injection."""

    def __init__(self, target: Target, journal: Journal, clock: Clock, plan: Plan) -> None:
        self._target = target
        self._journal = journal
        self._clock = clock
        self._plan = plan
        self._claims: dict[str, tuple[Step, str]] = {}
        self._gate = threading.Lock()
        self._closing = False
        self._under_way: dict[str, float] = {}
        self._announced: dict[str, InjectionRecord] = {}
        self.opened: list[Opened] = []
        self.first_acknowledged: float | None = None
        self.lost: str | None = None
        self._unseen_since: dict[str, float] = {}

    def open(self, step: Step, index: int, deadline: float) -> None:
        """Resolve the step's points again, then inject each, journalled ahead.

        `deadline`: monotonic time by which it must be reverted. Raises TargetError when a role
        has no single holder in time, or only once the fault's own time is over; PlanError when
        more is hit than was previewed, or more of one tier at the same time than is allowed.
        """
        points = self._points(step, index)
        self._claim(step, points)
        if self._clock.now() >= deadline:
            what = f"{step.use.name} on {step.use.selection}"
            raise TargetError(f"{what}: its targets were known only when its time was over")
        for number, point in enumerate(points):
            if self.lost is not None:  # nothing more can be learnt: do not hurt any more
                return
            self._inject(step, f"{step.id}-{number}", point, deadline)

    def _points(self, step: Step, index: int) -> tuple[str, ...]:
        limit = self._clock.now() + ROLE_PATIENCE
        while True:
            try:
                choose = chooser(self._plan.seed, index)
                selection = step.use.selection
                points, _ = resolve(
                    selection, self._target, choose, first=step.preview, last=self._planned(step)
                )
                break
            except TargetError:
                # Roles move; two holders (or none) for a moment is what failover looks like.
                if self._clock.now() > limit:
                    raise
                self._clock.sleep(0.5)
        if len(points) > len(step.preview):
            raise PlanError(f"{step.use.place}: {len(points)} targets, {len(step.preview)} planned")
        check_points(self._target, points)
        return points

    def _planned(self, step: Step) -> set[str]:
        """What other steps are to hit: who has a choice keeps clear of it."""
        return {point for s in self._plan.steps if s.id != step.id for point in s.preview}

    def _claim(self, step: Step, points: tuple[str, ...]) -> None:
        """Take these points for `step`, all or none; raises PlanError beyond the blast radius.

        What was to be put back before this step began may be about to be: it is waited for.
        """
        limit = self._clock.now() + ROLE_PATIENCE
        while (refusal := self._refusal(step, points)) and self._clock.now() < limit:
            if not any(other.ends <= step.offset for other, _ in self._others(step)):
                break
            self._clock.sleep(0.2)
        if refusal:
            raise PlanError(placed(step.use.place, f"{refusal}; nothing more was injected"))

    def _refusal(self, step: Step, points: tuple[str, ...]) -> str:
        """Why these points are too many now; empty once they are claimed."""
        system, tier = self._target.system, group_of(step, self._target.system)
        with self._gate:
            nodes = {*points, *(point for _, point in self._others(step))}
            if tier is not None:
                found = hit(tier, len(nodes), system, self._plan.experiment)
                if found.refused:
                    return found.refusal()
            for number, point in enumerate(points):
                self._claims[f"{step.id}-{number}"] = (step, point)
        return ""

    def _others(self, step: Step) -> list[tuple[Step, str]]:
        """What else of the tier is claimed and not known to be put back."""
        system = self._target.system
        tier = group_of(step, system)
        return [one for one in list(self._claims.values()) if group_of(one[0], system) == tier]

    def _inject(self, step: Step, injection: str, point: str, deadline: float) -> None:
        world = self._target.world
        undo = spec_of(step.use).plan(point_of(point, self._target), world, injection)
        undo["expires"] = round(deadline - self._clock.now() + EXPIRY, 3)
        with self._gate:
            if self._closing:
                return
            record = self._journal.append(
                "injecting",
                id=injection,
                fault=step.use.name,
                point=point,
                tier=self._target.system.tier_of(point),
                trouble=step.trouble,
                shape=step.shape,
                undo=undo,
                deadline=round(deadline, 3),
            )
            (self._announced[injection],) = injections([record])
            opened = Opened(injection, step, point)
            self.opened.append(opened)
            self._under_way[injection] = self._clock.now() + LANDING + undo.get("grace", 0.0)
        try:
            find(step.use.name).spec.inject(undo, world)
        finally:
            with self._gate:
                del self._under_way[injection]
        acknowledged = self._journal.append("injected", id=injection)["t"]
        with self._gate:
            back = {"acknowledged": acknowledged}
            self._announced[injection] = self._announced[injection].model_copy(update=back)
        if self.first_acknowledged is None:
            self.first_acknowledged = acknowledged
        self._prove(opened)

    def _prove(self, opened: Opened) -> None:
        """Sample evidence until it is in force, at most two seconds: effects need a moment."""
        limit = self._clock.now() + FIRST_PROOF
        while not self.sample(opened) and self._clock.now() < limit:
            self._clock.sleep(0.2)

    def sample(self, opened: Opened) -> bool:
        """Measure one open injection and journal it; True when it is in force.

        A held one that is not listed any more is journalled as lost, once. Raises TargetError
        when looks have gone unanswered for `UNSEEN_PATIENCE` seconds.
        """
        record = self._record(opened)
        if record.acknowledged is None or not still_held(record):
            return False
        asked = self._clock.now()
        try:
            evidence = find(record.fault).spec.active(record.undo, self._target.world)
        except NotOurs as error:
            if record.shape == "event":
                raise
            self._lose(opened, gone(opened.point, error))
            return False
        except TargetError as error:
            self._unseen(opened, asked, error)
            return False
        self._unseen_since.pop(opened.id, None)
        self._note(opened, "evidence", evidence=evidence.model_dump(), asked=round(asked, 3))
        if self._slipped(record, evidence, asked):
            self._lose(opened, why_lost(record, self._target.world))
        return evidence.in_force

    @staticmethod
    def _slipped(record: InjectionRecord, evidence: Evidence, asked: float) -> bool:
        """Not listed, though it was or should be by now: effects need a moment to show."""
        if record.shape == "event" or evidence.listed:
            return False
        return record.last_listed is not None or asked > (record.acknowledged or 0.0) + FIRST_PROOF

    def _lose(self, opened: Opened, reason: str) -> None:
        if self._note(opened, "lost", reason=reason) and self.lost is None:
            self.lost = f"{opened} was lost: {reason}"

    def _unseen(self, opened: Opened, asked: float, error: TargetError) -> None:
        since = self._unseen_since.setdefault(opened.id, asked)
        self._note(opened, "unseen", reason=str(error))
        if self._clock.now() - since > UNSEEN_PATIENCE:
            raise error

    def _note(self, opened: Opened, kind: str, **fields: Any) -> bool:
        """Journal what a look brought; whether it was written.

        Whatever was measured while the undo was under way says nothing about the fault.
        """
        with self._gate:
            if self._closing or not still_held(self._record(opened)):
                return False
            self._journal.append(kind, id=opened.id, **fields)
            return True

    def _record(self, opened: Opened) -> InjectionRecord:
        return next(i for i in self._told() if i.id == opened.id)

    def shut(self) -> None:
        """From now on nothing more is injected; a deed under way is still waited for."""
        with self._gate:
            self._closing = True

    def under_way(self) -> dict[str, float]:
        """Injections whose deed has begun and not come back, with the time when it must have.

        Monotonic seconds. Until it is back, what it was to do may still be done; also where the
        call failed, and the foreign system has gone on with it.
        """
        with self._gate:
            return {i.id: lands_until(i) for i in self._given_up()} | self._under_way

    def close_landed(self) -> None:
        """Put back at once what came in force though the call that asked for it had failed."""
        with self._gate:
            found = self._given_up()
        landed(found, self._journal, self._target.world, self._clock)

    def _given_up(self) -> list[InjectionRecord]:
        now, mine = self._clock.now(), self._announced.values()
        return [i for i in mine if i.id not in self._under_way and may_land(i, now)]

    def close(self, which: list[Opened]) -> None:
        """Put these back, newest first; failures are journalled as stuck."""
        self._revert([i for i in self._records({one.id for one in which}) if i.outstanding])

    def close_again(self, which: Iterable[str]) -> None:
        """Put these back once more, whatever was written down: they may have landed since."""
        self._revert(self._records(set(which)))

    def _records(self, wanted: set[str]) -> list[InjectionRecord]:
        return [i for i in self._told() if i.id in wanted]

    def _told(self) -> list[InjectionRecord]:
        """All, oldest first; one that cannot be read there any more is as it was announced."""
        told = {i.id: i for i in readable(self._journal.records())}
        return [told.get(name, known) for name, known in list(self._announced.items())]

    def _revert(self, found: list[InjectionRecord]) -> None:
        announce(self._journal, found[::-1])
        for injection in found[::-1]:
            undone = revert_one(injection, self._journal, self._target.world, self._clock)
            if was_lost(undone):
                tell(self._journal, "lost", id=injection.id, reason=GONE_BEFORE)
            if undone.result != "left":
                self._claims.pop(injection.id, None)
                over = {"reverted": self._clock.now()}
                self._announced[injection.id] = injection.model_copy(update=over)

    def still_open(self) -> list[Opened]:
        """Opened and not put back, oldest first."""
        left = {i.id for i in self._told() if i.outstanding}
        return [one for one in self.opened if one.id in left]
