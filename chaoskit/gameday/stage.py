"""What a game day needs done: the seam to the rooms that open systems and run experiments.

It blocks until the deed is over and everything is put back; it must never leave something in
force when it returns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from chaoskit.model.gameday import Check, Step
from chaoskit.run.calls import StopFlag
from chaoskit.run.live import Moment


@dataclass(frozen=True)
class Outcome:
    """How a deed ended: a verdict's word, done, failed or halted; and a sentence.

    `run` is the run's directory, None where there was none.
    """

    how: str
    text: str = ""
    run: Path | None = None


@dataclass(frozen=True)
class Course:
    """What a deed is given: `stop` ends it early, `show` and `folder` hear of its progress."""

    stop: StopFlag
    show: Callable[[Moment], None]
    folder: Callable[[Path], None]


class Stage(Protocol):
    """Runs what the agenda names, on one system."""

    def check(self, check: Check) -> str:
        """Empty when it is so, otherwise a sentence that says why not. Never raises."""
        ...

    def perform(self, number: int, step: Step, course: Course) -> Outcome:
        """Run the experiment, hold the fault until `course.stop`, or recover. Never raises.

        `number` is the step's, counted from 1. Not called for a discussion or a break.
        """
        ...

    def halt(self, why: str) -> None:
        """Stop every run of this machine and block new ones (`chaoskit halt`)."""
        ...

    def halted(self) -> str:
        """Why nothing may run on this machine now; empty when it may."""
        ...
