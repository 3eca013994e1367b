"""What became of a system between two sets of runs: each figure three-valued, with its interval."""

from __future__ import annotations

from enum import StrEnum

from chaoskit.model.frozen import Frozen


class Told(StrEnum):
    REGRESSED = "regressed"
    IMPROVED = "improved"
    NO_WORSE = "no worse"
    UNKNOWN = "cannot be told"


class Change(Frozen):
    """One figure on both sides, as shown.

    `low` and `high` bound the change: a factor for a latency, points (0..1) for a share, seconds
    for a time to recover; None where nothing was computed. `missing` are the seconds of this load
    on each side that would settle it, `runs` the same in runs like these.
    """

    told: Told
    condition: str
    phase: str
    series: str
    metric: str
    old: str
    new: str
    change: str = ""
    low: float | None = None
    high: float | None = None
    margin: str = ""
    missing: float | None = None
    runs: int | None = None
    reason: str = ""


class Comparison(Frozen):
    """All of it. `notes` say what stands in the way of an answer, the gravest first."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    margin_latency: float
    margin_share: float
    alpha: float
    notes: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    def told(self, what: Told) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.told is what)

    def exit_code(self, strict: bool = False) -> int:
        """1 on a regression; 3 when something cannot be told and `strict` asks; otherwise 0."""
        if self.told(Told.REGRESSED):
            return 1
        return 3 if strict and self.told(Told.UNKNOWN) else 0
