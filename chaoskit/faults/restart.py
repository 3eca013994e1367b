"""A node that goes away and comes back by itself: an event, with nothing left to undo.

This module must never restart a node twice.
"""

from __future__ import annotations

from chaoskit.faults.event import NodeEvent, felt
from chaoskit.faults.registry import Undo, fault
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Node, World
from chaoskit.units import Duration


@fault("restart", at=Node, trouble="unavailable", shape="event")
class Restart(NodeEvent):
    """Restart a node: it stops within `grace` and is started again at once.

    What happens: an event, as by a deployment or a reboot; with the default `grace` of 0 the
    node is not asked first. How it is undone: nothing is left to undo; the revert starts the node
    where it was left down, and fails when it does not run; whether it answers again is for the
    recovery. What shows it: the runtime reports another start than the one seen before, and
    nobody answers for a node that is down.
    """

    event = "restart"
    grace: Duration = Duration(0)

    def patience(self) -> float:
        return float(self.grace)

    @staticmethod
    def inject(undo: Undo, world: World) -> None:
        world.node(undo["node"]).restart(undo["grace"])

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        node = world.node(undo["node"])
        seen = node.facts()
        happened = seen.incarnation != undo["incarnation"]
        answers = node.answers()
        return Evidence(
            listed=happened,
            felt=felt(happened, seen, answers),
            facts={"state": str(seen.state), "answers": answers, "incarnation": seen.incarnation},
        )
