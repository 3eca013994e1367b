"""The watchdog's own process: opens the world from the journal, says ready, then watches.

It must never end because of a signal meant for the terminal, and never before the runner.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from chaoskit.ports import Json, World
from chaoskit.run.clock import SystemClock
from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot
from chaoskit.run.watchdog import Watchdog
from chaoskit.world import open_world, reopen_world


def main(folder: Path) -> int:
    """Watch the run in `folder`; 0 when nothing of it is left in force."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    head = first(read_records(folder / NAME), "run")
    if head is None:
        sys.exit(f"{folder}: the journal has no head; nothing can be watched")
    world = opened(head["world"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    restored = Watchdog(folder, world, SystemClock(), sys.stdin.fileno()).watch()
    if restored:
        StateRoot().close_run(folder.name)
    return 0 if restored else 4


def opened(description: Json) -> World:
    """The world to put back in; raises as `open_world` does when a part of it does not answer now.

    It counts no traffic: that proves a fault, not its end, and would hold each undo up.
    """
    open_world(description).close()
    world = reopen_world(description)
    world.nodes()  # load and try every client now: there is no time for it later
    return world


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
