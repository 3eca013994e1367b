"""What of a run is kept to compare later runs with: sums of buckets, never single samples.

`baseline.json` holds these; it is small and meant to be committed. A key that is absent has its
default, so that no value is ever null.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chaoskit.model.frozen import Frozen
from chaoskit.model.timeline import PhaseName
from chaoskit.model.verdict import RecoveryFigures, Status

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FORMAT = "chaoskit baseline 1"


class Bucket(Frozen):
    """Planned requests of one bucket of time, by outcome."""

    ok: Count = 0
    degraded: Count = 0
    shed: Count = 0
    failed: Count = 0

    @property
    def planned(self) -> int:
        return self.ok + self.degraded + self.shed + self.failed


class Percentile(Frozen):
    """A latency percentile: its `seconds`, and the standard error of their natural logarithm.

    `seconds` absent: it falls on a failed request, or nothing was seen. `error` absent: there are
    too few requests to tell.
    """

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    error: Amount | None = None


class Part(Frozen):
    """One series in one phase, in equal buckets that cover `seconds` together."""

    phase: PhaseName
    series: str
    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    buckets: Annotated[tuple[Bucket, ...], Field(min_length=2)]
    latency: dict[str, Percentile] = {}


class GateState(Frozen):
    """What became of one expectation; `implied` ones, which nobody wrote, only where violated."""

    phase: PhaseName
    expectation: str
    status: Status
    implied: bool = False


class RunSums(Frozen):
    """One run. `rate` is planned requests per second over all parts.

    `worthless`: why its figures are no evidence, in sentences; empty where they are.
    """

    run: str
    experiment: str
    system: str
    runtime: str
    status: Status
    restored: bool = True
    quick: bool = False
    saturated: bool = False
    worthless: tuple[str, ...] = ()
    seed: int = 0
    started_at: str = ""
    chaoskit: str = ""
    rate: Amount = 0.0
    gates: tuple[GateState, ...] = ()
    recovery: RecoveryFigures | None = None
    parts: tuple[Part, ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Why its figures are not compared; files of before say only that it was saturated."""
        if self.worthless or not self.saturated:
            return self.worthless
        return ("the load generator was saturated",)

    @property
    def condition(self) -> str:
        """What must be the same for two runs to be compared."""
        return f"{self.experiment} on {self.runtime}{', quick' if self.quick else ''}"


class Baseline(Frozen):
    """`baseline.json`."""

    format: Literal["chaoskit baseline 1"]
    runs: Annotated[tuple[RunSums, ...], Field(min_length=1)]
