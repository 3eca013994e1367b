"""The engine: one synchronous loop over due times with one stop flag.

It only decides. Deeds go through `Injections` in worker threads, are journalled ahead, and are
put back on every way out. It must never wait for anything without looking at the stop flag,
except while it puts things back: that is not cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chaoskit.errors import Refused
from chaoskit.judge.live import pulse
from chaoskit.judge.samples import Samples
from chaoskit.model.timeline import PhaseName
from chaoskit.run import processes
from chaoskit.run.agenda import Agenda
from chaoskit.run.around import Surroundings
from chaoskit.run.feed import Feed
from chaoskit.run.fingerprint import facts
from chaoskit.run.guards import Guards, unfit
from chaoskit.run.history import leftovers
from chaoskit.run.injections import Injections
from chaoskit.run.lengths import FILED, LAST, WARMUP
from chaoskit.run.live import Moment
from chaoskit.run.plan import Plan
from chaoskit.run.probing import Probing
from chaoskit.run.recovering import Recovering
from chaoskit.run.stopping import Stopped
from chaoskit.run.target import Target, in_short
from chaoskit.run.unwind import tell, unwind

TICK = 0.1
LEAD = 0.5
LOAD_TIMEOUT = 40.0
LEDGER_TIMEOUT = 60.0
CALL_TIMEOUT = 30.0
STRENGTH_PATIENCE = 20.0
RETURN_PATIENCE, RETURN_EVERY = 20.0, 1.0


class Engine:
    """Runs one plan once. `run` returns the error that ended it early, or None."""

    def __init__(self, plan: Plan, target: Target, around: Surroundings) -> None:
        self.plan = plan
        self.target = target
        self.around = around
        self.clock = around.clock
        self.journal = around.journal
        self.probing = Probing(plan, target, around)
        self.feed = Feed(around.load, self.probing)
        self.injections = Injections(target, around.journal, around.clock, plan)
        self._phase: tuple[str, float, float | None] = ("start", self.clock.now(), None)
        self._note = ""
        self._shown = 0.0
        self._told = False
        self.baseline = Samples.empty()
        self.before: dict[str, Any] | None = None
        self.agenda = Agenda(plan, self.injections, around.calls, self.clock)

    # The course of a run ------------------------------------------------------------------

    def run(self) -> BaseException | None:
        """Baseline, fault, recovery; then everything is put back, whatever happened."""
        error: BaseException | None = None
        try:
            self._course()
        except Stopped as stopped:
            error = self._stopped(stopped)
        except BaseException as caught:  # noqa: BLE001 - the engine unwinds, then reports
            error = caught
            tell(self.journal, "stopped", stop_kind="failed", reason=str(caught) or repr(caught))
        self._enter("putting back", None)
        left = unwind(
            self.around, self.target, self.plan, self.injections, self.agenda, self.feed,
            self.before,
        )  # fmt: skip
        return left or error

    def _course(self) -> None:
        self._wait_for_strength()
        self._mark_ledger()
        begin = self._start_load()
        self._span("warmup", begin + WARMUP)
        begin, end = self._span("baseline", self._length("baseline"))
        self._refuse_unfit(begin, end)
        self.baseline = self.feed.samples.between(begin, end)
        self._take_fingerprint()
        watch = Recovering(self.plan, self.target, self.around, self.baseline, self._answered)
        self._fault_phase(watch)
        self._recovery_phase(watch)
        self._end_load()
        self._read_back()

    def _take_fingerprint(self) -> None:
        target, points = self.target, self.plan.points
        self.before = self._await("fingerprint", lambda: target.world.fingerprint(points))
        known = self._await("facts", lambda: facts(target, points))
        self.journal.append("fingerprint", when="before", state=self.before, facts=known)

    def _length(self, phase: str) -> float:
        return self.clock.now() + float(getattr(self.plan.experiment.phases, phase))

    def _wait_for_strength(self) -> None:
        limit = self.clock.now() + STRENGTH_PATIENCE
        self._enter("strength", limit)
        while missing := self._await("readiness", self.target.missing):
            self._note = in_short(missing)
            if self.clock.now() > limit:
                raise Refused(
                    f"{self.plan.system.system} is not at full strength: {self._note}; "
                    "a run would blame the fault for it"
                )
            self._tick(loaded=False)
        self._note = ""

    def _start_load(self) -> float:
        """Start the load; returns the monotonic time of its first arrival."""
        load, folder = self.around.load, self.around.folder / "load"
        folder.mkdir(exist_ok=True)
        for pid in self._await("load", lambda: load.prepare(folder), timeout=LOAD_TIMEOUT):
            self.journal.append("process", what="load", pid=pid, started=processes.started(pid))
        begin = self.clock.now() + LEAD
        load.start(folder, begin)
        self.probing.begin(begin)
        return begin

    def _span(self, phase: PhaseName, end: float) -> tuple[float, float]:
        """Hold a phase without faults from now until `end`."""
        start = self._begin(phase, end)
        self._pause(end - self.clock.now())
        return start, self._end(phase)

    def _refuse_unfit(self, begin: float, end: float) -> None:
        """A baseline that does not hold teaches nothing: stop before anything is injected."""
        limit = end + self.plan.patience + FILED
        while self.clock.now() <= limit and not self._answered(end):
            self._tick()
        if why := unfit(self.plan, self.feed.samples, begin, end):
            raise Stopped("unfit", why)

    def _answered(self, before: float) -> bool:
        """Whether everything that began earlier has its sample."""
        return self.feed.under_way.settled >= before and not self.probing.pending(before)

    def _fault_phase(self, watch: Recovering | None = None) -> None:
        """Hold the faults open until the time is up or the claim is broken."""
        if self.plan.experiment.load.surge is not None:
            # A little ahead, so that every process of the load hears of it before it begins.
            self.around.load.surge(self.clock.now() + LEAD)
            self._pause(LEAD)
        end = self._length("fault")
        begin = self._begin("fault", end)
        self.agenda.begin(begin)
        guards = Guards(self.plan, self.injections, self.baseline, begin, end)
        while self.clock.now() < end and not self._lost() and not self._broken(guards, watch):
            if not self.around.watchdog.alive():
                raise Stopped("failed", "the watchdog is gone; nothing may be open without it")
            self.agenda.tend(self.clock.now())
            if watch is not None and self.agenda.over:
                watch.look(self.feed.samples, self.clock.now())
            self._tick()
        self.around.load.calm(self.clock.now())
        patience = CALL_TIMEOUT * (1 + len(self.plan.steps)) + self.agenda.patience
        self._await("revert", self.agenda.finish, timeout=patience)
        self._await_return()
        self._end("fault")
        self._refuse_stuck()

    def _lost(self) -> bool:
        """A fault that is not in force any more: the rest of the phase would teach nothing."""
        if self.injections.lost is None:
            return False
        tell(self.journal, "stopped", stop_kind="lost", reason=self.injections.lost)
        return True

    def _await_return(self) -> None:
        """A node that is being recreated is gone for a moment: its undo is tried again."""
        limit = self.clock.now() + RETURN_PATIENCE
        while self.injections.lost and self.injections.still_open() and self.clock.now() < limit:
            self._pause(RETURN_EVERY)
            self._await("revert", partial(self.injections.close, self.injections.still_open()))

    def _pause(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self._tick()

    def _broken(self, guards: Guards, watch: Recovering | None) -> bool:
        until = None if watch is None else watch.since
        found = guards.look(self.feed.samples, self.clock.now(), self.feed.under_way, until)
        if found is None:
            return False
        kind, gate = found
        stops = self.plan.experiment.on_violation == "stop" or kind == "abort"
        if stops or not self._told:
            self._told = True
            tell(self.journal, "stopped", stop_kind=kind, reason=guards.sentence(gate))
        return stops

    def _refuse_stuck(self) -> None:
        if left := leftovers(self.journal.records()):
            raise Stopped("failed", f"not put back: {', '.join(left)}")

    def _recovery_phase(self, watch: Recovering) -> None:
        """Wait for steady state and full strength, then hold."""
        self.feed.refresh()
        watch.look(self.feed.samples, self.clock.now())
        self._begin("recovery", watch.limit)
        while not watch.over(self.clock.now()):
            self._tick()
            watch.look(self.feed.samples, self.clock.now())
            self._note = watch.note
        self._note = ""
        self._end("recovery")
        if watch.recovered:
            self._span("hold", self.clock.now() + self.plan.experiment.phases.recovery.hold)

    def _mark_ledger(self) -> None:
        if (ledger := self.around.ledger) is not None:
            timeout = self.plan.settling + LEDGER_TIMEOUT
            self._await("ledger", partial(ledger.mark, self.around.folder), timeout=timeout)

    def _end_load(self) -> None:
        """What is under way has its whole time, unless the run is stopped meanwhile."""
        grace = self.plan.patience + LAST
        self._note = "waiting for the last answers"
        stop = partial(self.around.load.stop, grace)
        self._await("load", stop, timeout=grace + LOAD_TIMEOUT)
        self._note = ""

    def _read_back(self) -> None:
        """Only once the load has stopped: what is still being written cannot be compared."""
        if (ledger := self.around.ledger) is None:
            return
        self._enter("reading back", None)
        timeout = self.plan.settling + LEDGER_TIMEOUT
        self._await("ledger", ledger.read_back, timeout=timeout)

    # Ticking ------------------------------------------------------------------------------

    def _tick(self, *, loaded: bool = True) -> None:
        """Look at everything that may end the run, show the moment, sleep a little."""
        stop = self.around.stop
        if stop.kind:
            raise Stopped(stop.kind, stop.reason)
        if sentence := self.around.halted():
            raise Stopped("halted", sentence)
        self.probing.tend(self.clock.now())
        if loaded:
            self.around.load.check()
            self.feed.refresh()
        self._show()
        self.clock.sleep(TICK)

    def _await(
        self, what: str, deed: Callable[[], Any], *, timeout: float = CALL_TIMEOUT,
        loaded: bool = False,
    ) -> Any:  # fmt: skip
        call = self.around.calls.submit(what, deed, timeout)
        while not call.done:
            if late := call.overdue(self.clock.now()):
                raise late
            self._tick(loaded=loaded)
        return call.result()

    def _begin(self, phase: PhaseName, end: float | None) -> float:
        record = self.journal.append("phase", phase=phase, event="begun")
        self._enter(phase, end)
        return float(record["t"])

    def _end(self, phase: PhaseName) -> float:
        return float(self.journal.append("phase", phase=phase, event="ended")["t"])

    def _enter(self, phase: str, end: float | None) -> None:
        self._phase = (phase, self.clock.now(), end)
        self._shown = 0.0

    def _show(self) -> None:
        now = self.clock.now()
        if now - self._shown < 0.5:
            return
        self._shown = now
        phase, begin, end = self._phase
        figures = pulse(self.feed.samples, now)
        injected = tuple(str(one) for one in self.injections.still_open())
        left = None if end is None else max(0.0, end - now)
        self.around.show(Moment(phase, now - begin, left, figures, injected, self._note))

    # The way out --------------------------------------------------------------------------

    def _stopped(self, stopped: Stopped) -> BaseException | None:
        tell(self.journal, "stopped", stop_kind=stopped.kind, reason=stopped.reason)
        return stopped.told()
