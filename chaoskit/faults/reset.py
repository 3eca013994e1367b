"""Connections torn off at once: an event. It must never decide how they are torn off."""

from __future__ import annotations

from pydantic import field_validator

from chaoskit.faults.link import LinkFault, evidence, look
from chaoskit.faults.registry import Undo, fault
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Json, Link, LinkFacts, World
from chaoskit.units import Duration


@fault("reset", at=Link, trouble="unavailable", shape="event")
class Reset(LinkFault):
    """Tear off every connection of a link that carries something, for a moment.

    What happens: for `burst` each connection on which something moves ends without an answer,
    as when a firewall forgets its state; then the link is as before. How it is undone: nothing
    is left to undo; the revert takes away what a crash inside the injection left. What shows
    it: no carrier is under it any more, and of the connections seen before none lives on. Where
    clients use each connection once, that they are gone says little: judge it by the requests.
    """

    burst: Duration = Duration(1)

    @field_validator("burst")
    @classmethod
    def _a_moment(cls, burst: Duration) -> Duration:
        if not 0 < burst <= 10:
            raise ValueError("a burst lasts more than 0s and at most 10s; to hold it, use 'cut'")
        return burst

    def condition(self) -> Json:
        return {"kind": "reset", "burst": float(self.burst)}

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        seen = look(undo, world)
        return evidence(seen, _torn_off(undo, seen))


def _torn_off(undo: Undo, seen: LinkFacts) -> bool | None:
    """Of those connected before none lives on; None where they cannot be told apart."""
    if undo["sessions"]:
        return not set(undo["sessions"]) & set(seen.sessions)
    return False if undo["connections"] == 0 else None
