"""Latency on a link. It must never decide how the link carries it."""

from __future__ import annotations

from chaoskit.faults.link import LinkFault
from chaoskit.faults.registry import fault
from chaoskit.ports import Json, Link
from chaoskit.units import Duration


@fault("latency", at=Link, trouble="unavailable", shape="held")
class Latency(LinkFault):
    """Delay what crosses a link.

    What happens: each answer on the link comes `delay` later, give or take `jitter`; existing
    connections feel it too. How it is undone: the delay is taken off every carrier. What shows
    it: every carrier lists the delay as asked for, and connections cross it.
    """

    delay: Duration
    jitter: Duration = Duration(0)

    def condition(self) -> Json:
        return {"kind": "latency", "delay": float(self.delay), "jitter": float(self.jitter)}
