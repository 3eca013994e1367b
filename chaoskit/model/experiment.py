"""An experiment: a claim about a system, the load and the faults it must survive.

Values arrive as text from the document and are read by their declared type. A fault is kept as
name, mapping and place; what it means is the registry's business. No clock, no files here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from chaoskit.model.expectation import Expectation
from chaoskit.model.frozen import Frozen
from chaoskit.model.surge import Surge
from chaoskit.units import Duration, Rate, Ratio

MAX_DURATION = Duration(600)
LEAST_PLACES = 500
STEADY_WINDOW = 2.0


def _flag(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(f"expected true or false, got '{value}'")


def _part(value: Ratio) -> Ratio:
    if not 0 < value <= 1:
        raise ValueError(f"expected a share above 0% and up to 100%, got '{value}'")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
Share = Annotated[Ratio, AfterValidator(_part)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]


@dataclass(frozen=True)
class Place:
    """Where something stands in a document (1-based)."""

    file: str = "<input>"
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class LoadSpec(Frozen):
    """Open-loop load: `rate` counts arrivals, each arrival is one task of the locustfile."""

    locustfile: str = Field(description="path beside the experiment, or beside system.yaml")
    rate: Rate
    timeout: Duration = Field(
        default=Duration(5), description="after this long a request has failed"
    )
    arrivals: Literal["constant", "poisson"] = "constant"
    in_flight: int | None = Field(
        default=None,
        ge=1,
        description="arrivals that wait at once; beyond it they are unsent. "
        "Default: 500, or the highest rate times the timeout where that is more",
    )
    surge: Surge | None = Field(default=None, description="another rate in the fault phase")
    workers: int = Field(
        default=1, ge=1, le=64, description="processes on this machine that share the arrivals"
    )

    @property
    def peak(self) -> Rate:
        """The highest rate of all phases."""
        return self.rate if self.surge is None else max(self.rate, self.surge.peak)

    @property
    def places(self) -> int:
        """How many arrivals may wait at once."""
        return self.in_flight or max(LEAST_PLACES, self.places_for_timeouts)

    @property
    def places_for_timeouts(self) -> int:
        """How many wait at once when every request takes its whole timeout (Little's law)."""
        return math.ceil(self.peak * self.timeout)

    def __str__(self) -> str:
        spaced = "" if self.arrivals == "constant" else ", at random (Poisson)"
        surge = "" if self.surge is None else f", {self.surge} of the fault phase"
        workers = "" if self.workers == 1 else f", by {self.workers} processes"
        return f"{self.rate}{surge}{spaced}{workers}"


class Recovery(Frozen):
    """`within` counts from revert acknowledged to steady state and full strength; then `hold`."""

    within: Duration
    hold: Duration = Duration(10)


class Phases(Frozen):
    baseline: Duration
    fault: Duration
    recovery: Recovery


class Selection(Frozen):
    """What a fault bites: a node, some nodes of a tier, or a link. Exactly one of node and link."""

    node: str | None = None
    role: str | None = None
    count: int | None = Field(default=None, ge=1)
    share: Ratio | None = None
    link: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Selection:
        if (self.node is None) == (self.link is None):
            raise ValueError("a fault needs exactly one of 'node' and 'link'")
        narrowing = [k for k in ("role", "count", "share") if getattr(self, k) is not None]
        if self.link is not None and narrowing:
            raise ValueError(f"'{narrowing[0]}' narrows a tier, not a link")
        if len(narrowing) > 1:
            raise ValueError(f"'{narrowing[0]}' and '{narrowing[1]}' exclude each other")
        return self

    def __str__(self) -> str:
        if self.link is not None:
            return self.link
        for key in ("role", "count", "share"):
            if (value := getattr(self, key)) is not None:
                return f"{self.node} ({key} {value})"
        return str(self.node)


class FaultUse(Frozen):
    """One line under `faults:`. `arguments` is what the fault's own spec reads (JSON, text)."""

    name: str
    selection: Selection
    arguments: dict[str, Any] = {}
    after: Duration = Duration(0)
    lasts: Duration | None = Field(default=None, description="None: to the end of the fault phase")
    place: Place = Place()


class BlastRadius(Frozen):
    """How many nodes of one tier node faults may have open at once; the smallest limit counts."""

    max_nodes: int | None = Field(default=None, ge=1)
    max_share: Share | None = None


class DataSafety(Frozen):
    ledger: str


class Experiment(Frozen):
    """The whole claim. `steady_state` also judges the fault phase when `expect` is empty."""

    experiment: Name
    hypothesis: str
    system: str | None = None
    tags: tuple[str, ...] = ()
    load: LoadSpec
    steady_state: tuple[Expectation, ...] = Field(min_length=1)
    phases: Phases
    faults: tuple[FaultUse, ...] = ()
    expect: tuple[Expectation, ...] = ()
    abort_when: tuple[Expectation, ...] = ()
    data_safety: DataSafety | None = None
    on_violation: Literal["stop", "continue"] = "stop"
    allow_irreversible: Flag = False
    seed: int | None = None
    max_duration: Duration = Field(
        default=MAX_DURATION, description="no injection is open longer; the watchdog sees to it"
    )
    blast_radius: BlastRadius = BlastRadius()

    @property
    def contract(self) -> tuple[Expectation, ...]:
        """What the fault phase is judged by."""
        return self.expect or self.steady_state

    def steady_window(self, every: Mapping[str, float]) -> float:
        """How many seconds must meet `steady_state` for it to be reached.

        Long enough for an answer of each probe it names; `every` tells how often they are asked.
        """
        named = (every[claim.series] for claim in self.steady_state if claim.series in every)
        return max([STEADY_WINDOW, *named])

    def too_long(self, use: FaultUse) -> str:
        """One sentence when `use` would be open longer than `max_duration`; else empty."""
        lasts = Duration(self.phases.fault - use.after) if use.lasts is None else use.lasts
        if lasts <= self.max_duration + 1e-9:
            return ""
        what = "the fault phase it fills leaves it" if use.lasts is None else "its 'for' is"
        return (
            f"{use.name} may be open for {self.max_duration} at most, {what} {lasts}: "
            "shorten it, or raise max_duration in the experiment"
        )
