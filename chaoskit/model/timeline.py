"""What happened when, in one run: read from the journal, judged with the samples.

All times are seconds on the system-wide monotonic clock, as in the samples.
"""

from __future__ import annotations

from typing import Any, Literal

from chaoskit.model.evidence import Evidence
from chaoskit.model.frozen import Frozen

PhaseName = Literal["warmup", "baseline", "fault", "recovery", "hold"]
Trouble = Literal["unavailable", "exhausted", "wrong"]


class Span(Frozen):
    """One phase. `end` is None while it lasts (or when the run died in it)."""

    phase: PhaseName
    begin: float
    end: float | None = None


class InjectionRecord(Frozen):
    """One injection as the journal tells it; None where that step never came."""

    id: str
    fault: str
    point: str
    tier: str | None = None
    trouble: Trouble = "unavailable"
    shape: Literal["held", "event"] = "held"
    undo: dict[str, Any] = {}
    deadline: float | None = None
    begun: float | None = None
    acknowledged: float | None = None
    revert_begun: float | None = None
    reverted: float | None = None
    reverted_by: str | None = None
    stuck: str | None = None
    evidence: tuple[tuple[float, Evidence], ...] = ()

    @property
    def outstanding(self) -> bool:
        return self.begun is not None and self.reverted is None

    @property
    def proven(self) -> bool:
        """Measured in force at least once, and still listed whenever it was looked at."""
        seen = [e for _, e in self.evidence]
        return any(e.in_force for e in seen) and all(e.listed for e in seen)


class LoadFacts(Frozen):
    """What the load generator says of itself. Times in seconds.

    Lateness is real minus intended start. Its p95 is None where an older generator did not say it.
    """

    planned: int = 0
    sent: int = 0
    unsent: int = 0
    lateness_p99: float = 0.0
    lateness_p95: float | None = None
    saturated: bool = False
    warnings: tuple[str, ...] = ()


class Timeline(Frozen):
    """One run. `stopped` says why it ended early; None after a full course."""

    run: str
    experiment: str
    seed: int = 0
    quick: bool = False
    spans: tuple[Span, ...] = ()
    injections: tuple[InjectionRecord, ...] = ()
    revert_acknowledged: float | None = None
    steady_at: float | None = None
    full_strength_at: float | None = None
    stopped: str | None = None
    stop_kind: Literal["violated", "abort", "halted", "interrupted", "failed", "unfit"] | None = (
        None
    )
    restored: bool = True
    differences: tuple[str, ...] = ()
    load: LoadFacts = LoadFacts()

    def span(self, phase: PhaseName) -> Span | None:
        return next((s for s in self.spans if s.phase == phase), None)
