"""Processes as `/proc` shows them; told apart by pid *and* start time.

A signal goes through a handle on the process (a pidfd) that is compared with the one recorded:
a pid that was taken over by somebody else is never signalled, nor is this process itself.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaoskit.errors import TargetError

STOPPED, DEAD = "T", ("Z", "X")
# Fields of /proc/<pid>/stat, counted from the bracket that closes the command's name.
_STATE, _PARENT, _GROUP, _SESSION, _STARTED = 0, 1, 2, 3, 19


@dataclass(frozen=True)
class Process:
    """One process at one look; `started` is in clock ticks since the machine's start."""

    pid: int
    parent: int
    group: int
    session: int
    started: int
    state: str

    @property
    def alive(self) -> bool:
        return self.state not in DEAD

    @property
    def stopped(self) -> bool:
        return self.state == STOPPED

    def now(self) -> Process | None:
        """The same process at another look; None when it is gone or its pid is another's."""
        seen = look(self.pid)
        return seen if seen is not None and seen.started == self.started else None

    def namespace(self, kind: str = "pid") -> str | None:
        """Its namespace of that kind, as the kernel names it; None where it may not be read."""
        try:
            return os.readlink(f"/proc/{self.pid}/ns/{kind}")
        except OSError:
            return None

    def first_of_its_namespace(self) -> bool:
        """Whether it is process 1 of a pid namespace below this one."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("NSpid:"):
                    pids = line.split()[1:]
                    return len(pids) > 1 and pids[-1] == "1"
        return False

    def send(self, number: signal.Signals) -> bool:
        """Send it a signal; False when it is gone already.

        Raises TargetError when that is not allowed, or when it would hit chaoskit itself.
        """
        if self.pid <= 1 or self.pid == os.getpid():
            raise TargetError(f"process {self.pid} is not signalled: that is no process of a node")
        try:
            handle = os.pidfd_open(self.pid)
        except OSError as error:
            if error.errno == errno.ESRCH:
                return False
            raise TargetError(f"cannot get hold of process {self.pid}: {error.strerror}") from error
        try:
            if self.now() is None:
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        except PermissionError as error:
            raise TargetError(
                f"may not send {number.name} to process {self.pid}; "
                "run chaoskit as the user that the system runs as"
            ) from error
        finally:
            os.close(handle)
        return True


def look(pid: int) -> Process | None:
    """The process `pid` now; None when there is none."""
    try:
        # Plain files and bytes: whole tables of processes are read, many times a second.
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read()
    except OSError:
        return None
    # The command's name may hold spaces and brackets: count the fields from its closing one.
    fields = stat[stat.rindex(b")") + 2 :].split(maxsplit=_STARTED + 1)
    return Process(
        pid,
        int(fields[_PARENT]),
        int(fields[_GROUP]),
        int(fields[_SESSION]),
        int(fields[_STARTED]),
        fields[_STATE].decode(),
    )


def everyone() -> Mapping[int, Process]:
    """Every process that this machine shows us, by pid."""
    seen = (look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in seen if process is not None}
