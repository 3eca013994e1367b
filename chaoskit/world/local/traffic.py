"""Who is connected to the proxies of a local system, read from this machine's own tables.

Several systems share the machine: only what arrives at a proxy's own address and port counts.
It must never connect to a proxy itself: that would be counted, and would prove nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from chaoskit.world.sockets import TABLES, Session, established, split

PATIENCE, PAUSE = 0.5, 0.025
ANYWHERE = ("", "0.0.0.0", "::")


class LocalTraffic:
    """The traffic of proxies that run on this machine, in its own network."""

    def sessions(self, doors: Iterable[str], patient: bool = True) -> tuple[str, ...] | None:
        """See `Traffic`: the first look within half a second that finds somebody."""
        wanted = frozenset(split(door) for door in doors)
        until = time.monotonic() + (PATIENCE if patient else 0)
        while True:
            table = _read()
            if table is None or (found := peers(table, wanted)):
                return None if table is None else found
            if time.monotonic() >= until:
                return ()
            time.sleep(PAUSE)


def peers(table: str, doors: frozenset[tuple[str, int]]) -> tuple[str, ...]:
    """Peers of the established connections in `table` that came in by one of `doors`."""
    return tuple(sorted(seen.peer for seen in established(table) if _came_by(seen, doors)))


def _came_by(seen: Session, doors: frozenset[tuple[str, int]]) -> bool:
    return any((address, seen.port) in doors for address in (seen.address, *ANYWHERE))


def _read() -> str | None:
    try:
        return "".join(Path("/proc/net", name).read_text() for name in TABLES)
    except OSError:
        return None
