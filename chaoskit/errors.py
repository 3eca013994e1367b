"""The error tree: what can go wrong, and the exit code each kind ends with.

Every message says what, where and what to do next. A foreign exception is translated in the
room that talks to the foreign system and nowhere else. This module must never import another.

    ChaoskitError                exit 5
    ├── InvalidInput             exit 2   bad arguments, unknown names, impossible requests
    │   ├── DocumentError                 a YAML file with one or more problems
    │   └── PlanError                     a point that is unknown, not ours, or faults that overlap
    ├── Refused                  exit 5   a run may not start now (locked, leftovers, not ready)
    │   ├── InUse                         another run has the system; it may be free in a while
    │   └── Outstanding          exit 4   an earlier run left something that is still in force
    ├── TargetError              exit 5   the target or a tool in front of it failed
    │   ├── Unreachable                   nothing answers (engine down, proxy down)
    │   └── NotOurs                       it exists, but does not carry our label
    ├── LoadError                exit 5   the load script or its process failed
    ├── JournalError             exit 5   the journal cannot be written or read
    │   └── Fenced                        another process took the run over; only report now
    ├── Halted                   exit 3   `chaoskit halt` is set, or was set while running
    ├── Interrupted              exit 130 a signal or Ctrl-C; everything was put back
    └── NotRestored              exit 4   something could not be put back; says what to do
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ChaoskitError(Exception):
    """Base of every error that chaoskit raises on purpose."""

    exit_code = 5


class InvalidInput(ChaoskitError):
    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong with a document: where it stands (1-based), what it is, what to do."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class DocumentError(InvalidInput):
    """All problems of one or more documents, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n".join([*map(str, self.problems), f"{count}; nothing was run."]))


class PlanError(InvalidInput):
    """The plan cannot be made; `problems` has one sentence for each reason."""

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class Refused(ChaoskitError):
    """A run may not start now."""


class InUse(Refused):
    """Another run holds the lock of the system."""


class Outstanding(Refused):
    exit_code = 4


class TargetError(ChaoskitError):
    """The target, or a tool in front of it, failed or answered nonsense."""


class Unreachable(TargetError):
    pass


class NotOurs(TargetError):
    pass


class LoadError(ChaoskitError):
    pass


class JournalError(ChaoskitError):
    pass


class Fenced(JournalError):
    """The watchdog has taken this run over: nothing may be injected any more."""


class Halted(ChaoskitError):
    exit_code = 3


class Interrupted(ChaoskitError):
    exit_code = 130


class NotRestored(ChaoskitError):
    exit_code = 4


# For several outcomes the worst decides, in this order (DESIGN section 8).
SEVERITY = (4, 130, 2, 5, 1, 3, 0)


def worst(codes: Sequence[int]) -> int:
    """The exit code of a batch; an empty batch is 0."""
    return min(codes, key=SEVERITY.index, default=0)
