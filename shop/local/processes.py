"""The processes of one shop, found by what they were told and by who started whom.

No process is ever ended that was not found so right before.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One entry of /proc; a number alone may be somebody else's a moment later."""

    pid: int
    parent: int
    started: int


def everyone() -> dict[int, Process]:
    """All that live just now; what has died and is only not yet collected is left out."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid: seen for pid in pids if (seen := _look(pid))}


def of_folder(folder: Path) -> list[Process]:
    """Who carries `SHOP_FOLDER=folder` in its environment, and everybody below them.

    Servers that write their title over their environment are found as somebody's children.
    PostgreSQL is known by its data too: Patroni cuts it loose, and root in a container may not
    read the environment of others.
    """
    present = everyone()
    marked = {pid for pid in present if _is_told(pid, folder) or _has_data(pid, folder)}
    return [present[pid] for pid in sorted(_with_children(marked, present) - {os.getpid()})]


def below(pid: int) -> list[Process]:
    """The process `pid` and everybody below it."""
    present = everyone()
    return [present[one] for one in sorted(_with_children({pid} & present.keys(), present))]


def has_word(pid: int, word: Path) -> bool:
    """Whether `pid` was started with that word."""
    return os.fsencode(word) in _read(pid, "cmdline").split(b"\0")


def send(number: signal.Signals, processes: Iterable[Process]) -> None:
    """The signal to each that is still the one that was found."""
    for process in processes:
        if process.pid > 1 and _look(process.pid) == process:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def alive(processes: Iterable[Process]) -> list[Process]:
    """Those that are still there; who their parent is may have changed."""
    now = ((process, _look(process.pid)) for process in processes)
    return [seen for was, seen in now if seen is not None and seen.started == was.started]


def _is_told(pid: int, folder: Path) -> bool:
    return b"SHOP_FOLDER=" + os.fsencode(folder) in _read(pid, "environ").split(b"\0")


def _has_data(pid: int, folder: Path) -> bool:
    program, *words = _read(pid, "cmdline").split(b"\0")
    own = os.fsencode(folder) + b"/"
    return program.endswith(b"/postgres") and words[:1] == [b"-D"] and words[1].startswith(own)


def _with_children(pids: set[int], present: Mapping[int, Process]) -> set[int]:
    found = set(pids)
    while more := {p.pid for p in present.values() if p.parent in found} - found:
        found |= more
    return found


def _look(pid: int) -> Process | None:
    # The name in the second field may hold anything, also spaces and brackets.
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    if not fields or fields[0] in b"ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[19]))


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
