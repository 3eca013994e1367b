"""What happened when, in one run: read from the journal, judged with the samples.

All times are seconds on the system-wide monotonic clock, as in the samples.
"""

from __future__ import annotations

from typing import Any, Literal

from chaoskit.model.evidence import Evidence
from chaoskit.model.frozen import Frozen

PhaseName = Literal["warmup", "baseline", "fault", "recovery", "hold"]
Trouble = Literal["unavailable", "exhausted", "wrong"]
# Seconds: what comes late comes at once, and after less than that it is too little to make an
# answer fail, or to miss a trouble.
BURST = 0.5
StopKind = Literal["violated", "abort", "lost", "halted", "interrupted", "failed", "unfit"]


class Span(Frozen):
    """One phase. `end` is None while it lasts (or when the run died in it)."""

    phase: PhaseName
    begin: float
    end: float | None = None


class InjectionRecord(Frozen):
    """One injection as the journal tells it; None where that step never came.

    `lost`: when it was seen that a held fault was not in force any more, though nobody of ours
    had put it back, with the reason in a sentence. `last_listed`: the begin of the last look that
    still listed it. `unanswered`: looks that gave no answer, so that it was unknown then.
    """

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
    lost: float | None = None
    lost_because: str | None = None
    last_listed: float | None = None
    unanswered: int = 0
    evidence: tuple[tuple[float, Evidence], ...] = ()

    @property
    def in_force(self) -> tuple[float, float | None] | None:
        """From the first look in force to the last one that listed it, or to the revert.

        None when no look showed it in force; an open end while nobody has said more.
        """
        first = next((t for t, e in self.evidence if e.in_force), None)
        if first is None:
            return None
        if self.lost is None:
            return first, self.revert_begun
        return first, first if self.last_listed is None else max(first, self.last_listed)

    @property
    def outstanding(self) -> bool:
        return self.begun is not None and self.reverted is None

    @property
    def proven(self) -> bool:
        """Measured in force at least once, and still listed whenever it was looked at."""
        seen = [e for _, e in self.evidence]
        kept = self.lost is None and all(e.listed for e in seen)
        return kept and any(e.in_force for e in seen)


class Stall(Frozen):
    """The generator stood still: what was due in begin..end was sent up to `late` seconds late."""

    begin: float
    end: float
    late: float


class LoadFacts(Frozen):
    """What the load generator says of itself. Times in seconds.

    Lateness is real minus intended start; `stalls` are where it was above BURST. `lost` counts
    arrivals that were never sent or broke off, by task, of tasks whose requests have other names.
    `cpu` is the share of one core, over the whole load, and `cpu_highest` that of its busiest
    second. `causes` say why it was saturated and what helps, `pace` in words how many arrivals were
    asked for, `doubts` why samples may be missing, most likely those of requests that hung. What an
    older generator did not say is None or empty.
    """

    planned: int = 0
    sent: int = 0
    unsent: int = 0
    lateness_p99: float = 0.0
    lateness_p95: float | None = None
    stalls: tuple[Stall, ...] | None = None
    lost: dict[str, int] = {}
    cpu: float | None = None
    cpu_highest: float | None = None
    saturated: bool = False
    causes: tuple[str, ...] = ()
    pace: str = ""
    warnings: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Timeline(Frozen):
    """One run. `stopped` says why it ended early; None after a full course.

    `unasked` counts questions of probes that nobody asked in time, because the runner stood still.
    """

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
    stop_kind: StopKind | None = None
    restored: bool = True
    differences: tuple[str, ...] = ()
    load: LoadFacts = LoadFacts()
    unasked: int = 0

    def span(self, phase: PhaseName) -> Span | None:
        return next((s for s in self.spans if s.phase == phase), None)
