"""`chaoskit gameday` on the public fake world: a process of its own, so that it can be killed.

    python -m tests.console.day run FOLDER/gameday.yaml --port 8500

The world is kept in the folder, so that the watchdog's process can open it as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

from chaoskit.cli import gameday_stage, main, opening
from chaoskit.cli.opening import Choice, Opened
from chaoskit.document import Bound
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Answer, Load
from chaoskit.run.clock import SystemClock
from chaoskit.run.plan import Plan
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeLoad, FakeProbe, FakeWorld

SERIES = {"browse": 3, "checkout": 1}


def open_fake(system: System, folder: Path, wanted: str = "auto") -> Opened:
    """The world in the folder, in place of a runtime."""
    path = folder / "world.json"
    world = FakeWorld.on_disk(path) if path.exists() else FakeWorld.of(system, path=path)
    probe = FakeProbe("master", lambda: Answer(True, nodes=("cache1",)))
    target = Target(system, world, {"master": probe})
    return Opened(target, (system.entry.url,), RuntimeSpec(), Choice("local"), folder)


def fake_load(bound: Bound, plan: Plan, opened: Opened) -> Load:
    """Good answers only, in place of Locust."""
    return FakeLoad(SystemClock(), rate=float(plan.experiment.load.rate), series=SERIES)


if __name__ == "__main__":
    opening.open_system = open_fake
    gameday_stage.locust = fake_load
    main(["gameday", *sys.argv[1:]])
