"""Boundaries: the places between two steps at which a process may be killed.

A process that is `armed` counts every boundary it passes and sends itself SIGKILL at one of
them. Boundaries are: each journal record (before it, torn in the middle, written), the fence,
each call of a port of the fake world, each of its steps (before and after) and each phase of
the engine. `FullDisk` lets the journal fail instead. Both must only ever be armed in a child that
was forked for it: the hooks stay.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from chaoskit.run import engine, journal
from chaoskit.world.fake import FakeWorld


class Marks:
    """Counts boundaries; dies at number `fatal` (counted from 1), never where it is 0."""

    def __init__(self, fatal: int = 0) -> None:
        self.fatal = fatal
        self.passed: list[str] = []
        # Readiness is asked in threads of a pool: their calls are boundaries as well.
        self._one = threading.Lock()

    def reach(self, what: str, at_death: Callable[[], object] = lambda: None) -> None:
        """One boundary; `at_death` is done just before the death, to leave a half-done deed."""
        with self._one:
            self.passed.append(what)
            if len(self.passed) == self.fatal:
                at_death()
                die()

    def arm(self, world: FakeWorld) -> None:
        """Hook into everything that this process does from now on."""
        world.on_call = self.reach
        _around(FakeWorld, "begin", lambda *words: self.reach(f"call {' '.join(words[1:])}"))
        _around(engine.Engine, "_enter", lambda me, phase, end: self.reach(f"phase {phase}"))
        _around(journal.Journal, "fence", lambda *words: self.reach("before the fence"))
        self._arm_journal()

    def _arm_journal(self) -> None:
        real = journal._write

        def write(descriptor: int, line: bytes, path: Path) -> None:
            record = json.loads(line)
            what = f"{record['kind']} {record.get('id', '')}".strip()
            self.reach(f"before record {what}")
            half = line[: len(line) // 2]
            self.reach(f"torn record {what}", lambda: os.write(descriptor, half))
            real(descriptor, line, path)
            self.reach(f"after record {what}")

        journal._write = write


class FullDisk:
    """The journal meets a full disk at its record number `since` (counted from 1) and after.

    The kernel itself refuses (a limit on the size of files): `fitting` bytes of the record still
    fit on the disk, and none of the later ones. It must only be armed in a forked child.
    """

    def __init__(self, since: int, fitting: int = 0) -> None:
        self.since, self.fitting = since, fitting
        self.kinds: list[str] = []
        self._room: int | None = None

    def arm(self) -> None:
        """From now on the disk is full for the journal, and for nothing else."""
        real = journal._write

        def write(descriptor: int, line: bytes, path: Path) -> None:
            self.kinds.append(json.loads(line)["kind"])
            if len(self.kinds) < self.since:
                return real(descriptor, line, path)
            if self._room is None:
                self._room = os.fstat(descriptor).st_size + self.fitting
            with _limited(self._room):
                return real(descriptor, line, path)

        journal._write = write


@contextmanager
def _limited(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def die() -> NoReturn:
    """SIGKILL to this very process: no unwinding, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable: SIGKILL cannot be outlived")


def _around(owner: Any, name: str, ahead: Callable[..., None]) -> None:
    real = getattr(owner, name)

    def hooked(*words: Any, **named: Any) -> Any:
        ahead(*words)
        return real(*words, **named)

    setattr(owner, name, hooked)
