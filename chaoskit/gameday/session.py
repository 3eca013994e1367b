"""A game day under way: the doors that people use, from a browser or a terminal alike.

Whatever is said is checked (who, when, what), on disk in the log, and only then done. Several
threads may use one session at once, and agree: each door is looked at and entered under one
lock. A halt takes no lock. It must never keep a fact that is not in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import InvalidInput, JournalError, Refused
from chaoskit.gameday.carry import open_actions
from chaoskit.gameday.leftovers import told
from chaoskit.gameday.log import TOOL, Entry, Kind, Log, log_of
from chaoskit.gameday.performance import Performance
from chaoskit.gameday.rules import DOORS, Situation, not_for, opening, refusal, role_for
from chaoskit.gameday.stage import Stage
from chaoskit.gameday.standing import Standing, standing
from chaoskit.gameday.viewing import viewed
from chaoskit.gameday.words import Spoken, spoken
from chaoskit.ports import Clock

__all__ = ["DOORS", "Session"]
END_PATIENCE = 120.0  # seconds for what is in force to be put back when a step or the day ends


class Session:
    """One game day's file, its log and a stage. Use it as `with Session(…).opened() as session:`.

    Every door takes the `person` who knocks, by the name under `people`. They raise Refused when
    it may not be done now or not by this person, InvalidInput when what is given makes no sense,
    and JournalError when it could not be written down; then nothing was done.
    """

    def __init__(self, bound: BoundGameDay, stage: Stage, clock: Clock) -> None:
        self.bound = bound
        self.stage = stage
        self._clock = clock
        self.log = Log(log_of(bound.path), clock)
        self._door = threading.RLock()
        self._performance: Performance | None = None

    @contextmanager
    def opened(self) -> Iterator[Session]:
        """Hold the log, go on where it ends; at the end of the block what runs is put back.

        Raises InUse while another process has the log, InvalidInput when the agenda of steps
        that were begun is not the one in the log.
        """
        with self.log.opened():
            self._resume()
            try:
                yield self
            finally:
                self._leave()

    # Looking ------------------------------------------------------------------------------

    def view(self, person: str) -> dict[str, Any]:
        """All that `person` may see now, as JSON (its fields: `view.View`). It only looks.

        A name that the game day does not have is shown what observers are, and may only halt.
        """
        at, performance = self._situation(), self._performance
        found = viewed(self.bound, self.log.entries(), at, performance, person, self._clock)
        return found.model_dump(mode="json")

    def wait(self, after: int, seconds: float) -> int:
        """The number of the newest entry, as soon as there is one above `after`.

        At the latest after `seconds`; it may then still be `after`. Figures and seconds left
        change without an entry: look again at least once a second while a step is under way.
        """
        return self.log.wait(after, seconds)

    # Saying -------------------------------------------------------------------------------

    def say(self, person: str, kind: str, **fields: Any) -> Entry:
        """Enter something that a person says; returns the entry, which is on disk then.

        kind and its fields (text unless said otherwise; `text` may be left out where in brackets):

        - `answer`: item (number of the question), value (`yes` or `no`), [text]
        - `check`: no fields; makes the tool's checks, returns the last one's entry
        - `go`: [text]; makes the checks first. `no_go`: text
        - `prediction`: text, [step] (the next one if left out)
        - `seen`, `mitigated`: [text]
        - `note`, `finding`: text
        - `action`: text, owner, due (2026-12-24). `action_closed`: item (the action's id), [text]
        - `halt`: as `halt()`
        - `begin`, `skip`, `release`, `end`: as the doors of these names
        - `closed`: [text]; the day is over
        """
        if kind not in DOORS:
            raise InvalidInput(f"unknown kind '{kind}'; there are: {', '.join(DOORS)}")
        if kind in ("check", "go"):
            self._check(person, kind)
        words = spoken(kind, fields)
        acts = self._acts()
        if kind in acts:
            return acts[kind](person, words)
        with self._door:
            self._refuse(person, kind, words.step)
            return self._enter(person, kind, words)

    def _acts(self) -> dict[str, Callable[[str, Spoken], Entry]]:
        return {
            "halt": lambda person, words: self.halt(person, words.text),
            "begin": lambda person, words: self.begin_step(person, words.step),
            "skip": lambda person, words: self.skip_step(person, words.text),
            "release": lambda person, words: self.release(person),
            "end": lambda person, words: self.end_step(person, words.text),
        }

    def halt(self, person: str, why: str) -> Entry:
        """Stop the step's run at once and put everything back; block every run of this machine.

        Open to everybody at any time. It is done before it is written down: a full disk must not
        keep a halt from working. `chaoskit halt --lift` and another `go` lead on.
        """
        said = f"{person}: {why}" if why else f"{person}, at game day {self.bound.gameday.gameday}"
        role = next(iter(self.bound.gameday.people.roles(person)), "")
        try:
            if (performance := self._performance) is not None:
                performance.stop.request("halted", f"halted by {said}")
            self.stage.halt(said)
        finally:
            entry = self._append("halt", person=person, role=role, text=why)
        return entry

    def begin_step(self, person: str, step: str = "") -> Entry:
        """Begin the next step, or `step` again that was halted, failed, cut off or skipped.

        What it runs, runs by itself from here.
        """
        with self._door:
            self._refuse(person, "begin", step)
            at = self._situation()
            step = step or at.next
            entry = self._append(
                "step", person=person, role="facilitator", step=step, value="begun",
                text=at.plan_of(step).title,
            )  # fmt: skip
            self._performance = Performance(self.bound, int(step), self.log, self.stage)
            self._performance.start(lambda why: self.halt(TOOL, why))
        return entry

    def skip_step(self, person: str, text: str = "") -> Entry:
        """Leave the next step out."""
        with self._door:
            self._refuse(person, "skip")
            step = self._situation().next
            return self._append(
                "step", person=person, role="facilitator", step=step, value="skipped",
                how="skipped", text=text,
            )  # fmt: skip

    def release(self, person: str) -> Entry:
        """Put the fault back that the current step holds; `released` is entered once it is."""
        with self._door:
            self._refuse(person, "release")
            performance = self._performance
            assert performance is not None
            entry = self._append(
                "released", person=person, role=role_for(self.bound.gameday, person, "release"),
                step=str(performance.number), value="asked",
            )  # fmt: skip
            performance.stop.request("interrupted", f"released by {person}")
        return entry

    def end_step(self, person: str, text: str = "") -> Entry:
        """End the current step; a fault that it holds is put back first."""
        with self._door:
            self._refuse(person, "end")
            performance = self._performance
        if performance is not None:
            performance.finish(f"step ended by {person}", END_PATIENCE)
        with self._door:
            self._refuse(person, "end")
            step = self._standing().current
            how = self._standing().step(step).how or "done"
            self._performance = None
            return self._append(
                "step", person=person, role="facilitator", step=step, value="ended", how=how,
                text=text,
            )  # fmt: skip

    # Inside -------------------------------------------------------------------------------

    def _enter(self, person: str, kind: str, words: Spoken) -> Entry:
        at = self._situation()
        given = words.fields()
        if kind == "answer":
            self._question(words.item)
        if kind == "prediction":
            given["step"] = words.step or at.next
        if kind in ("seen", "mitigated", "note", "finding"):
            given["step"] = at.standing.current
        if kind == "action":
            given["item"] = f"A{len(at.standing.actions) + 1}"
        if kind == "action_closed" and words.item not in at.standing.actions:
            known = ", ".join(at.standing.actions) or "none"
            raise InvalidInput(f"there is no action item '{words.item}' (there are: {known})")
        role = role_for(self.bound.gameday, person, kind)
        entered: Any = kind
        return self._append(entered, person=person, role=role, **given)

    def _question(self, item: str) -> None:
        questions = self.bound.gameday.go_no_go
        if not item.isdecimal() or not 1 <= int(item) <= len(questions):
            raise InvalidInput(f"there is no question '{item}'; they go from 1 to {len(questions)}")
        if questions[int(item) - 1].check is not None:
            raise InvalidInput(f"question {item} is checked by the tool, nobody answers it")

    def _check(self, person: str, kind: str) -> Entry:
        """Make the tool's checks and enter what they say."""
        at = self._situation()
        if said := not_for(at, person, kind) or opening(at):
            raise Refused(said)
        found = []
        for number, question in enumerate(self.bound.gameday.go_no_go, 1):
            if question.check is not None:
                why = self.bound.hidden(self.stage.check(question.check))
                found.append((str(number), "no" if why else "yes", why))
        if not found and kind == "check":
            raise InvalidInput("the go/no-go list of this game day has no checks for the tool")
        entries = [self._append("checked", item=i, value=v, text=why) for i, v, why in found]
        return entries[-1] if entries else self.log.entries()[-1]

    def _refuse(self, person: str, door: str, step: str = "") -> None:
        if said := refusal(self._situation(), person, door, step):
            raise Refused(said)

    def _standing(self) -> Standing:
        return standing(self.log.entries())

    def _situation(self) -> Situation:
        found, performance = self._standing(), self._performance
        halted = self.stage.halted()
        if found.halted is not None:
            halted = halted or f"halted by {found.halted.person} at {found.halted.at}"
        busy = performance is not None and performance.busy
        return Situation(self.bound.gameday, found, halted, busy)

    def _append(self, kind: Kind, **fields: Any) -> Entry:
        return self.log.append(kind, **fields)

    def _resume(self) -> None:
        """Enter that the log is opened; what was under way without a result was cut off."""
        gameday, found = self.bound.gameday, self._standing()
        self._refuse_changed(found)
        carried = () if found.opened else open_actions(self.bound)
        self._append("opened", text=gameday.title, value="resumed" if found.opened else "first")
        for number, (place, one) in enumerate(carried, 1):
            self._append(
                "action", person=one.person, role=one.role, item=f"A{number}", text=one.text,
                owner=one.owner, due=one.due, how="carried", value=place,
            )  # fmt: skip
        step = found.step(found.current) if found.current else None
        if step is None or step.ran is not None:
            return
        if gameday.agenda[int(step.id) - 1].kind in ("discuss", "break"):
            return
        self._append(
            "step", step=step.id, value="ended", how="cut-off",
            text=f"the session ended in it; {told(self._run_of(step.id))}",
        )  # fmt: skip

    def _run_of(self, step: str) -> str:
        """The directory of the step's newest run; empty without one."""
        found = [e for e in self.log.entries() if e.step == step and e.kind in ("running", "step")]
        return found[-1].run if found else ""

    def _refuse_changed(self, found: Standing) -> None:
        titles = [step.title for step in self.bound.gameday.agenda]
        for step in found.steps.values():
            if step.begun is None:
                continue
            place = int(step.id) - 1
            now = titles[place] if place < len(titles) else "not there"
            if step.begun.text != now:
                raise InvalidInput(
                    f"step {step.id} was begun as '{step.begun.text}' and is now '{now}': put the "
                    f"agenda back, or move {self.log.path} away to begin anew"
                )

    def _leave(self) -> None:
        performance = self._performance
        if performance is not None:
            with suppress(JournalError):
                performance.finish("the session ends", END_PATIENCE)
