"""Who is putting a run back: one at a time, known by name, never waited for without end.

The kernel frees the claim when its holder dies. Every undo is idempotent, so that the claim only
spares two of them each other's way: it must never keep a fault in force.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from chaoskit.ports import Clock

NAME = "revert.lock"
LOOK_EVERY = 0.1


@contextmanager
def claim(folder: Path, clock: Clock, who: str, patience: float) -> Iterator[str]:
    """Hold the right to put the run in `folder` back; yields "" when held, else who has it.

    Waits up to `patience` seconds. In a folder that cannot be written nobody can agree on
    anything: there it is held without asking.
    """
    try:
        file = (folder / NAME).open("a+")
    except OSError:
        yield ""
        return
    with file:
        rival = _rival(file, clock, patience)
        if not rival:
            _sign(file, who)
        yield rival


def _rival(file: IO[str], clock: Clock, patience: float) -> str:
    limit = clock.now() + patience
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return ""
        if clock.now() >= limit:
            return _read(file)
        clock.sleep(LOOK_EVERY)


def _sign(file: IO[str], who: str) -> None:
    with suppress(OSError):  # a full disk costs the name, not the claim
        file.truncate(0)
        file.write(json.dumps({"who": who, "pid": os.getpid()}))
        file.flush()


def _read(file: IO[str]) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        return f"{holder['who']} (process {holder['pid']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
