"""Keeps a schedule: gives notice, runs what is due, and says what was missed, refused or cut off.

The log is written before each deed, so that nothing runs twice. It must never run two at once,
nor anything that a halt, a blackout or a person has called off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from chaoskit.document.schedules import BoundSchedule
from chaoskit.errors import ChaoskitError, InvalidInput, worst
from chaoskit.model.schedule import Slot
from chaoskit.run.calls import StopFlag
from chaoskit.run.state import StateRoot
from chaoskit.run.web import post
from chaoskit.schedule import outside
from chaoskit.schedule.log import Log, cut_off, noted, settled_until
from chaoskit.schedule.moments import Occurrence, between, coming, occurrences
from chaoskit.schedule.notices import notice, titled
from chaoskit.schedule.permits import asked, forbidden, not_its_day, refused

# An entry that is seen for the first time may have been due within this time before.
FRESH = timedelta(seconds=60)
AT_MOST = 20.0
STOP_WITHIN = 1.0
# So far ahead, and among so many, is one looked for that can be called off.
AHEAD, LOOKED_AT = timedelta(days=3660), 100_000


@dataclass
class Keeper:
    """One schedule under one state root. `say` takes each line that a person should read.

    `load` reads the schedule, as often as it may have changed; what it raises at first is raised.
    """

    load: Callable[[], BoundSchedule]
    state: StateRoot
    runner: outside.Runs
    clock: outside.WallClock
    say: Callable[[str], None]
    stop: StopFlag = field(default_factory=StopFlag)
    post: Callable[[str, str], None] = post

    def __post_init__(self) -> None:
        self._wrong = ""
        self._take(self.load())

    def once(self) -> int:
        """Do what is due now. The worst exit code of what ran, was missed or cut off; 0 if nothing.

        Missed and refused count 3, cut off 5, a schedule that became wrong meanwhile 2. While
        another process is at it, nothing is done.
        """
        with self.log.lock() as lock:
            if lock is None:
                self._tell("busy: this schedule is being worked on by another process")
                return 0
            codes = [*self._report_cut_off(), *self._adopt()]
            self._give_notice()
            while not self.stop.kind and (occurrence := self._next_due()) is not None:
                codes.append(self._settle(occurrence, lock))
                # It took hours, maybe: what was written meanwhile holds for the next.
                if not self._read_anew():
                    return worst([*codes, InvalidInput.exit_code])
            return worst(codes)

    def loop(self) -> int:
        """`once`, again and again until `stop` is requested, by the schedule as it is by then.

        The worst exit code. While the schedule is wrong nothing begins; that counts 2.
        """
        code = 0
        while not self.stop.kind:
            code = worst([code, self.once() if self._read_anew() else InvalidInput.exit_code])
            wake = self.clock.now() + timedelta(seconds=self._until_next())
            while not self.stop.kind and (left := (wake - self.clock.now()).total_seconds()) > 0:
                self.clock.sleep(min(left, STOP_WITHIN))
        return code

    def skip(self, name: str) -> Occurrence:
        """Call off the next occurrence of an entry that would run, as far as is known before.

        That may be one that is due, and waits until something else has ended.
        """
        if name not in self._slots:
            raise InvalidInput(f"no entry '{name}'; there are {', '.join(self._slots)}")
        schedule, slot, now = self.bound.schedule, self._slots[name], self.clock.now()
        records, why = self.log.records(), ""
        since = settled_until(records, name, slot.timing) or now
        # What came earlier than `late` ago will not run any more.
        since = max(since, now - timedelta(seconds=float(schedule.late)))
        found = between(occurrences(schedule, slot, since), now + AHEAD)
        for occurrence in islice(found, LOOKED_AT):
            off = self._forbidden(occurrence)
            off = off or ("called off" if noted(records, "skip", occurrence) else "")
            if not off:
                self._note("skip", occurrence)
                return occurrence
            why = why or f"none that comes would run ({self.shown(occurrence)}: {off})"
        raise InvalidInput(f"'{name}' has none to call off: {why or 'it never comes again'}")

    def against(self, occurrence: Occurrence) -> str:
        """Why this one would not run, as far as can be known before; empty when nothing."""
        if noted(self.log.records(), "skip", occurrence):
            return "called off"
        return self._forbidden(occurrence)

    def _forbidden(self, occurrence: Occurrence) -> str:
        """What the files say against it: the schedule's, and the game day's own hours."""
        day = self.bound.gamedays.get(occurrence.name)
        if day is not None and (why := not_its_day(day.gameday, occurrence)):
            return why
        return forbidden(self.bound.schedule, self._slots[occurrence.name], occurrence)

    # The schedule as it is written --------------------------------------------------------

    def _take(self, bound: BoundSchedule) -> None:
        self.bound = bound
        self.log = Log(self.state.path, bound.path)
        self._slots = {slot.name: slot for slot in bound.schedule.entries}

    def _read_anew(self) -> bool:
        """Take the schedule as it is written now; False, said once, while that is wrong."""
        try:
            self._take(self.load())
        except InvalidInput as error:
            if str(error) != self._wrong:
                self._tell(f"wrong: nothing begins until the schedule is mended\n{error}")
            self._wrong = str(error)
            return False
        self._wrong = ""
        return True

    # What was -----------------------------------------------------------------------------

    def _report_cut_off(self) -> list[int]:
        found = cut_off(self.log.records())
        for record in found:
            fields = {"entry": record["entry"], "due": record["due"]}
            self.log.append("cut-off", self.clock.now(), **fields)
            began = f"began at {record['at']} and has no end: its process died"
            self._tell(f"cut off: {record['entry']} {began}; look with: chaoskit revert")
            if day := record.get("gameday"):
                self._tell(f"it goes on where it was with: chaoskit gameday run {day}")
        return [5] * len(found)

    def _adopt(self) -> list[int]:
        """Take in new entries; report what was missed of the others."""
        codes, now, records = [], self.clock.now(), self.log.records()
        for slot in self.bound.schedule.entries:
            since = settled_until(records, slot.name, slot.timing)
            if since is None:
                start = (now - FRESH).isoformat()
                self.log.append("adopted", now, entry=slot.name, timing=slot.timing, since=start)
            elif self._missed(slot, since, now, records):
                codes.append(3)
        return codes

    def _missed(
        self, slot: Slot, since: datetime, now: datetime, records: list[dict[str, Any]]
    ) -> bool:
        """Settle all that came too long ago; True when any of it should have run."""
        schedule = self.bound.schedule
        limit = now - timedelta(seconds=float(schedule.late))
        wanted: list[Occurrence] = []
        last: Occurrence | None = None
        for last in between(occurrences(schedule, slot, since), limit):
            off = noted(records, "skip", last) or self._forbidden(last)
            wanted += [] if off else [last]
        if last is None:
            return False
        self._note("missed", last, count=len(wanted))
        if wanted:
            first = self.shown(wanted[0])
            self._tell(f"missed: {slot.name}, {len(wanted)} since {first}; none is made up for")
        return bool(wanted)

    # What is due --------------------------------------------------------------------------

    def _next_due(self) -> Occurrence | None:
        """The earliest that is due and open."""
        records, now = self.log.records(), self.clock.now()
        found = []
        for slot in self.bound.schedule.entries:
            since = settled_until(records, slot.name, slot.timing)
            if since is not None:
                first = next(occurrences(self.bound.schedule, slot, since), None)
                found += [first] if first and first.at <= now else []
        return min(found, default=None)

    def _settle(self, occurrence: Occurrence, lock: int) -> int:
        slot = self._slots[occurrence.name]
        now = self.clock.now()
        if now - occurrence.at > timedelta(seconds=float(self.bound.schedule.late)):
            # Another run took until now.
            return 3 if self._missed(slot, _just_before(occurrence), now, self.log.records()) else 0
        if off := self.against(occurrence):
            self._refuse(occurrence, off)
            return 0
        if why := self._stopped(slot, occurrence):
            self._refuse(occurrence, why)
            return 3
        return self._run(occurrence, lock)

    def _stopped(self, slot: Slot, occurrence: Occurrence) -> str:
        """What keeps it from running now, though the schedule would have it."""
        if sentence := self.state.halted():
            return sentence
        if why := refused(asked(self.bound.schedule), self.bound.path.parent):
            return why
        told = self.bound.schedule.told(slot)
        if told and not noted(self.log.records(), "announced", occurrence):
            return "no notice of it was given before, so nobody could call it off"
        return ""

    def _refuse(self, occurrence: Occurrence, why: str) -> None:
        why = self.bound.hidden(why)
        self._note("refused", occurrence, why=why)
        self._tell(f"not run: {occurrence.name}, {self.shown(occurrence)}: {why}")

    def _run(self, occurrence: Occurrence, lock: int) -> int:
        day = self.bound.gamedays.get(occurrence.name)
        if day is not None:
            self._note("begun", occurrence, gameday=str(day.path))
            self._tell(f"begins: {titled(self.bound, occurrence.name)}, {self.shown(occurrence)}")
            code = self.runner.play(day.path, lock, self._look())
        else:
            paths = [bound.path for bound in self.bound.experiments[occurrence.name]]
            self._note("begun", occurrence, experiments=list(map(str, paths)))
            self._tell(f"runs: {occurrence.name}, {self.shown(occurrence)}")
            code = self.runner.run(paths, lock, self._look())
        self._note("ended", occurrence, code=code)
        self._tell(f"ended: {occurrence.name} with exit code {code}")
        # A negative code is a signal that killed the child; an unknown one is a failed tool.
        return code if code in (0, 1, 2, 3, 4, 5, 130) else 5

    # What comes ---------------------------------------------------------------------------

    def _give_notice(self) -> None:
        schedule, now = self.bound.schedule, self.clock.now()
        for slot in schedule.entries:
            told = schedule.told(slot)
            lead = timedelta(seconds=float(told.before)) if told else timedelta(0)
            for occurrence in between(occurrences(schedule, slot, now), now + lead):
                fresh = not noted(self.log.records(), "announced", occurrence)
                if told and fresh and not self.against(occurrence):
                    self._announce(occurrence, told.webhook)

    def _look(self) -> outside.Look:
        """Gives notice of what comes while something runs, which can take longer than the lead."""
        before = self.clock.now()

        def look() -> None:
            nonlocal before
            if (now := self.clock.now()) >= before + timedelta(seconds=AT_MOST):
                before = now
                self._give_notice()

        return look

    def _announce(self, occurrence: Occurrence, webhook: str) -> None:
        """Post, then note it: a death between the two tells people twice, and never not at all."""
        text = self.bound.hidden(notice(self.bound, occurrence.name, self.shown(occurrence)))
        try:
            self.post(webhook, text)
        except ChaoskitError as error:
            self._tell(f"{occurrence.name}: {error}; without a notice it will not run")
            return
        self._note("announced", occurrence)
        self._tell(f"notice given: {occurrence.name}, {self.shown(occurrence)}")

    def _until_next(self) -> float:
        """Seconds to sleep: to the next occurrence, at most 20 s, so that nothing is overslept."""
        now = self.clock.now()
        found = coming(self.bound.schedule, now, now + timedelta(seconds=AT_MOST))
        return (found[0].at - now).total_seconds() if found else AT_MOST

    def shown(self, occurrence: Occurrence) -> str:
        """Its moment as the wall in the schedule's zone shows it, with the offset."""
        return (
            f"{occurrence.at.astimezone(ZoneInfo(self.bound.schedule.timezone)):%a %F %H:%M:%S %z}"
        )

    def _note(self, kind: str, occurrence: Occurrence, **fields: Any) -> None:
        due = occurrence.at.isoformat()
        self.log.append(kind, self.clock.now(), entry=occurrence.name, due=due, **fields)

    def _tell(self, line: str) -> None:
        self.say(self.bound.hidden(line))


def _just_before(occurrence: Occurrence) -> datetime:
    return occurrence.at - timedelta(microseconds=1)
