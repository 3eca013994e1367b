"""Kills the runner, then whoever puts back, at every boundary of the fake world.

    python -m tests.crash.sweep [--all] [SCENARIO …]    # prints its sums as JSON, one line each

For each boundary n a forked child runs the whole engine and dies there by SIGKILL; this process
then plays the watchdog, with the real class and over a real pipe that the death closes. For
every *different* state that a death can leave (same world, same injections in the journal at the
same stage: the same state), and for each boundary m of the watchdog's own work, a second child
plays the watchdog and dies at m; then `chaoskit revert` is played. And the other way round:
`chaoskit revert` dies at m, and the watchdog, which saw it fence the runner off, puts back. Where
there are more than `MOST` (`MOST_OF_REVERT`) such pairs, that many are drawn with `SEED`; the
sums say so, and `--all` tries each. Time is a fake clock, so nothing waits. It must run in a
process without threads.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from chaoskit.run import engine
from chaoskit.run.history import first, outstanding
from chaoskit.run.journal import NAME
from tests.crash.cases import POINTS, SCENARIOS, Case
from tests.crash.marks import Marks

MOST, MOST_OF_REVERT, SEED = 250, 60, 5
Undo = Callable[[Case, Marks], object]


@dataclass
class Sums:
    """What a sweep of one scenario found."""

    scenario: str
    runner_deaths: int = 0
    states: int = 0
    pairs: int = 0
    revert_deaths: int = 0
    reverter_pairs: int = 0
    reverter_deaths: int = 0
    seed: int = SEED
    seconds: float = 0.0
    passed: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)


class Sweep:
    """All cases of one scenario under `root`."""

    def __init__(self, root: Path, scenario: str) -> None:
        self.root, self.scenario = root, scenario
        self.sums = Sums(scenario)
        self.kept: dict[str, tuple[Case, str]] = {}
        self.before = self._fresh().world().fingerprint(POINTS)

    def everything(self, *, drawn: bool = True) -> Sums:
        """Every first death, and the second ones: all, or as many as are to be `drawn`."""
        began = time.monotonic()
        self.sums.passed = self._course()
        for n in range(1, len(self.sums.passed) + 1):
            self._death(n)
        pairs = self._pairs(lambda case, marks: case.play_watchdog(closed(), marks))
        self.sums.pairs = len(pairs)
        for kept, where, m in _some(pairs, MOST if drawn else None):
            self._second_death(kept, where, m)
        pairs = self._pairs(Case.play_revert)
        self.sums.reverter_pairs = len(pairs)
        for kept, where, m in _some(pairs, MOST_OF_REVERT if drawn else None):
            self._death_of_revert(kept, where, m)
        self.sums.seconds = round(time.monotonic() - began, 1)
        return self.sums

    def _course(self) -> list[str]:
        """The boundaries that a run passes which nobody kills; a clean end keeps all quiet."""
        case = self._fresh()
        with forked(lambda: self._tell(case.play_runner)) as (status, pipe):
            assert status == 0, f"the run that was not killed failed: {status}"
            written = (case.run / NAME).read_bytes()
            assert case.play_watchdog(pipe)
        come_to = [r["phase"] for r in case.records() if r["kind"] == "phase"][-1]
        wanted = "fault" if self.scenario == "interrupted" else "hold"
        assert come_to == wanted, f"the run did not take its whole course, but to: {come_to}"
        assert (case.run / NAME).read_bytes() == written, "the watchdog wrote after a clean end"
        return self._told()

    def _tell(self, play: Callable[[Marks], object]) -> None:
        """In a child: play without a death, and leave word of the boundaries passed."""
        marks = Marks()
        play(marks)
        (self.root / "passed.json").write_text(json.dumps(marks.passed))

    def _told(self) -> list[str]:
        found: list[str] = json.loads((self.root / "passed.json").read_text())
        return found

    def _death(self, n: int) -> None:
        """The runner dies at n, and the watchdog puts back."""
        case = self._fresh()
        where = f"{self.scenario}: runner died at {n} ({self.sums.passed[n - 1]})"
        with forked(lambda: case.play_runner(Marks(n))) as (status, pipe):
            _must_be_killed(status, where)
            self.sums.runner_deaths += 1
            if outstanding(case.records()) and not case.found_by_revert():
                self._blame(where, "chaoskit revert would not find it")
            if first(case.records(), "run") is None:
                # Without a head no watchdog was started yet, and nothing may have been done.
                return self._judge(case, where)
            self._keep(case, where)
            if not case.play_watchdog(pipe):
                self._blame(where, "the watchdog says that something is left")
        return self._judge(case, where)

    def _keep(self, case: Case, where: str) -> None:
        if (look := case.look()) not in self.kept:
            self.kept[look] = self._copy(case, f"kept-{len(self.kept)}"), where
            self.sums.states = len(self.kept)

    def _pairs(self, undo: Undo) -> list[tuple[Case, str, int]]:
        """Each state that was kept, with each boundary of what `undo` does about it."""
        found = []
        for kept, where in self.kept.values():
            case = self._copy(kept, "case")
            tell = lambda m, c=case: undo(c, m)  # noqa: E731
            with forked(lambda tell=tell: self._tell(tell)) as (status, _):
                assert status == 0, f"{where}: the undo that was not killed failed: {status}"
            found += [(kept, where, m) for m in range(1, len(self._told()) + 1)]
        return found

    def _second_death(self, kept: Case, where: str, m: int) -> None:
        """The watchdog of a dead runner dies at m; then `chaoskit revert` is called."""
        case, at = self._copy(kept, "case"), f"{where}, then the watchdog at {m}"
        with forked(lambda: case.play_watchdog(closed(), Marks(m))) as (status, _):
            _must_be_killed(status, at)
        self.sums.revert_deaths += 1
        case.play_revert()
        self._judge(case, at)

    def _death_of_revert(self, kept: Case, where: str, m: int) -> None:
        """`chaoskit revert` dies at m, once it has fenced the runner off; the watchdog lives."""
        case, at = self._copy(kept, "case"), f"{where}, then revert at {m}"
        with forked(lambda: case.play_revert(Marks(m))) as (status, _):
            _must_be_killed(status, at)
        self.sums.reverter_deaths += 1
        if not case.play_watchdog(closed()):
            self._blame(at, "the watchdog says that something is left")
        self._judge(case, at)

    # Folders --------------------------------------------------------------------------------

    def _fresh(self) -> Case:
        return fresh(self.root, self.scenario)

    def _copy(self, case: Case, name: str) -> Case:
        copy = Case(self.root / name, self.scenario)
        shutil.rmtree(copy.folder, ignore_errors=True)
        shutil.copytree(case.folder, copy.folder, symlinks=True)
        return copy

    def _judge(self, case: Case, where: str) -> None:
        if wrong := case.wrong(self.before):
            self._blame(where, wrong)

    def _blame(self, where: str, wrong: str) -> None:
        self.sums.left_behind.append(f"{where}: {wrong}")


def _some(pairs: list[tuple[Case, str, int]], most: int | None) -> list[tuple[Case, str, int]]:
    if most is None or len(pairs) <= most:
        return pairs
    return random.Random(SEED).sample(pairs, most)


def fresh(root: Path, scenario: str) -> Case:
    """A case that has not begun, in the place of the one before."""
    case = Case(root / "case", scenario)
    shutil.rmtree(case.folder, ignore_errors=True)
    case.prepare()
    return case


@contextmanager
def forked(deed: Callable[[], object]) -> Iterator[tuple[int, int]]:
    """Run `deed` in a child; its wait status, and a pipe that its death has closed."""
    pipe, held = os.pipe()
    child = os.fork()
    if child == 0:
        _end_with(deed)
    os.close(held)
    try:
        yield os.waitpid(child, 0)[1], pipe
    finally:
        os.close(pipe)


def closed() -> int:
    """The pipe of a runner that is dead already."""
    pipe, held = os.pipe()
    os.close(held)
    return pipe


def _end_with(deed: Callable[[], object]) -> NoReturn:
    gc.disable()
    try:
        deed()
    except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's stack
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _must_be_killed(status: int, where: str) -> None:
    assert os.WIFSIGNALED(status), f"{where}: it was not killed, its status is {status}"


def main(names: list[str]) -> int:
    gc.freeze()  # what a child never touches need not be copied for it
    engine.WARMUP = 0.2  # nothing here has to warm up
    # A file system in memory where there is one: only processes die here, never the machine.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    found = []
    for scenario in [n for n in names if n != "--all"] or sorted(SCENARIOS):
        with tempfile.TemporaryDirectory(prefix="chaoskit-sweep-", dir=memory) as root:
            found.append(Sweep(Path(root), scenario).everything(drawn="--all" not in names))
        sys.stdout.write(json.dumps(vars(found[-1])) + "\n")
        sys.stdout.flush()
    return 1 if any(sums.left_behind for sums in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
