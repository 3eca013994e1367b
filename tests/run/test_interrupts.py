"""Signals and halts against a real runner: one reverts, two tell, three leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from chaoskit.run import processes
from chaoskit.run.history import first, outstanding
from tests.run.live_run import Run, eventually

GATE = "RUNNER_REVERT_WAITS_FOR"


def halt(run: Run, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chaoskit", "halt", *words],
        env=os.environ | {"CHAOSKIT_STATE": str(run.state.path)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip


def until_reverting(run: Run) -> None:
    """The undo has begun and hangs; a first signal asked for it."""
    run.until_injected()
    run.process.send_signal(signal.SIGINT)
    eventually("the undo has begun", lambda: run.saw("reverting"))


def test_a_second_signal_tells_what_is_left_and_cuts_nothing_short(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    gate = tmp_path / "go"
    run = start("kill", **{GATE: str(gate)})
    until_reverting(run)
    run.process.send_signal(signal.SIGTERM)
    eventually("it is told", lambda: "still being put back: kill on web1" in run.stderr)
    assert "This is not cut short; a third signal leaves at once" in run.stderr
    assert run.process.poll() is None
    assert not run.restored()
    gate.touch()
    assert run.process.wait(timeout=30) == 130
    assert run.restored()
    assert outstanding(run.records()) == []
    assert {r["by"] for r in run.records() if r["kind"] == "reverted"} == {"runner"}
    assert not run.saw("fenced")


def test_a_third_signal_hands_over_to_the_watchdog(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    run = start("kill", **{GATE: str(tmp_path / "never")})
    until_reverting(run)
    run.process.send_signal(signal.SIGINT)
    eventually("it is told", lambda: "still being put back" in run.stderr)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=20) == 4
    assert run.folder is not None
    said = run.stderr.splitlines()[-1]
    assert "leaving now: the watchdog puts everything back" in said
    assert f"chaoskit revert {run.folder.name}" in said
    eventually("the world is as before", run.restored)
    eventually("the watchdog has ended", lambda: not processes.alive(*run.watchdog()))
    assert outstanding(run.records()) == []
    assert {r["by"] for r in run.records() if r["kind"] == "reverted"} == {"watchdog"}
    last = first(run.records()[::-1], "end")
    assert last is not None
    assert last["restored"] is True


def test_a_third_signal_without_a_watchdog_says_that_nobody_puts_back(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    run = start("kill", **{GATE: str(tmp_path / "never")})
    until_reverting(run)
    pid, since = run.watchdog()
    assert processes.alive(pid, since)
    os.kill(pid, signal.SIGKILL)
    eventually("the watchdog is gone", lambda: not processes.alive(pid, since))
    run.process.send_signal(signal.SIGINT)
    eventually("it is told", lambda: "still being put back" in run.stderr)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=20) == 4
    assert "the watchdog is NOT there to put everything back" in run.stderr
    assert "chaoskit revert" in run.stderr
    assert not run.restored()


def test_a_third_signal_before_anything_was_open_leaves_nothing_to_do(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    hook = {"command": ["sh", "-c", "touch asked; read word < fifo"], "timeout": "10m"}
    run = start("kill", RUNNER_HALT_WHEN=json.dumps([hook]))
    eventually("the hook is asked", (tmp_path / "asked").exists, 40.0)
    run.process.send_signal(signal.SIGINT)
    run.process.send_signal(signal.SIGTERM)
    eventually("it is told", lambda: "nothing is in force" in run.stderr)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(timeout=20) == 130
    assert "leaving now: no run is open, so nothing is in force" in run.stderr
    assert run.restored()
    (tmp_path / "fifo").write_text("go\n")  # lets the command of the hook end


def test_a_halt_stops_a_run_in_another_process_and_says_who_when_and_why(
    start: Callable[..., Run],
) -> None:
    run = start("kill")
    run.until_injected()
    said = halt(run, "--why", "outage elsewhere").stdout
    assert run.folder is not None
    assert "outage elsewhere" in said
    assert f"stops: run {run.folder.name} of cache-loss (process {run.process.pid})" in said
    assert run.process.wait(timeout=30) == 3
    assert run.restored()
    record = json.loads((run.state.path / "halt.json").read_text())
    stopped, reverted = (first(run.records(), kind) for kind in ("stopped", "reverted"))
    assert stopped is not None
    assert reverted is not None
    assert stopped["stop_kind"] == "halted"
    assert stopped["reason"] == f"halted by {record['by']} at {record['at']}: outage elsewhere"
    assert datetime.fromisoformat(record["at"])
    # Both were read off the same system-wide clock, by the two processes themselves. That it takes
    # no second is tried on a clock that does not stand still (test_engine.py).
    assert record["t"] <= stopped["t"]
    assert stopped["t"] < reverted["t"]
    assert run.state.open_runs() == []


@pytest.mark.parametrize("kind", ["file", "command"])
def test_a_hook_elsewhere_stops_a_running_experiment(
    start: Callable[..., Run], tmp_path: Path, kind: str
) -> None:
    hook = (
        {"file": "incident"}
        if kind == "file"
        else {"command": ["test", "-e", "incident"], "timeout": "30s"}
    )
    hooks = json.dumps([{"file": "never"}, hook | {"why": "an incident is open"}])
    run = start("kill", RUNNER_HALT_WHEN=hooks)
    run.until_injected()
    (tmp_path / "incident").touch()
    assert run.process.wait(timeout=30) == 3
    assert run.restored()
    stopped = first(run.records(), "stopped")
    assert stopped is not None
    assert stopped["stop_kind"] == "halted"
    assert "halt_when, item 2" in stopped["reason"]
    assert "(an incident is open)" in stopped["reason"]


def test_a_hook_that_is_true_lets_no_run_start(start: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "incident").touch()
    run = start("kill", RUNNER_HALT_WHEN=json.dumps([{"file": "incident"}]))
    run.process.communicate(timeout=60)
    assert run.process.returncode == 3
    assert "halt_when, item 1 (file incident exists)" in run.stderr
    assert "nothing was run" in run.stderr
    assert run.folder is None
    assert run.restored()


def test_a_hangup_that_is_ignored_from_the_start_stays_ignored(start: Callable[..., Run]) -> None:
    """As under `nohup`: a game day goes on when the terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = start("kill")
    finally:
        signal.signal(signal.SIGHUP, before)
    run.until_injected()
    run.process.send_signal(signal.SIGHUP)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(timeout=30) == 130
    stopped = first(run.records(), "stopped")
    assert stopped is not None
    assert stopped["reason"] == "stopped by SIGTERM"
