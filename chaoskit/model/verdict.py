"""The verdict: three values, every gate with its figures, and what it says of the failure point."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from chaoskit.model.frozen import Frozen
from chaoskit.model.timeline import (
    InjectionRecord,
    LoadFacts,
    PhaseName,
    Span,
    StopKind,
    Trouble,
)


class Status(StrEnum):
    HELD = "held"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        return {"held": 0, "violated": 1, "inconclusive": 3}[self]


class Gate(Frozen):
    """One expectation in one phase. `observed` is in the base unit of its metric.

    `observed` None means «no figure» (no data); infinity is written as the text of `shown`.
    `samples` counts the planned requests it was computed from, `missing` the seconds of load
    that would settle a gate with too few of them. `low` and `high` are the interval of a gate that
    statistics decide (None: infinite, or exact).
    """

    phase: PhaseName
    expectation: str
    series: str
    metric: str
    status: Status
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    shown: str = "no data"
    bound: str = ""
    samples: int = 0
    missing: float | None = None
    reason: str = ""
    implied: bool = False


class SeriesFigures(Frozen):
    """One row of the per-request table: one series in one phase. Latencies in seconds.

    `success_low` to `p95_high` are the ends of 95 % intervals of the shares ok or degraded (0..1)
    and of p95. None: too short or too few requests to tell, or told by an earlier version; only
    `p95_high` None: nothing says where it ends.
    """

    series: str
    phase: PhaseName
    planned: int
    ok: int
    degraded: int
    shed: int
    failed: int
    rate: float
    p50: float | None
    p95: float | None
    p99: float | None
    outage: float
    success_low: float | None = None
    success_high: float | None = None
    p95_low: float | None = None
    p95_high: float | None = None


class CoverageCell(Frozen):
    point: str
    trouble: Trouble
    status: Status


class RecoveryFigures(Frozen):
    """Seconds from revert acknowledged; None: never reached."""

    within: float
    steady: float | None = None
    full_strength: float | None = None


class Impact(Frozen):
    """What the faults did to the requests of all series. Seconds, to about `resolution`.

    `to_impact` and `to_recover` count from the first injection acknowledged, `to_detect` from the
    onset, `after_removal` from revert acknowledged (negative: over while the fault was in force).
    None: not over by the end of what was watched. `depth` is the largest share of bad requests in
    a second, `area` the seconds of full outage that all of them amount to, `cost` what the
    system's owner says those cost. `felt` False: no impact, and none of these figures.
    """

    felt: bool
    resolution: float
    to_impact: float | None = None
    to_detect: float | None = None
    to_recover: float | None = None
    after_removal: float | None = None
    depth: float | None = None
    area: float | None = None
    cost: float | None = None


Offence = Literal["lost", "missing", "doubled", "invented", "stale"]
# `stale` of a register: it is there all the time, what is wrong with it is its value.
OLD_VALUE = "an older value read, though it was known to be there"


class Offender(Frozen):
    """One id that is not as it was promised. `at` and `acknowledged`: monotonic seconds.

    `lost`: acknowledged, in no copy. `missing`: acknowledged, not in the copies named. `doubled`:
    applied `times` times in the copies named. `invented`: in the copies named though never
    attempted (`at` None) or refused. `stale`: not found `age` seconds after it was known to be
    there, by its acknowledgement or an earlier look.

    Of a register it is the first write, by its `sequence`, that should have been there; what was
    there instead is `seen` (None: nothing), in `times` looks of which `age` is the oldest.
    """

    id: str
    offence: Offence
    at: float | None = None
    acknowledged: float | None = None
    copies: tuple[str, ...] = ()
    times: int = 0
    age: float | None = None
    sequence: int | None = None
    seen: int | None = None


class CopyFigures(Frozen):
    """What was found in one copy; None and `why` where it could not be read, or not to the end."""

    name: str
    found: int | None = None
    constant_before: float | None = None
    constant_after: float | None = None
    why: str = ""


class DataSafety(Frozen):
    """Writes by id. `unclear`: neither acknowledged nor refused, so that both is right.

    `registers`: how many the load wrote; None where each write has an id of its own.
    `stalest`: the greatest age of a stale look, also within what is allowed; None without one.

    `offences` counts every offender of a kind; `offenders` holds the first of them by time.
    """

    ledger: str
    status: Status
    attempted: int = 0
    acknowledged: int = 0
    refused: int = 0
    unclear: int = 0
    unclear_found: int = 0
    looks: int = 0
    stalest: float | None = None
    copies: tuple[CopyFigures, ...] = ()
    offences: dict[Offence, int] = {}
    offenders: tuple[Offender, ...] = ()
    registers: int | None = None
    reason: str = ""


class Verdict(Frozen):
    """All that a report shows. `reasons` are sentences, the deciding one first."""

    experiment: str
    hypothesis: str
    run: str
    system: str
    runtime: str
    status: Status
    reasons: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    figures: tuple[SeriesFigures, ...] = ()
    injections: tuple[InjectionRecord, ...] = ()
    spans: tuple[Span, ...] = ()
    recovery: RecoveryFigures | None = None
    impact: Impact | None = None
    data_safety: DataSafety | None = None
    coverage: tuple[CoverageCell, ...] = ()
    load: LoadFacts = LoadFacts()
    restored: bool = True
    differences: tuple[str, ...] = ()
    stop_kind: StopKind | None = None
    stopped: str | None = None
    quick: bool = False
    seed: int = 0
    started_at: str = ""
    chaoskit: str = ""

    @property
    def exit_code(self) -> int:
        """DESIGN section 8: not restored beats everything, then interrupted, then failed."""
        if not self.restored:
            return 4
        if self.stop_kind == "interrupted":
            return 130
        if self.stop_kind == "failed":
            return 5
        return self.status.exit_code
