"""What the steps of a game day do to the system: experiments, faults held by hand, recovery.

Each is a run like any other: journalled, watched, put back. It must never let an error out: a
game day goes on, and its log says what failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from chaoskit.cli import opening
from chaoskit.cli.conducting import (
    Conducted,
    LoadFor,
    Wishes,
    judge_run,
    locust,
    run_opened,
)
from chaoskit.cli.opening import Opened
from chaoskit.document import Bound, BoundGameDay, load_gameday
from chaoskit.errors import ChaoskitError, Halted, Interrupted
from chaoskit.faults import find
from chaoskit.gameday.stage import Course, Outcome
from chaoskit.model.experiment import Experiment, FaultUse
from chaoskit.model.gameday import Check, Recover, Step
from chaoskit.ports import Load
from chaoskit.run.agenda import SLACK
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import refuse_leftovers
from chaoskit.run.engine import Engine
from chaoskit.run.halting import Halting
from chaoskit.run.history import read_timeline
from chaoskit.run.hold import Holding, NoLoad, experiment_by_hand, use_by_hand
from chaoskit.run.plan import Plan
from chaoskit.run.state import StateRoot
from chaoskit.run.target import in_short
from chaoskit.units import Duration

# An event has happened once it is acknowledged; so long it is looked at.
EVENT = Duration(2)


@dataclass(frozen=True)
class LiveStage:
    """gameday.stage.Stage over the system that the game day names."""

    bound: BoundGameDay
    wishes: Wishes

    # Asking -------------------------------------------------------------------------------

    def check(self, check: Check) -> str:
        asked: dict[str, Callable[[], str]] = {
            "full_strength": self._full_strength,
            "not_halted": self._not_halted,
            "nothing_outstanding": self._nothing_outstanding,
            "experiments_valid": self._experiments_valid,
            "in_window": self._in_window,
        }
        try:
            return asked[check]()
        except ChaoskitError as error:
            return " ".join(str(error).split())

    def halt(self, why: str) -> None:
        StateRoot().halt(why, SystemClock())

    def halted(self) -> str:
        return StateRoot().halted() or ""

    def _full_strength(self) -> str:
        opened = self._open()
        try:
            return in_short(opened.target.missing())
        finally:
            opened.target.world.close()

    def _not_halted(self) -> str:
        Halting(self.bound.gameday.halt_when, self.bound.path.parent).refuse_if_halted()
        Halting(self.bound.system.halt_when, self.bound.system_path.parent).refuse_if_halted()
        return self.halted()

    def _nothing_outstanding(self) -> str:
        opened = self._open()
        try:
            refuse_leftovers(StateRoot(), opened.target.world.describe(), SystemClock())
        finally:
            opened.target.world.close()
        return ""

    def _experiments_valid(self) -> str:
        load_gameday(self.bound.path)
        return ""

    def _in_window(self) -> str:
        gameday = self.bound.gameday
        now = datetime.now(ZoneInfo(gameday.timezone))
        if gameday.open_at(now):
            return ""
        return f"it is {now:%Y-%m-%d %H:%M}; the day is {gameday.date} {gameday.window}"

    # Doing --------------------------------------------------------------------------------

    def perform(self, number: int, step: Step, course: Course) -> Outcome:
        try:
            if step.recover is not None and step.recover.command is not None:
                return self._command(step.recover, course)
            return self._run(number, step, course)
        except ChaoskitError as error:
            how = "halted" if isinstance(error, Halted) else "failed"
            return Outcome(how, self.bound.hidden(str(error)))

    def _run(self, number: int, step: Step, course: Course) -> Outcome:
        opened = self._open()
        try:
            if (bound := self.bound.experiments.get(number)) is not None:
                return self._experiment(bound, opened, course)
            return self._by_hand(_by_hand(step), opened, course)
        finally:
            opened.target.world.close()

    def _experiment(self, bound: Bound, opened: Opened, course: Course) -> Outcome:
        conducted = self._conduct(
            bound.experiment, opened, course, Engine,
            lambda plan, at: locust(bound, plan, at), (bound.path, bound.system_path),
        )  # fmt: skip
        return _judged(conducted)

    def _by_hand(self, experiment: Experiment, opened: Opened, course: Course) -> Outcome:
        conducted = self._conduct(
            experiment, opened, course, Holding, lambda plan, at: NoLoad(), ()
        )
        if conducted.error is not None and not isinstance(conducted.error, Interrupted):
            how = "halted" if isinstance(conducted.error, Halted) else "failed"
            return Outcome(how, str(conducted.error), conducted.folder)
        lost = [i for i in read_timeline(conducted.folder).injections if i.lost is not None]
        if lost:
            said = f"{lost[0].fault} on {lost[0].point} was lost: {lost[0].lost_because}"
            return Outcome("failed", said, conducted.folder)
        return Outcome("done", "everything was put back", conducted.folder)

    def _conduct(
        self,
        experiment: Experiment,
        opened: Opened,
        course: Course,
        engine: type[Engine],
        load_for: LoadFor,
        files: tuple[Path, ...],
    ) -> Conducted:
        def known(plan: Plan, at: Opened) -> Load:
            course.folder((self.wishes.reports / experiment.experiment / plan.run).resolve())
            return load_for(plan, at)

        return run_opened(
            experiment, opened, self.wishes, course.stop, course.show,
            load_for=known, files=files, engine=engine, hidden=self.bound.hidden,
        )  # fmt: skip

    def _command(self, recover: Recover, course: Course) -> Outcome:
        from chaoskit.cli.recovery import run_command

        def stopped() -> bool:
            """Also by a halt from outside, such as `chaoskit halt`: no engine looks at it here."""
            if why := self.halted():
                course.stop.request("halted", why)
            return bool(course.stop.kind)

        command = recover.command or ()
        folder, timeout = self.bound.path.parent, float(recover.timeout)
        code, said = run_command(command, folder, timeout, stopped)
        said = self.bound.hidden(f"{command[0]} {code}{f': {said}' if said else ''}")
        if course.stop.kind == "halted":
            return Outcome("halted", said)
        return Outcome("done" if code == "exited with 0" else "failed", said)

    def _open(self) -> Opened:
        folder = self.bound.system_path.parent
        return opening.open_system(self.bound.system, folder, self.wishes.runtime)


def _by_hand(step: Step) -> Experiment:
    """A fault held until it is released, or a node that is restarted."""
    if step.inject is not None and step.most is not None:
        return experiment_by_hand((step.inject,), step.most, Duration(step.most + SLACK))
    node = step.recover.restart if step.recover else None
    return experiment_by_hand((_restart(str(node)),), EVENT, EVENT)


def _restart(node: str) -> FaultUse:
    return use_by_hand(find("restart"), {"node": node}, {})


def _judged(conducted: Conducted) -> Outcome:
    """The verdict of an experiment that ended, with its pages written."""
    from chaoskit.report import write_report

    verdict = judge_run(conducted.folder)
    write_report(conducted.folder)
    reason = verdict.reasons[0] if verdict.reasons else ""
    if not verdict.restored:
        return Outcome("failed", f"NOT RESTORED: {reason}", conducted.folder)
    if isinstance(conducted.error, Halted):
        return Outcome("halted", str(conducted.error), conducted.folder)
    return Outcome(str(verdict.status), reason, conducted.folder)
