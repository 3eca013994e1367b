"""A runner in a process of its own over the fake world on disk: something to kill.

    python -m tests.run.runner WORLD REPORTS FAULT HOLD

It holds the fault under made-up load, with the real watchdog beside it. The environment may set
RUNNER_REVERT_WAITS_FOR, a file without which no undo of this process gets done, and
RUNNER_HALT_WHEN, the hooks of its system as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, cast

from chaoskit.cli.conducting import Wishes, run_opened, signals
from chaoskit.cli.opening import Choice, Opened
from chaoskit.errors import ChaoskitError
from chaoskit.model.system import RuntimeSpec, System
from chaoskit.ports import Answer
from chaoskit.run import engine
from chaoskit.run.calls import StopFlag
from chaoskit.run.clock import SystemClock
from chaoskit.run.target import Target
from chaoskit.world.fake import FakeLoad, FakeProbe, FakeWorld
from tests.run.scene import SYSTEM, experiment

FAULTS: dict[str, dict[str, Any]] = {
    "kill": {"name": "kill", "selection": {"node": "web1"}},
    "pause": {"name": "pause", "selection": {"node": "web1"}},
    "stop": {"name": "stop", "selection": {"node": "web1"}},
    "latency": {
        "name": "latency",
        "selection": {"link": "web -> cache"},
        "arguments": {"delay": "80ms"},
    },
    "bandwidth": {
        "name": "bandwidth",
        "selection": {"link": "web -> cache"},
        "arguments": {"rate": "10KB/s"},
    },
    "cut": {"name": "cut", "selection": {"link": "web -> cache"}},
}


UNDO = ("start", "thaw", "lift")


def system() -> System:
    hooks = json.loads(os.environ.get("RUNNER_HALT_WHEN", "[]"))
    return System.model_validate(SYSTEM.model_dump() | {"halt_when": hooks})


def hold_back_undo(step: str) -> None:
    """A revert that hangs until somebody makes the file."""
    gate = os.environ.get("RUNNER_REVERT_WAITS_FOR")
    moment, deed = step.split()[:2]
    while gate and moment == "before" and deed in UNDO and not Path(gate).exists():
        time.sleep(0.02)


def main(world_path: Path, reports: Path, fault: str, hold: str) -> int:
    # A load that is only thought of has nothing to warm up; every run here would wait for it.
    engine.WARMUP = 0.3
    world = FakeWorld.on_disk(world_path)
    world.on_call = hold_back_undo
    master = FakeProbe("master", lambda: Answer(True, ("cache1",)))
    target = Target(system(), world, {"cache-master": master})
    claim = experiment(
        load={"locustfile": "none", "rate": "100/s"},
        steady_state=["browse success >= 90%"],
        faults=[FAULTS[fault]],
        phases={"baseline": "1s", "fault": hold, "recovery": {"within": "5s", "hold": "1s"}},
    )
    clock = SystemClock()
    stop = StopFlag()
    with signals(stop):
        conducted = run_opened(
            claim,
            Opened(
                target,
                ("http://127.0.0.1:1",),
                RuntimeSpec(),
                Choice("docker", "never asked"),
                world_path.parent,
            ),
            Wishes(reports),
            stop,
            lambda moment: None,
            load_for=lambda plan, at: FakeLoad(cast(Any, clock), 100, {"browse": 1}),
        )
    error = conducted.error
    sys.stdout.write(json.dumps({"error": None if error is None else str(error)}) + "\n")
    return error.exit_code if isinstance(error, ChaoskitError) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
    except ChaoskitError as refused:
        sys.stderr.write(f"{refused}\n")
        sys.exit(refused.exit_code)
