"""Real processes over the fake world on disk: kill, stop and interrupt the runner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from chaoskit.run import processes
from chaoskit.run.history import first, outstanding
from tests.run.live_run import Run, eventually
from tests.run.runner import FAULTS


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
