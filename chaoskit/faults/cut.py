"""A link that carries nothing. It must never decide how the link is cut."""

from __future__ import annotations

from chaoskit.faults.link import LinkFault, evidence, look
from chaoskit.faults.registry import Undo, fault
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Json, Link, LinkFacts, World


@fault("cut", at=Link, trouble="unavailable", shape="held")
class Cut(LinkFault):
    """Let nothing cross a link: connections are closed, new ones refused.

    What happens: existing connections end, and every attempt to connect is refused at once.
    How it is undone: every carrier goes back to what it was, so that clients can connect again.
    What shows it: every carrier is closed, and the connections that were there before are gone.
    """

    def condition(self) -> Json:
        return {"kind": "cut"}

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        seen = look(undo, world)
        return evidence(seen, _kept_out(undo, seen))


def _kept_out(undo: Undo, seen: LinkFacts) -> bool | None:
    """Whether those who were connected are gone; None where nobody was seen connected before.

    Clients that connect anew for each request are kept out unseen: nobody counts whom a closed
    listener refused.
    """
    if seen.connections is None or not undo["connections"]:
        return None
    return seen.connections == 0
