"""Faults held by hand from Python: a context manager for each fault, safe as a run.

The fault is held by a thread of this process with the journal and the watchdog of every run. It
must never return from the end of a block before everything is put back, nor hide that it was not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from chaoskit.cli.conducting import Conducted, Unwatched, Wishes, run_opened, watched
from chaoskit.cli.opening import Choice, Opened, open_system
from chaoskit.cli.places import find_system
from chaoskit.document import BoundSystem, bind_system
from chaoskit.errors import ChaoskitError, Interrupted, InUse, InvalidInput, TargetError
from chaoskit.faults import all_faults, find
from chaoskit.model.experiment import MAX_DURATION, Experiment, FaultUse
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.model.timeline import InjectionRecord
from chaoskit.ports import Answer, NodeState, World
from chaoskit.run.calls import StopFlag
from chaoskit.run.history import injections
from chaoskit.run.hold import Holding, NoLoad, experiment_by_hand, use_by_hand
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.plan import Plan
from chaoskit.run.target import Target
from chaoskit.units import Duration
from chaoskit.world.fake import FakeProbe, FakeWorld

SELECTS = ("role", "count", "share")
LOOK_EVERY = 0.01
# Others may be at the same system: a test waits for its turn, in seconds.
TURN = 600.0


class Chaos:
    """Every registered fault by name: `chaos.kill("cache", role="master")`.

    The first argument is the point, further ones are the fault's own in their order; `most` is
    the longest that it may be open (text, default 10m). `together` holds several at once. Set
    `world` to a FakeWorld to try tests without any system; `told` says what was injected.
    """

    def __init__(self, system: Path | None, runtime: str, reports: Path) -> None:
        self._named, self._runtime, self._reports = system, runtime, reports
        self.world: World | None = None
        self._told: list[str] = []
        self._inside: Held | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """What became of each injection, in lines; of what is open, as it stands now."""
        return (*self._told, *(self._inside.account() if self._inside else ()))

    def tell(self, *lines: str) -> None:
        self._told.extend(lines)

    @property
    def bound(self) -> BoundSystem:
        return bind_system(find_system(self._named))

    @property
    def system(self) -> System:
        return self.bound.system

    def __getattr__(self, name: str) -> Callable[..., Held]:
        try:
            kind = find(name)
        except InvalidInput as error:
            raise AttributeError(str(error)) from None
        return lambda point, *values, most=str(MAX_DURATION), **more: self._held(
            (_use(kind.name, point, values, more),), most
        )

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(kind.name for kind in all_faults())]

    def together(self, *held: Held) -> Held:
        """All of them in one run: opened together, put back together."""
        uses = tuple(use for one in held for use in one.uses)
        return self._held(uses, str(min(one.most for one in held)))

    def _held(self, uses: tuple[FaultUse, ...], most: str) -> Held:
        try:
            return Held(self, uses, Duration.parse(most))
        except ValueError as error:
            raise InvalidInput(f"most: {error}") from error

    def open(self, system: System) -> Opened:
        """The system on its runtime, or on the fake world that was set."""
        path = find_system(self._named)
        if self.world is None:
            return open_system(system, path.parent, self._runtime)
        target = Target(system, self.world, _thought_of(system, self.world))
        return Opened(target, (system.entry.url,), RuntimeSpec(), Choice("local"), path.parent)

    def enter(self, held: Held) -> None:
        """One run at a time: they would wait for each other's lock for ever."""
        if self._inside is not None:
            raise InvalidInput(
                f"{self._inside} is open already: hold both with "
                "`with chaos.together(chaos.…, chaos.…):`"
            )
        self._inside = held

    def leave(self) -> None:
        self._inside = None

    def wishes(self) -> Wishes:
        return Wishes(self._reports, self._runtime)


def in_turn(deed: Callable[[], Conducted], stop: StopFlag) -> Conducted:
    """`deed` once no other run has the system; raises InUse after ten minutes, or on a stop."""
    limit = time.monotonic() + TURN
    while True:
        try:
            return deed()
        except InUse:
            if stop.kind or time.monotonic() > limit:
                raise
            time.sleep(0.1)


def _use(fault: str, point: str, values: tuple[Any, ...], more: dict[str, Any]) -> FaultUse:
    kind = find(fault)
    selection = {kind.point: point} | {k: str(more.pop(k)) for k in SELECTS if k in more}
    known = list(kind.spec.model_fields)
    if len(values) > len(known):
        raise InvalidInput(f"{fault} takes at most {len(known)} arguments after its point")
    given = dict(zip(known, map(str, values), strict=False)) | {k: str(v) for k, v in more.items()}
    return use_by_hand(kind, selection, given)


def _thought_of(system: System, world: World) -> dict[str, FakeProbe]:
    """Probes of a fake world: a role is held by the tier's first node that runs."""

    def first_of(nodes: tuple[str, ...]) -> Answer:
        up = [n for n in nodes if world.node(n).facts().state is NodeState.RUNNING]
        return Answer(bool(up), tuple(up[:1]))

    found = {name: FakeProbe(name) for name in system.probes}
    for tier in system.tiers.values():
        for probe in tier.roles.values():
            found[probe] = FakeProbe(probe, partial(first_of, tier.nodes))
    return found


class Held:
    """One or more faults, open inside a `with` block; `injections` tells what became of them."""

    def __init__(self, chaos: Chaos, uses: tuple[FaultUse, ...], most: Duration) -> None:
        self._chaos, self.uses, self.most = chaos, uses, most
        self._stop = StopFlag()
        self._folder: Path | None = None
        self._expected = 1
        self._conducted: Conducted | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._hold, name="chaos", daemon=True)

    @property
    def injections(self) -> tuple[InjectionRecord, ...]:
        if self._folder is None or not (self._folder / NAME).exists():
            return ()
        return tuple(injections(read_records(self._folder / NAME)))

    @property
    def is_open(self) -> bool:
        """Whether the run that holds it has not ended."""
        return self._thread.is_alive()

    def __enter__(self) -> Held:
        """Returns once the system behind each fault says that it is in force."""
        self._chaos.enter(self)
        self._thread.start()
        try:
            while self._thread.is_alive() and not self._in_force():
                time.sleep(LOOK_EVERY)
        except BaseException:
            self._put_back()
            raise
        if not self._thread.is_alive():
            self._put_back()
            raise self._problem() or TargetError(f"{self}: it was over before it was in force")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Puts everything back; raises what went wrong with that, or with the fault itself."""
        over = not self._thread.is_alive()
        self._put_back()
        problem = self._problem()
        if over and problem is None:
            problem = TargetError(f"{self} was over after {self.most}, before its block: most=…")
        if problem is not None:
            self._chaos.tell(str(problem))
            if error is None or getattr(problem, "exit_code", 5) == 4:
                raise problem

    def account(self) -> Iterator[str]:
        """What it injected and what became of that so far, in lines; never raises."""
        try:
            found = self.injections
        except ChaoskitError as error:
            yield f"{self}: what became of it is not known: {error}"
            found = ()
        for one in found:
            state = "in force" if one.proven else "NOT proven in force"
            yield f"{one.fault} on {one.point}: {state}; {self._back(one)}"
        if self._folder is not None:
            yield f"journal: {self._folder / NAME}"

    def _back(self, one: InjectionRecord) -> str:
        if one.reverted:
            return "put back"
        return "still open" if self.is_open else f"NOT put back: {one.stuck}"

    def __str__(self) -> str:
        return ", ".join(f"{use.name} on {use.selection}" for use in self.uses)

    def _in_force(self) -> bool:
        """Every fault, on all its points: acknowledged, and listed if it is one to be held."""
        found = [i for i in self.injections if i.acknowledged is not None]
        seen = [i for i in found if i.shape == "event" or any(e.listed for _, e in i.evidence)]
        return len(seen) == len(found) >= self._expected

    def _hold(self) -> None:
        try:
            bound = self._chaos.bound
            with bound.hiding():
                opened = self._chaos.open(bound.system)
                try:
                    self._conducted = in_turn(lambda: self._run(opened, bound), self._stop)
                finally:
                    if self._chaos.world is None:
                        opened.target.world.close()
        except BaseException as error:  # noqa: BLE001 - handed on to the test
            self._error = error

    def _run(self, opened: Opened, bound: BoundSystem) -> Conducted:
        wishes = self._chaos.wishes()
        world = opened.target.world
        in_memory = isinstance(world, FakeWorld) and world.describe()["path"] is None

        def no_load(plan: Plan, at: Opened) -> NoLoad:
            self._expected = sum(len(step.preview) for step in plan.steps)
            self._folder = wishes.reports / plan.experiment.experiment / plan.run
            return NoLoad()

        return run_opened(
            self._experiment(), opened, wishes, self._stop, lambda moment: None,
            load_for=no_load, engine=Holding, hidden=bound.hidden,
            # What lives in this process dies with it: nobody could put it back, or needs to.
            watch=(lambda journal: Unwatched()) if in_memory else watched,
        )  # fmt: skip

    def _experiment(self) -> Experiment:
        return experiment_by_hand(self.uses, self.most, self.most)

    def _put_back(self) -> None:
        """Waits for the undo; whoever is in a hurry is told to wait and heard afterwards."""
        self._stop.request("interrupted", "the block ended")
        hurry: KeyboardInterrupt | None = None
        while self._thread.is_alive():
            try:
                self._thread.join(timeout=1.0)
            except KeyboardInterrupt as pressed:
                hurry = pressed
        self._chaos.leave()
        self._chaos.tell(*self.account())
        if hurry is not None:
            raise hurry

    def _problem(self) -> BaseException | None:
        error = self._error
        if self._conducted is not None:
            error = self._conducted.error
        if error is not None and not isinstance(error, Interrupted):
            return error
        lost = next((i for i in self.injections if i.lost is not None), None)
        if lost is None:
            return None
        return TargetError(
            f"{lost.fault} on {lost.point} was lost while it was open: {lost.lost_because}"
        )
