"""The resilience report: what many runs together prove of a system, and what they do not.

Written as resilience.json. It must never hold a figure for what was not measured: None and zero
are told apart everywhere. Ages and times are in seconds, shares between 0 and 1.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chaoskit.model.frozen import Frozen
from chaoskit.model.timeline import StopKind, Trouble
from chaoskit.model.verdict import CoverageCell, Impact, RecoveryFigures, Status

VERSION = 1

PointKind = Literal["tier", "link"]
Absence = Literal["unreadable", "no verdict", "by hand", "undated", "later", "copy"]


class PastRun(Frozen):
    """One judged run, with what it counts for. `folder` is relative to the folder reported on.

    `reasons` are the verdict's, the deciding one first; `faults` counts those that were begun;
    `page` says whether report.html lies in it.
    """

    run: str
    folder: str
    system: str
    experiment: str
    hypothesis: str
    runtime: str
    at: datetime
    status: Status
    quick: bool = False
    restored: bool = True
    stop_kind: StopKind | None = None
    reasons: tuple[str, ...] = ()
    faults: int = 0
    coverage: tuple[CoverageCell, ...] = ()
    recovery: RecoveryFigures | None = None
    impact: Impact | None = None
    cost_per_second: float | None = None
    page: bool = False


class LeftOut(Frozen):
    """A run that counts for nothing: `what` it is, and `why` in a sentence. `system` '' unknown."""

    folder: str
    system: str = ""
    experiment: str = ""
    at: datetime | None = None
    what: Absence
    why: str


class Share(Frozen):
    """`part` of `whole`, with its 95 % interval; both None where there is nothing to divide by."""

    part: int
    whole: int
    low: float | None = None
    high: float | None = None

    @property
    def share(self) -> float | None:
        return self.part / self.whole if self.whole else None


class Proof(Frozen):
    """What stands of one experiment on one runtime: its newest conclusive run that counts.

    `held` counts the conclusive runs not older than the maximum age that held; `doubts` the
    inconclusive ones since `at`.
    """

    experiment: str
    runtime: str
    status: Status
    run: str
    folder: str
    at: datetime
    age: float
    stale: bool
    quick: bool
    held: Share
    doubts: int = 0


class Cell(Frozen):
    """One failure point under one class of trouble; `status` None: never tested.

    `age` is that of the newest proof of this status. `current`: it counts in the score. `faults`
    names those of the catalogue that could test it.
    """

    trouble: Trouble
    status: Status | None = None
    current: bool = False
    age: float | None = None
    proofs: tuple[Proof, ...] = ()
    faults: tuple[str, ...] = ()


class Declared(Frozen):
    """A failure point as the newest system file has it. `protected`: faults never touch it."""

    point: str
    kind: PointKind
    protected: bool = False


class PointCells(Declared):
    """A failure point with its three cells; `declared` False: the system has it no longer."""

    declared: bool = True
    cells: tuple[Cell, ...]


class Score(Frozen):
    """What is known of the declared cells, and how little; there is no single number.

    `covered`: cells with a current proof, of all (None where no run tells the system's size).
    `held`: those that held, of the covered ones. `at_least` and `at_most` bound the share of all
    cells that hold, whatever is true of the others. `stale`: cells that held too long ago.
    """

    covered: Share | None
    held: Share
    at_least: float | None = None
    at_most: float | None = None
    violated: int = 0
    inconclusive: int = 0
    stale: int = 0
    never: int | None = None
    newest: float | None = None
    oldest: float | None = None


class History(Frozen):
    """All judged runs of one experiment on one runtime, oldest first."""

    experiment: str
    runtime: str
    hypothesis: str
    runs: tuple[PastRun, ...]


class Recovered(Frozen):
    """One run's time from the faults' removal to steady state and full strength, in seconds.

    `took` None: not reached while it was watched. `within` is what was declared.
    """

    run: str
    experiment: str
    runtime: str
    at: datetime
    quick: bool
    took: float | None
    within: float


class Spread(Frozen):
    """The times to recover on one runtime, over those reached; `missed` counts the others."""

    runtime: str
    runs: int
    newest: float | None
    median: float | None
    worst: float | None
    missed: int


class Recoveries(Frozen):
    """The history of one failure point, oldest first, and its figures on each runtime.

    `felt` counts the runs whose requests felt the fault, of the `measured` ones.
    """

    point: str
    runs: tuple[Recovered, ...]
    spreads: tuple[Spread, ...] = ()
    felt: int = 0
    measured: int = 0


class Downtime(Frozen):
    """What the faults of one experiment did to requests, over all its runs on one runtime.

    `area` in seconds of full outage, over the `measured` runs of `runs` with faults; `cost` over
    the `priced` ones, None where no run states a cost.
    """

    experiment: str
    runtime: str
    runs: int
    measured: int
    felt: int
    area: float | None = None
    worst: float | None = None
    priced: int = 0
    cost: float | None = None


class SystemResilience(Frozen):
    """Everything about one system."""

    system: str
    runs: int
    first: datetime
    last: datetime
    quick: int
    score: Score
    points: tuple[PointCells, ...]
    experiments: tuple[History, ...]
    recoveries: tuple[Recoveries, ...]
    downtime: tuple[Downtime, ...]
    unrestored: tuple[PastRun, ...]


class Resilience(Frozen):
    """resilience.json. `version` rises when a field changes its meaning or goes."""

    version: int = VERSION
    chaoskit: str
    as_of: datetime
    max_age: float
    systems: tuple[SystemResilience, ...]
    left_out: tuple[LeftOut, ...]
