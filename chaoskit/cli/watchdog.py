"""The watchdog's own process: opens the world from the journal, says ready, then watches.

It must never end because of a signal meant for the terminal, and never before the runner.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from chaoskit.run.clock import SystemClock
from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot
from chaoskit.run.watchdog import Watchdog
from chaoskit.world import reopen_world


def main(folder: Path) -> int:
    """Watch the run in `folder`; 0 when nothing of it is left in force."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    head = first(read_records(folder / NAME), "run")
    if head is None:
        sys.exit(f"{folder}: the journal has no head; nothing can be watched")
    world = reopen_world(head["world"])  # it only puts back: one part that fails hides no other
    world.nodes()  # load and try every client now: there is no time for it later
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    restored = Watchdog(folder, world, SystemClock(), sys.stdin.fileno()).watch()
    if restored:
        StateRoot().close_run(folder.name)
    return 0 if restored else 4


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
