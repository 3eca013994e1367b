"""A runner process over its own world, state root and reports, to be killed or halted by a test."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chaoskit.run.history import first
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot
from chaoskit.world.fake import FakeWorld
from tests.run.scene import SYSTEM

POINTS = ["web1", "web2", "web -> cache"]


def eventually(what: str, seen: Callable[[], Any], within: float = 20.0) -> Any:
    """Poll until `seen` is true; fails naming what was awaited."""
    limit = time.monotonic() + within
    while time.monotonic() < limit:
        if found := seen():
            return found
        time.sleep(0.02)
    pytest.fail(f"not within {within:g} s: {what}")


@contextmanager
def changes_wait(world: Path) -> Iterator[None]:
    """Hold what every change of the fake world kept in the file `world` has to hold."""
    with Path(f"{world}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Run:
    """A runner process over its own world, state root and reports."""

    def __init__(self, folder: Path, fault: str, hold: str = "60s", **environment: str) -> None:
        self.world = FakeWorld.of(SYSTEM, path=folder / "world.json")
        self.world.traffic("web -> cache", 3)
        self.before = self.world.fingerprint(POINTS)
        self.reports, self.state = folder / "reports", StateRoot(folder / "state")
        self._stderr = folder / "stderr"
        with self._stderr.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.run.runner",
                 str(folder / "world.json"), str(self.reports), fault, hold],
                env=os.environ | {"CHAOSKIT_STATE": str(self.state.path)} | environment,
                stdout=subprocess.PIPE, stderr=said, text=True,
            )  # fmt: skip

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def folder(self) -> Path | None:
        return next(iter(self.reports.glob("*/*/")), None)

    def records(self) -> list[dict[str, Any]]:
        folder = self.folder
        return read_records(folder / NAME) if folder and (folder / NAME).exists() else []

    def saw(self, kind: str) -> bool:
        return first(self.records(), kind) is not None

    def until_injected(self) -> None:
        eventually("the fault is in force", lambda: self.saw("injected"), 40.0)
        assert self.world.fingerprint(POINTS) != self.before

    def restored(self) -> bool:
        return self.world.fingerprint(POINTS) == self.before

    def watchdog(self) -> tuple[int, str]:
        record = next(r for r in self.records() if r.get("what") == "watchdog")
        return record["pid"], record["started"]
