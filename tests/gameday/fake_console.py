"""`chaoskit gameday run --terminal` over a fake world, as a process that can be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from chaoskit.cli import main, opening
from chaoskit.cli.opening import Choice, Opened
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Answer, NodeState
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeProbe, FakeWorld


def open_fake(system: System, folder: Path, wanted: str = "auto") -> Opened:
    """In place of `opening.open_system`: the world in `folder`, whose first cache is master."""
    world = FakeWorld.on_disk(folder / "world.json")

    def master() -> Answer:
        up = [n for n in ("cache1", "cache2") if running(world, n)]
        return Answer(bool(up), tuple(up[:1]))

    target = Target(system, world, {"master": FakeProbe("master", master)})
    choice = Choice("local", "a fake")
    return Opened(target, ("http://127.0.0.1:1",), RuntimeSpec(), choice, folder)


def running(world: FakeWorld, node: str) -> bool:
    return world.node(node).facts().state is NodeState.RUNNING


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    opening.open_system = open_fake
    main(["gameday", "run", "--terminal"])
