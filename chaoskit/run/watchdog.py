"""The watchdog: a process of its own that puts everything back when the runner cannot.

It holds the reading end of a pipe whose writing end only the runner has: the kernel closes it
when the runner dies, however it dies. It knows every injection's deadline from the journal and
acts when one is overrun. It must never inject, and never act while the runner is on time.
"""

from __future__ import annotations

import os
import select
import threading
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from chaoskit.errors import ChaoskitError, JournalError
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Clock, World
from chaoskit.run import processes
from chaoskit.run.claim import claim
from chaoskit.run.history import first, leftovers, outstanding, unreadable
from chaoskit.run.journal import Journal, Record
from chaoskit.run.revert import landed_late, lands_until, revert_outstanding, stuck

TICK = 0.1
OVERRUN = 2.0
# A deed that came back late is looked at before it is put back.
PROOF = 2.0
REVERT_PATIENCE = 20.0
RETRIES = 30
CLAIM_PATIENCE = 2.0


def overdue(left: Iterable[InjectionRecord], now: float) -> str:
    """Why the runner must be hanging, going by what it has left open; empty while it is on time."""
    left = tuple(left)
    # One deed comes after the other: what was to be put back meanwhile waits for its turn.
    under_way = max(map(lands_until, left), default=0.0)
    for injection in left:
        due = injection.deadline or injection.begun or now
        back = 0.0 if injection.acknowledged is None else injection.acknowledged + PROOF
        limit = max(due, under_way, back) + OVERRUN
        if injection.revert_begun is not None:
            limit = max(limit, max(injection.revert_begun, under_way) + REVERT_PATIENCE)
        if now > limit:
            return f"{injection.fault} on {injection.point} is overdue; the runner hangs"
    return ""


class Watchdog:
    """Watches the run in `folder` over `world`; `pipe` is a readable file descriptor."""

    def __init__(self, folder: Path, world: World, clock: Clock, pipe: int) -> None:
        self.journal = Journal(folder, clock, "watchdog")
        self.world = world
        self.clock = clock
        self.pipe = pipe
        self._taken_over = False
        self._size: int | None = None
        self._records: list[Record] = []

    def watch(self) -> bool:
        """Return once the runner is gone: True when nothing of the run is left in force."""
        self._read()  # from now on it is held
        while not self._runner_gone():
            if self.look():
                self._outlast_runner()
        if self._fenced_by_another():
            self._let_finish()
            if not outstanding(self._read()):
                # The runner lived on while it was put back: a deed of its own may have landed.
                self._look_for_late()
        records = self._read()
        if first(records, "end") is not None and not outstanding(records):
            return not unreadable(records)
        if not self._taken_over:
            self._take_over("the runner is gone")
        return not leftovers(self._read())

    def look(self) -> bool:
        """One look at a runner that lives; True when the run has been taken over.

        That is when it is overdue, or when whoever fenced it off has left something in force.
        """
        why = self._overrun() or self._abandoned()
        if why:
            self._take_over(why)
        return bool(why)

    def _runner_gone(self) -> bool:
        ready, _, _ = select.select([self.pipe], [], [], TICK)
        return bool(ready) and os.read(self.pipe, 64) == b""

    def _read(self) -> list[Record]:
        size = self.journal.size()
        if size is None or size != self._size:  # what is gone is read from what is held of it
            self._records = self.journal.records()
            self._size = size
        return self._records

    def _overrun(self) -> str:
        return overdue(outstanding(self._read()), self.clock.now())

    def _abandoned(self) -> str:
        if not (self._fenced_by_another() and outstanding(self._read())):
            return ""
        self._let_finish()
        return "whoever fenced the runner off is gone" if outstanding(self._read()) else ""

    def _fenced_by_another(self) -> bool:
        return self.journal.fenced and not self._taken_over

    def _let_finish(self) -> None:
        """Wait for whoever fenced the runner off: it may do all the work, or die in the middle.

        Its claim ends with it, however it ends; one that hangs or is stopped is not waited for.
        """
        with claim(self.journal.folder, self.clock, "the watchdog", REVERT_PATIENCE):
            return

    def _take_over(self, why: str) -> None:
        self._taken_over = True
        self._try_to_write(lambda: self.journal.fence(why))
        named = [r for r in self._read() if r["kind"] == "process"]
        children = [r for r in named if r.get("what") != "watchdog"]
        # Beside the undo, not before it: a load that will not end must not hold a fault open.
        ending = threading.Thread(target=_end, args=(children,), name="children", daemon=True)
        ending.start()
        self._put_back()
        ending.join()

    def _put_back(self) -> None:
        """Revert, again and again while the world does not answer; the journal keeps the rest."""
        for _ in range(RETRIES):
            with claim(self.journal.folder, self.clock, "the watchdog", CLAIM_PATIENCE):
                # Whoever else is at it: what it leaves, hung or stopped, is put back here.
                revert_outstanding(self.journal, self.world, self.clock)
            if not outstanding(self._read()):
                break
            self.clock.sleep(1.0)
        left, hopeless = outstanding(self._read()), unreadable(self._read())
        undos = [*(i.undo for i in left), *(i.undo for i in hopeless)]
        last = {
            "restored": not undos,
            "differences": [*(i.point for i in left), *map(str, hopeless)],
            "by_hand": [command for undo in undos for command in self.world.by_hand(undo)],
        }
        self._try_to_write(lambda: self.journal.append("end", **last))

    def _outlast_runner(self) -> None:
        """While the runner lives, a deed of its own may still land: keep looking."""
        while not self._runner_gone():
            self._look_for_late()
            self.clock.sleep(0.4)

    def _look_for_late(self) -> None:
        try:
            landed_late(self.journal, self.world, self.clock)
        except ChaoskitError as error:
            stuck(self.journal, "", str(error))

    def _try_to_write(self, deed: Callable[[], object]) -> None:
        """A full disk must not keep a fault in force: go on, and say it in the log."""
        try:
            deed()
        except JournalError as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)


def _end(children: list[Record]) -> None:
    for record in children:
        processes.end(record.get("pid", 0), record.get("started"), grace=0.2)
