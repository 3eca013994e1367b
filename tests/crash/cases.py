"""One run on the fake world that is cut short: what each process does, and what is looked at.

The runner is the real engine under the real conduct, the watchdog is the real class over a real
pipe, and `revert_run` is called as `chaoskit revert` calls it. Only time is made up. It
must never look into the processes: what they left on disk is all there is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.errors import Interrupted
from chaoskit.model.experiment import Experiment
from chaoskit.run.around import Surroundings
from chaoskit.run.calls import InlineCalls, StopFlag
from chaoskit.run.conduct import conduct, head
from chaoskit.run.history import first, injections, outstanding
from chaoskit.run.injections import Injections
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.plan import make_plan
from chaoskit.run.reverting import Worlds, revert_run
from chaoskit.run.state import StateRoot
from chaoskit.run.target import Target
from chaoskit.run.watchdog import Watchdog
from chaoskit.world.by_hand import by_hand
from chaoskit.world.fake import FakeClock, FakeLoad, FakeWorld
from tests.crash.marks import Marks
from tests.run.scene import SYSTEM, Watch, experiment

RUN = "run-1"
POINTS = ["web1", "web2", "cache1", "cache2", "web -> cache"]
LINK = {"link": "web -> cache"}


def use(name: str, **rest: Any) -> dict[str, Any]:
    times = {key: rest.pop(key) for key in ("after", "lasts") if key in rest}
    selection = rest.pop("at", {"node": "web1"})
    return {"name": name, "selection": selection, "arguments": rest, **times}


SCENARIOS: dict[str, list[dict[str, Any]]] = {
    "kill": [use("kill")],
    "pause": [use("pause")],
    "stop": [use("stop")],
    "latency": [use("latency", at=LINK, delay="80ms")],
    "bandwidth": [use("bandwidth", at=LINK, rate="10KB/s")],
    "cut": [use("cut", at=LINK)],
    "restart": [use("restart")],
    "crash": [use("crash")],
    "reset": [use("reset", at=LINK)],
    # Stopped by a signal in the middle of the fault phase, so that the way out is walked.
    "interrupted": [use("kill"), use("latency", at=LINK, delay="80ms", after="0.2s")],
    # The second opens and closes while the first is open; the third outlasts it.
    "overlap": [
        use("kill", lasts="1.5s"),
        use("latency", at=LINK, delay="80ms", after="0.4s", lasts="0.6s"),
        use("pause", at={"node": "cache2"}, after="0.8s", lasts="1.2s"),
    ],
}


def claim(scenario: str) -> Experiment:
    phases = {"baseline": "0.5s", "fault": "2s", "recovery": {"within": "3s", "hold": "0.3s"}}
    return experiment(
        load={"locustfile": "load.py", "rate": "100/s", "timeout": "1s"},
        steady_state=["browse success >= 0%"],
        faults=SCENARIOS[scenario],
        phases=phases,
    )


@dataclass
class Case:
    """One run to be cut short, in a folder of its own."""

    folder: Path
    scenario: str

    @property
    def run(self) -> Path:
        return self.folder / RUN

    @property
    def state(self) -> StateRoot:
        return StateRoot(self.folder / "state")

    def records(self) -> list[dict[str, Any]]:
        return read_records(self.run / NAME) if (self.run / NAME).exists() else []

    def world(self) -> FakeWorld:
        return FakeWorld.on_disk(self.folder / "world.json")

    def prepare(self) -> None:
        self.run.mkdir(parents=True)
        FakeWorld.of(SYSTEM, path=self.folder / "world.json").traffic("web -> cache", 3)

    # What the processes do ------------------------------------------------------------------

    def play_runner(self, marks: Marks) -> None:
        error = self.play(marks)
        wanted = Interrupted if self.scenario == "interrupted" else type(None)
        assert isinstance(error, wanted), f"the run that was not killed ended with: {error!r}"

    def play(self, marks: Marks) -> BaseException | None:
        """The runner, from the journal's head to the last record; what ended it early."""
        clock, world = FakeClock(), self.world()
        target = Target(SYSTEM.model_copy(update={"tiers": _plain_tiers()}), world)
        plan = make_plan(claim(self.scenario), target, run=RUN, seed=7)
        journal = Journal(self.run, clock)
        marks.arm(world)
        head(plan, world.describe(), journal)
        self.state.open_run(RUN, self.run)
        load, stop = FakeLoad(clock, 100, {"browse": 1}), StopFlag()
        if self.scenario == "interrupted":
            clock.at(2.2, lambda: stop.request("interrupted", "stopped by SIGINT"))
        around = Surroundings(load, journal, clock, InlineCalls(clock), stop, Watch(), self.run)
        return conduct(plan, target, around, self.state)

    def hold_open(self, *, head_too: bool = True) -> None:
        """The journal and the world of a runner that is gone while its first fault is in force.

        Without `head_too` the first record is the injection's own.
        """
        clock, world = FakeClock(), self.world()
        target = Target(SYSTEM.model_copy(update={"tiers": _plain_tiers()}), world)
        plan = make_plan(claim(self.scenario), target, run=RUN, seed=7)
        journal = Journal(self.run, clock)
        if head_too:
            head(plan, world.describe(), journal)
        Injections(target, journal, clock, plan).open(plan.steps[0], 0, clock.now() + 60)

    def play_watchdog(self, pipe: int, marks: Marks | None = None) -> bool:
        world = self.world()
        if marks is not None:
            marks.arm(world)
        return Watchdog(self.run, world, FakeClock(2000.0), pipe).watch()

    def play_revert(self, marks: Marks | None = None) -> None:
        world = self.world()
        if marks is not None:
            marks.arm(world)
        worlds = Worlds(lambda description: world, by_hand)
        revert_run(self.run, worlds, FakeClock(3000.0), named=True)

    # What is looked at ----------------------------------------------------------------------

    def wrong(self, before: Any) -> str:
        """What is left behind, in words; nothing when all is as it was."""
        after = self.world().fingerprint(POINTS)
        left = [f"{i.fault} on {i.point}" for i in outstanding(self.records())]
        return "" if after == before and not left else f"outstanding {left}, world {after}"

    def found_by_revert(self) -> bool:
        """Whether `chaoskit revert` would find this run by itself."""
        return [path.name for path in self.state.open_runs()] == [RUN]

    def look(self) -> str:
        """The state that a death left: two deaths that left the same are one to who puts back."""
        stages = [
            (i.id, i.acknowledged is None, i.revert_begun is None, i.reverted is None, i.stuck)
            for i in injections(self.records())
        ]
        world = self.world().state()
        ended = first(self.records(), "end") is not None
        torn = _torn(self.run / NAME)
        return json.dumps([stages, world["nodes"], world["carriers"], ended, torn])


def _plain_tiers() -> dict[str, Any]:
    """Without roles and readiness: what a probe says is not what is tested here."""
    bare = {"roles": {}, "ready": None}
    return {name: tier.model_copy(update=bare) for name, tier in SYSTEM.tiers.items()}


def _torn(journal: Path) -> bool:
    return journal.exists() and not journal.read_bytes().endswith(b"\n")
