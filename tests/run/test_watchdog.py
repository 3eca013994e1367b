"""Real processes over the fake world on disk: kill, stop and interrupt the runner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chaoskit.run import processes
from chaoskit.run.history import first, outstanding
from chaoskit.run.journal import NAME, read_records
from chaoskit.run.state import StateRoot
from chaoskit.world.fake import FakeWorld
from tests.run.runner import FAULTS
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


class Run:
    """A runner process over its own world, state root and reports."""

    def __init__(self, folder: Path, fault: str, hold: str = "60s") -> None:
        self.world = FakeWorld.of(SYSTEM, path=folder / "world.json")
        self.world.traffic("web -> cache", 3)
        self.before = self.world.fingerprint(POINTS)
        self.reports, self.state = folder / "reports", StateRoot(folder / "state")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.run.runner",
             str(folder / "world.json"), str(self.reports), fault, hold],
            env=os.environ | {"CHAOSKIT_STATE": str(self.state.path)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

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


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(fault: str, hold: str = "60s") -> Run:
        runs.append(Run(tmp_path, fault, hold))
        return runs[-1]

    yield make
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_killed_runner_leaves_nothing(start: Callable[..., Run], fault: str) -> None:
    run = start(fault)
    run.until_injected()
    run.process.kill()
    eventually("the world is as before", run.restored)
    eventually("the watchdog has ended", lambda: not processes.alive(*run.watchdog()))
    assert outstanding(run.records()) == []
    last = first(run.records()[::-1], "reverted")
    assert last is not None
    assert last["by"] == "watchdog"


def test_a_stopped_runner_is_put_back_and_may_only_report(start: Callable[..., Run]) -> None:
    run = start("kill", "3s")
    run.until_injected()
    run.process.send_signal(signal.SIGSTOP)
    eventually("the watchdog took over", lambda: run.saw("fenced"), 10.0)
    eventually("the world is as before", run.restored)
    run.process.send_signal(signal.SIGCONT)
    said, _ = run.process.communicate(timeout=30)
    assert "only" in said or "over" in said
    assert run.restored()
    assert outstanding(run.records()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_back_and_ends_with_130(start: Callable[..., Run], number: int) -> None:
    run = start("latency")
    run.until_injected()
    run.process.send_signal(number)
    assert run.process.wait(timeout=20) == 130
    assert run.restored()
    eventually("the watchdog has ended", lambda: not processes.alive(*run.watchdog()))
    assert not run.saw("fenced")
    assert run.state.open_runs() == []


def test_a_clean_end_keeps_the_watchdog_quiet(start: Callable[..., Run]) -> None:
    run = start("kill", "2s")
    assert run.process.wait(timeout=60) == 0
    assert {r["writer"] for r in run.records()} == {"runner"}
    assert run.state.open_runs() == []
    assert run.restored()


@pytest.mark.parametrize("named", [True, False])
def test_runner_and_watchdog_killed_together_leave_it_to_revert(
    start: Callable[..., Run], named: bool
) -> None:
    run = start("kill")
    run.until_injected()
    pid, since = run.watchdog()
    assert processes.alive(pid, since)
    os.kill(pid, signal.SIGKILL)
    run.process.kill()
    run.process.wait()
    assert not run.restored()
    assert run.folder is not None
    revert = subprocess.run(
        [sys.executable, "-m", "chaoskit", "revert", *([run.folder.name] if named else [])],
        env=os.environ | {"CHAOSKIT_STATE": str(run.state.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert revert.returncode == 0, revert.stderr
    assert "kill on web1: put back" in revert.stdout
    assert run.restored()
    assert run.state.open_runs() == []


def test_a_halt_stops_a_running_experiment(start: Callable[..., Run]) -> None:
    run = start("kill")
    run.until_injected()
    environment = os.environ | {"CHAOSKIT_STATE": str(run.state.path)}
    halt = [sys.executable, "-m", "chaoskit", "halt", "--why", "outage elsewhere"]
    subprocess.run(halt, env=environment, check=True, capture_output=True)
    eventually("the world is as before", run.restored, 5.0)
    assert run.process.wait(timeout=20) == 3
    stopped = first(run.records(), "stopped")
    assert stopped is not None
    assert "outage elsewhere" in stopped["reason"]
