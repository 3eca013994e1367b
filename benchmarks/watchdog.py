"""How long the watchdog takes from the runner's SIGKILL to its first revert call at the world.

    python benchmarks/watchdog.py --runs 100        # figures go to watchdog.json

Each run is a runner and a watchdog in processes of their own over a fake world on disk, with a
load process that ignores SIGTERM beside them, for that is the slowest company a watchdog may
have. The world notes the system-wide monotonic clock at the first `reach` it is asked for. The
figures are measured, never judged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from chaoskit.cli import watchdog as watchdog_process
from chaoskit.model.experiment import FaultUse, Selection
from chaoskit.model.system import System
from chaoskit.run import processes
from chaoskit.run.clock import SystemClock
from chaoskit.run.conduct import WatchdogProcess, head
from chaoskit.run.history import first
from chaoskit.run.hold import experiment_by_hand
from chaoskit.run.injections import Injections
from chaoskit.run.journal import NAME, Journal, read_records
from chaoskit.run.plan import make_plan
from chaoskit.run.target import Target
from chaoskit.units import Duration
from chaoskit.world.fake import FakeWorld

AIM = 0.150
SUMS = Path(__file__).with_suffix(".json")
CALLED = "called"
LASTS = 600.0  # seconds; as long as a fault may
SYSTEM = System.model_validate(
    {
        "system": "benchmark",
        "entry": {"url": "http://127.0.0.1:1"},
        "tiers": {"web": {"layer": "application", "nodes": ["web1"]}},
    }
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"


def run(folder: Path) -> NoReturn:
    """The runner: hold a fault open, say so, and wait for the end."""
    clock, world = SystemClock(), FakeWorld.of(SYSTEM, path=folder / "world.json")
    use = FaultUse(name="kill", selection=Selection(node="web1"))
    target = Target(SYSTEM, world)
    plan = make_plan(experiment_by_hand((use,), Duration(LASTS)), target, run=folder.name, seed=1)
    journal = Journal(folder, clock)
    head(plan, world.describe(), journal)
    WatchdogProcess.spawn((sys.executable, __file__, "watch"), folder)
    load = subprocess.Popen([sys.executable, "-c", STUBBORN])
    journal.append("process", what="load", pid=load.pid, started=processes.started(load.pid))
    Injections(target, journal, clock, plan).open(plan.steps[0], 0, clock.now() + LASTS)
    sys.stdout.write("open\n")
    sys.stdout.flush()
    while True:
        signal.pause()


def watch(folder: Path) -> int:
    """The watchdog as the command line starts it, over a world that notes its first `reach`."""
    begin = FakeWorld.begin

    def noted(world: FakeWorld, call: str, *words: str) -> None:
        if call == "reach" and not (folder / CALLED).exists():
            (folder / CALLED).write_text(repr(time.monotonic()))
        begin(world, call, *words)

    FakeWorld.begin = noted  # type: ignore[method-assign]
    return watchdog_process.main(folder)


def one(folder: Path, pause: float) -> float:
    """Seconds from the SIGKILL of a runner to the first revert call."""
    folder.mkdir()
    runner = subprocess.Popen(
        [sys.executable, __file__, "run", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    said = runner.stdout.readline().strip()
    assert said == "open", f"the runner did not begin: {said!r}"
    time.sleep(pause)  # anywhere in the watchdog's own rhythm
    killed = time.monotonic()
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    while first(read_records(folder / NAME), "end") is None:
        time.sleep(0.05)
    runner.stdout.close()
    return float((folder / CALLED).read_text()) - killed


def figures(found: list[float]) -> dict[str, object]:
    ordered = sorted(found)
    return {
        "runs": len(found),
        "median_ms": round(1000 * statistics.median(ordered), 1),
        "p99_ms": round(1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], 1),
        "max_ms": round(1000 * ordered[-1], 1),
        "aim_ms": 1000 * AIM,
        "within_aim": sum(each <= AIM for each in found),
        "cores": os.cpu_count(),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    wishes = parser.parse_args()
    draw = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="chaoskit-watchdog-") as root:
        found = [one(Path(root) / f"run-{n}", draw.random() * 0.3) for n in range(wishes.runs)]
    said = json.dumps(figures(found), indent=1) + "\n"
    SUMS.write_text(said)
    sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(Path(sys.argv[2]))
    sys.exit(watch(Path(sys.argv[2])) if sys.argv[1:2] == ["watch"] else main())
