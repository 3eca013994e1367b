"""Processes told apart by pid *and* start time, so that a reused pid is never mistaken.

It must never signal a pid whose start time differs from the one recorded.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def started(pid: int) -> str | None:
    """The start time of `pid` in clock ticks since boot; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name may hold spaces and brackets: count the fields from its closing one.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def alive(pid: int, since: str | None) -> bool:
    """Whether the process recorded as (`pid`, `since`) still runs."""
    # Both come from a file, which may be damaged.
    return isinstance(pid, int) and pid > 1 and since is not None and started(pid) == since


def end(pid: int, since: str | None, grace: float = 1.0) -> bool:
    """SIGTERM, then SIGKILL after `grace` seconds; True when it is gone (or never was ours)."""
    for sent, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 2.0)):
        if not alive(pid, since):
            return True
        try:
            os.kill(pid, sent)
        except ProcessLookupError:
            return True
        if _gone_within(pid, since, patience):
            return True
    return False


def _gone_within(pid: int, since: str | None, patience: float) -> bool:
    limit = time.monotonic() + patience
    while time.monotonic() < limit:
        if not alive(pid, since):
            return True
        time.sleep(0.01)
    return not alive(pid, since)
