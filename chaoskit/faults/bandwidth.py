"""A narrow link. It must never decide how the link carries it, and never be a stall."""

from __future__ import annotations

from pydantic import field_validator

from chaoskit.faults.link import LinkFault
from chaoskit.faults.registry import fault
from chaoskit.ports import Json, Link
from chaoskit.units import Throughput

LEAST = Throughput(1000)


@fault("bandwidth", at=Link, trouble="exhausted", shape="held")
class Bandwidth(LinkFault):
    """Limit how much crosses each connection of a link.

    What happens: each connection moves at most `rate` in each direction; existing connections
    feel it too. How it is undone: the limit is taken off every carrier. What shows it: every
    carrier lists the limit as asked for, and connections cross it.
    """

    rate: Throughput

    @field_validator("rate")
    @classmethod
    def _not_a_stall(cls, rate: Throughput) -> Throughput:
        # A proxy counts whole KB/s; 0 stalls it, and a stall takes 15 s to lift.
        if rate < LEAST:
            raise ValueError(
                f"a rate under {LEAST} stalls the link instead of limiting it; "
                "use the fault 'cut' for a link that carries nothing"
            )
        return rate

    def condition(self) -> Json:
        return {"kind": "bandwidth", "rate": float(self.rate)}
