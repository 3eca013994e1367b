"""One step being done: the deed in a thread, and a look at what becomes of it.

The tool's own entries (what is in force, what was put back, how it ended, alerts) come from
here. It must never outlive its step, nor end before what it holds is put back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chaoskit.document.gamedays import BoundGameDay
from chaoskit.errors import ChaoskitError, JournalError, NotRestored
from chaoskit.gameday.alerts import Alerts
from chaoskit.gameday.log import Log
from chaoskit.gameday.stage import Course, Outcome, Stage
from chaoskit.gameday.strength import Strength
from chaoskit.model.timeline import InjectionRecord
from chaoskit.run.calls import StopFlag, settle
from chaoskit.run.halting import Halting
from chaoskit.run.history import injections
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.live import Moment

LOOK_EVERY = 0.2
HISTORY = 600
DEEDS = ("experiment", "inject", "recover")


class Performance:
    """A step under way. `stop` ends its deed early; `moments` are the looks at its run."""

    def __init__(self, bound: BoundGameDay, number: int, log: Log, stage: Stage) -> None:
        self.number = number
        self.step = bound.gameday.agenda[number - 1]
        self.stop = StopFlag()
        self.moments: deque[Moment] = deque(maxlen=HISTORY)
        self._log, self._stage = log, stage
        self._halting = Halting(bound.gameday.halt_when, bound.path.parent)
        url = bound.gameday.alerts
        self._alerts = Alerts(url, self._enter_alert) if url else None
        self._strength = Strength(lambda: stage.check("full_strength"), self._enter_recovered)
        self._folder: Path | None = None
        self._entered: set[str] = set()
        self._look = threading.Lock()
        self._over = threading.Event()
        self._deed: threading.Thread | None = None
        self._watch: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether the tool is at work: a run is on, or a fault is held."""
        return self._deed is not None and self._deed.is_alive()

    def start(self, halt: Callable[[str], object]) -> None:
        """Begin; `halt` is called with the sentence when a halting criterion comes true."""
        if self._alerts is not None:
            self._alerts.start()
        if self.step.kind in DEEDS:
            self._deed = threading.Thread(target=self._do, name="step", daemon=True)
            self._deed.start()
        self._watch = threading.Thread(target=self._keep_watch, args=(halt,), daemon=True)
        self._watch.start()

    def finish(self, why: str, patience: float) -> None:
        """Put back what is held and end; raises NotRestored when that takes over `patience`."""
        self.stop.request("interrupted", why)
        if self._deed is not None:
            self._deed.join(patience)
            if self._deed.is_alive():
                raise NotRestored(f"not put back within {patience:g} s: see `chaoskit revert`")
        self._over.set()
        if self._alerts is not None:
            self._alerts.stop()
        self._strength.stop()
        if self._watch is not None:
            self._watch.join(patience)

    def open_now(self) -> tuple[InjectionRecord, ...]:
        """What is in force at this moment, as the run's journal says.

        Raises ChaoskitError where that cannot be read: then it is not known.
        """
        return tuple(i for i in self._injections() if i.acknowledged and i.outstanding)

    # The deed -----------------------------------------------------------------------------

    def _do(self) -> None:
        future: Future[Outcome] = Future()
        course = Course(self.stop, self.moments.append, self._take_folder)
        settle(future, lambda: self._stage.perform(self.number, self.step, course))
        error = future.exception()
        said = Outcome("failed", str(error) or repr(error)) if error else future.result()
        with suppress(ChaoskitError):
            self._enter_injected()
        with suppress(JournalError):  # what was in force is put back; the run's own journal tells
            self._enter_outcome(said)
        if self.step.kind != "experiment" and not error:
            self._strength.start()

    def _take_folder(self, folder: Path) -> None:
        self._folder = folder
        self._log.append("running", step=str(self.number), run=str(folder))

    def _enter_outcome(self, outcome: Outcome) -> None:
        step, run = str(self.number), str(outcome.run or "")
        try:
            held = self._injections()
        except ChaoskitError as error:
            held, unknown = (), f"{outcome.text}; what it left is not known: {error}"
            outcome = replace(outcome, how="failed", text=unknown.removeprefix("; "))
        if self.step.kind == "inject" and held and not any(i.outstanding for i in held):
            by = ", ".join(dict.fromkeys(str(i.reverted_by) for i in held))
            self._log.append(
                "released", step=step, value="put back", run=run,
                text=f"{self.stop.reason or 'its time was up'}; put back by {by}",
            )  # fmt: skip
        self._log.append("ran", step=step, how=outcome.how, text=outcome.text, run=run)

    # The look -----------------------------------------------------------------------------

    def _keep_watch(self, halt: Callable[[str], object]) -> None:
        halted = False
        with self._halting.watching():
            while not self._over.wait(LOOK_EVERY):
                with suppress(ChaoskitError):  # `open_now` says that it is not known
                    self._enter_injected()
                if not halted and (sentence := self._halting.halted()):
                    halted = True
                    with suppress(JournalError):
                        halt(sentence)

    def _enter_injected(self) -> None:
        """Enter what has come into force since the last look."""
        with self._look:
            for one in self._injections():
                if one.id in self._entered or not _in_force(one):
                    continue
                self._entered.add(one.id)
                self._log.append(
                    "injected", step=str(self.number), item=one.id,
                    text=f"{one.fault} on {one.point}", run=str(self._folder),
                )  # fmt: skip

    def _enter_recovered(self) -> None:
        with suppress(JournalError):
            self._log.append("recovered", step=str(self.number))

    def _enter_alert(self, value: str, text: str) -> None:
        with suppress(JournalError):
            self._log.append("alert", step=str(self.number), value=value, text=text)

    def _injections(self) -> tuple[InjectionRecord, ...]:
        if self._folder is None or not (self._folder / NAME).exists():
            return ()
        return tuple(injections(read_records(self._folder / NAME)))


def _in_force(one: InjectionRecord) -> bool:
    """Acknowledged, and listed by the system if it is one to be held."""
    return one.acknowledged is not None and (
        one.shape == "event" or any(seen.listed for _, seen in one.evidence)
    )
