"""Kills real runs on the real shop at random times, and measures until all is as it was.

    python -m tests.crash.real --runtime local --runs 500 --sums benchmarks/crash.json

Each case is a `chaoskit inject` of a random fault, held for about two seconds, and a death at a
random moment between its start and its end: some count from the start of the command or from the
first line of the journal, but most from when the watchdog is there, for getting ready takes
longest and there is least to lose in it. Then the seconds are measured until the fingerprints
match again and nothing is outstanding. Each case is drawn from the seed and its number, and the
sums are written after it: the same command goes on where it stopped, and a signal ends it after
the case under way. What is left behind ends the sweep with exit code 1; nothing else is judged.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaoskit.cli.opening import open_system
from chaoskit.document import load_system
from chaoskit.ports import World
from chaoskit.run import processes
from chaoskit.run.history import outstanding
from chaoskit.run.journal import NAME, read_records
from tests.crash.sums import DEATH_KINDS, keep, read, summed

ROOT = Path(__file__).parents[2]
SYSTEM = ROOT / "experiments" / "shop" / "system.yaml"
HOLD = 2.0
# Watchdog, deeds and undo come on top of the hold.
WINDOW = HOLD + 2.0
PATIENCE = 60.0
NODES = ("web1", "web2", "recommend1")
LINKS = ("web -> catalog", "web -> recommend", "web -> order")
POINTS = [*NODES, *LINKS]
FAULTS: dict[str, tuple[str, ...]] = {
    "kill": ("--node",),
    "stop": ("--node", "--grace", "1s"),
    "pause": ("--node",),
    "crash": ("--node",),
    "restart": ("--node",),
    "latency": ("--link", "--delay", "80ms"),
    "bandwidth": ("--link", "--rate", "20KB/s"),
    "cut": ("--link",),
    "reset": ("--link",),
}
# How often in a hundred: the runner killed, stopped past its deadline, its watchdog killed first,
# both killed at once and put back by hand.
DEATHS = dict(zip(DEATH_KINDS, (82, 4, 6, 8), strict=True))
# What the time of death counts from (a record of the journal, or the start), of a hundred.
SINCE = {"start": 15, "run": 15, "process": 70}


@dataclass(frozen=True)
class Draw:
    """What is to happen in one case."""

    fault: str
    words: tuple[str, ...]
    death: str
    since: str
    after: float


def draw(seed: int, number: int) -> Draw:
    """The case `number` of the sweep `seed`, the same on every machine."""
    dice = random.Random(f"{seed}-{number}")
    fault = dice.choice(sorted(FAULTS))
    option, *rest = FAULTS[fault]
    point = dice.choice(NODES if option == "--node" else LINKS)
    death = dice.choices(list(DEATHS), list(DEATHS.values()))[0]
    since = dice.choices(list(SINCE), list(SINCE.values()))[0]
    return Draw(fault, (option, point, *rest), death, since, dice.uniform(0.0, WINDOW))


class Ground:
    """The shop on one runtime, and where the runs of this sweep are kept."""

    def __init__(self, runtime: str, folder: Path) -> None:
        self.runtime, self.folder = runtime, folder
        self.environment = os.environ | {"CHAOSKIT_STATE": str(folder / "state")}

    @contextmanager
    def world(self) -> Iterator[World]:
        opened = open_system(load_system(SYSTEM), SYSTEM.parent, self.runtime)
        with closing(opened.target.world) as world:
            yield world

    def chaoskit(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "chaoskit", *words], cwd=ROOT, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def inject(self, drawn: Draw) -> subprocess.Popen[str]:
        return self.chaoskit(
            "inject", drawn.fault, *drawn.words, "--for", f"{HOLD:g}s",
            "--system", str(SYSTEM), "--runtime", self.runtime, "--reports", str(self.folder),
        )  # fmt: skip

    def runs(self) -> set[Path]:
        return {plan.parent for plan in self.folder.glob("*/*/plan.json")}

    def fingerprint(self) -> Any:
        """What every case is to go back to: taken once, so that a slow leak would show."""
        assert until(self.ready, time.monotonic()) is not None, "the shop is not ready"
        with self.world() as world:
            return world.fingerprint(POINTS)

    def ready(self) -> bool:
        """Whether every node runs and answers, so that the next fault has something to bite."""
        with self.world() as world:
            nodes = world.nodes()
            return all(nodes[name].answers() is not False for name in NODES)


class Case:
    """One run and its death."""

    def __init__(self, ground: Ground, drawn: Draw) -> None:
        self.ground, self.drawn = ground, drawn
        self._known = ground.runs()

    def live(self, world: World, before: Any) -> dict[str, Any]:
        """Run, die, be put back; what came of it, compared with the fingerprint `before`."""
        self.runner = self.ground.inject(self.drawn)
        if self.drawn.since != "start":
            self._wait(PATIENCE, self._came_to)
        self._wait(self.drawn.after)
        alive = self.runner.poll() is None
        died = time.monotonic()
        stage = self._stage()
        getattr(self, f"_{self.drawn.death}")()
        took = until(lambda: not self._wrong(world, before), died)
        self._clear()
        # Once more when nobody is left who could still do something.
        wrong = self._wrong(world, before)
        return {
            "fault": self.drawn.fault, "death": self.drawn.death, "stage": stage,
            "alive": alive, "seconds": None if took is None else round(took, 3), "left": wrong,
        }  # fmt: skip

    # The deaths -------------------------------------------------------------------------------

    def _runner(self) -> None:
        self.runner.kill()
        self.runner.wait()

    def _stopped(self) -> None:
        """It stands still beyond the deadline, and goes on once the watchdog has put back."""
        self.runner.send_signal(signal.SIGSTOP)

    def _watchdog(self) -> None:
        """The runner notices, stops and puts back by itself."""
        self._end_watchdog()

    def _both(self) -> None:
        """The fourth line of defence: somebody calls `chaoskit revert`."""
        # The runner first: it would put back by itself if it saw its watchdog go.
        self.runner.send_signal(signal.SIGSTOP)
        self._end_watchdog()
        self.runner.kill()
        self.runner.wait()
        by_hand = self.ground.chaoskit("revert")
        said, _ = by_hand.communicate(timeout=PATIENCE)
        if by_hand.returncode:
            sys.stdout.write(said)

    def _end_watchdog(self) -> None:
        for record in self._records():
            if record.get("what") == "watchdog" and _alive(record):
                os.kill(record["pid"], signal.SIGKILL)

    # What is looked at ------------------------------------------------------------------------

    def _folder(self) -> Path | None:
        return next(iter(self.ground.runs() - self._known), None)

    def _came_to(self) -> bool:
        return any(record["kind"] == self.drawn.since for record in self._records())

    def _records(self) -> list[dict[str, Any]]:
        folder = self._folder()
        return read_records(folder / NAME) if folder and (folder / NAME).exists() else []

    def _stage(self) -> str:
        """How far the run had come, as its journal says."""
        kinds = {record["kind"] for record in self._records()}
        for stage in ("end", "reverted", "reverting", "evidence", "injected", "injecting", "run"):
            if stage in kinds:
                return stage
        return "nothing"

    def _wrong(self, world: World, before: Any) -> str:
        after = world.fingerprint(POINTS)
        left = [f"{i.fault} on {i.point}" for i in outstanding(self._records())]
        return "" if after == before and not left else f"outstanding {left}, world {after}"

    def _wait(self, seconds: float, seen: Callable[[], object] = lambda: False) -> None:
        """At most `seconds`, until something is `seen` or the run has ended by itself."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.runner.poll() is None and not seen():
            time.sleep(0.01)

    def _clear(self) -> None:
        """The runner is ended, and its watchdog has looked for the last time."""
        if self.drawn.death == "stopped":
            self.runner.send_signal(signal.SIGCONT)
        if self.drawn.death in ("stopped", "watchdog"):
            self.runner.wait(PATIENCE)
        self.runner.communicate()
        until(lambda: not self._watched(), time.monotonic())

    def _watched(self) -> bool:
        return any(_alive(r) for r in self._records() if r["kind"] == "process")


def until(so: Callable[[], bool], since: float) -> float | None:
    """Seconds from `since` until it was so, None when it never was."""
    while time.monotonic() - since < PATIENCE:
        if so():
            return time.monotonic() - since
        time.sleep(0.02)
    return None


def _alive(process: dict[str, Any]) -> bool:
    return processes.alive(process["pid"], process["started"])


def one(ground: Ground, drawn: Draw, before: Any) -> dict[str, Any]:
    """One case on a shop that is ready for it; raises AssertionError when it never is."""
    assert until(ground.ready, time.monotonic()) is not None, "the shop is not ready"
    with ground.world() as world:
        return Case(ground, drawn).live(world, before)


def sweep(runtime: str, runs: int, sums: Path, seed: int) -> int:
    """Go on until `runs` cases are in the file `sums`; 1 when one left something behind."""
    mine = read(sums).get(runtime) or {"seed": seed, "cases": []}
    cases: list[dict[str, Any]] = mine["cases"]
    with tempfile.TemporaryDirectory(prefix="chaoskit-crash-") as folder:
        ground = Ground(runtime, Path(folder))
        before = ground.fingerprint()
        while len(cases) < runs and not _ASKED:
            cases.append(one(ground, draw(mine["seed"], len(cases)), before))
            mine |= {"sums": summed(cases)}
            keep(sums, {runtime: mine})
            sys.stdout.write(json.dumps(cases[-1]) + "\n")
            sys.stdout.flush()
            if cases[-1]["left"]:
                return 1
    sys.stdout.write(json.dumps(summed(cases), indent=1) + "\n")
    return 1 if any(case["left"] for case in cases) else 0


_ASKED: list[int] = []


def ask_to_end(number: int, frame: object) -> None:
    """No case is cut short: its fault would be nobody's any more."""
    _ASKED.append(number)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime", choices=("local", "docker"), default="local")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--sums", type=Path, default=ROOT / "benchmarks" / "crash.json")
    parser.add_argument("--seed", type=int, default=5)
    wishes = parser.parse_args()
    words = ["system", "up", "--runtime", wishes.runtime, "--system", str(SYSTEM)]
    subprocess.run([sys.executable, "-m", "chaoskit", *words], cwd=ROOT, check=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_end)
    return sweep(wishes.runtime, wishes.runs, wishes.sums, wishes.seed)


if __name__ == "__main__":
    sys.exit(main())
