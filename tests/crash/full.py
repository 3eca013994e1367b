"""Lets the disk fill up under the journal at each of its records, on the fake world.

    python -m tests.crash.full [SCENARIO …]        # prints its sums as JSON, one line each

Two ways: the disk is full for a runner that goes on (it must stop, put back and inject nothing
without a durable undo), and it is full for the watchdog of a runner that was killed (it must
put back although it can write nothing down). It must run in a process without threads.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaoskit.errors import ChaoskitError
from chaoskit.run import engine
from chaoskit.run.history import injections
from tests.crash.cases import POINTS, SCENARIOS, Case
from tests.crash.marks import FullDisk, Marks
from tests.crash.sweep import closed, forked, fresh

FITTING = (0, 20)
STEPS = ("before ", "after ")


@dataclass
class Sums:
    """What one scenario on a full disk came to."""

    scenario: str
    full_for_runner: int = 0
    full_for_watchdog: int = 0
    wrong: list[str] = field(default_factory=list)


class Filling:
    """All cases of one scenario under `root`."""

    def __init__(self, root: Path, scenario: str) -> None:
        self.root, self.sums = root, Sums(scenario)
        self.before = self._fresh().world().fingerprint(POINTS)

    def _fresh(self) -> Case:
        return fresh(self.root, self.sums.scenario)

    def everything(self) -> Sums:
        records = self._under_runner(10_000, 0)["kinds"]
        # The head is written before anything else; without it there is no run at all.
        for since in range(2, len(records) + 1):
            for fitting in FITTING:
                self._judge_runner(since, fitting, records[since - 1])
        self._under_watchdog()
        return self.sums

    def _under_runner(self, since: int, fitting: int) -> dict[str, Any]:
        """A run that nobody kills and whose disk is full: what it passed, and how it ended."""
        self.case = self._fresh()

        def play() -> None:
            marks, disk = Marks(), FullDisk(since, fitting)
            disk.arm()
            warnings.simplefilter("ignore", RuntimeWarning)
            error = self.case.play(marks)
            ended = error.exit_code if isinstance(error, ChaoskitError) else repr(error)
            told = {"kinds": disk.kinds, "passed": marks.passed, "ended": ended}
            (self.root / "told.json").write_text(json.dumps(told))

        with forked(play) as (status, _):
            assert status == 0, f"full from record {since}: the run raised, see above"
        found: dict[str, Any] = json.loads((self.root / "told.json").read_text())
        return found

    def _judge_runner(self, since: int, fitting: int, kind: str) -> None:
        self.sums.full_for_runner += 1
        told = self._under_runner(since, fitting)
        at = f"{self.sums.scenario}: full at record {since} ({kind}), {fitting} bytes still fit"
        if self.case.world().fingerprint(POINTS) != self.before:
            self.sums.wrong.append(f"{at}: the world is not as before")
        if told["ended"] not in (4, 5):
            self.sums.wrong.append(f"{at}: it ended with {told['ended']}")
        undone = {i.point for i in injections(self.case.records())}
        if not undone and (done := [p for p in told["passed"] if _is_deed(p)]):
            self.sums.wrong.append(f"{at}: {done} without a durable undo")
        if not self.case.play_watchdog(closed()):
            self.sums.wrong.append(f"{at}: the watchdog could not put right what is written")

    def _under_watchdog(self) -> None:
        """The runner dies once its fault is in force, and the disk is full at once."""
        marks = Marks()
        self.case = self._fresh()
        with forked(lambda: _tell(self.root, self.case, marks)):
            passed = json.loads((self.root / "told.json").read_text())
        fatal = 1 + next(n for n, p in enumerate(passed) if p.startswith("after record injected"))
        for fitting in FITTING:
            self.case = self._fresh()
            with forked(lambda: self.case.play_runner(Marks(fatal))):
                pass
            with forked(lambda f=fitting: _watch(self.case, f)) as (status, _):
                self.sums.full_for_watchdog += 1
            at = f"{self.sums.scenario}: full for the watchdog, {fitting} bytes still fit"
            if status:
                self.sums.wrong.append(f"{at}: it ended with {status}")
            if self.case.world().fingerprint(POINTS) != self.before:
                self.sums.wrong.append(f"{at}: the world is not as before")
            self.case.play_revert()
            if wrong := self.case.wrong(self.before):
                self.sums.wrong.append(f"{at}: after `chaoskit revert`: {wrong}")


def _is_deed(passed: str) -> bool:
    return passed.startswith(STEPS) and " record " not in passed and "fence" not in passed


def _tell(root: Path, case: Case, marks: Marks) -> None:
    case.play_runner(marks)
    (root / "told.json").write_text(json.dumps(marks.passed))


def _watch(case: Case, fitting: int) -> None:
    warnings.simplefilter("ignore", RuntimeWarning)
    FullDisk(1, fitting).arm()
    restored = case.play_watchdog(closed())
    assert not restored, "it says that all is well, and could not write it down"


def main(names: list[str]) -> int:
    engine.WARMUP = 0.2
    found = []
    for scenario in names or sorted(SCENARIOS):
        with tempfile.TemporaryDirectory(prefix="chaoskit-full-") as root:
            found.append(Filling(Path(root), scenario).everything())
        sys.stdout.write(json.dumps(vars(found[-1])) + "\n")
        sys.stdout.flush()
    return 1 if any(sums.wrong for sums in found) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
