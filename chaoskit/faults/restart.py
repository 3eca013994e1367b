"""A node that goes away and comes back by itself: an event, with nothing left to undo.

Its revert only looks after health, and starts the node where a crash inside the injection
left it down. This module must never restart a node twice.
"""

from __future__ import annotations

import time

from chaoskit.errors import TargetError
from chaoskit.faults.node import running
from chaoskit.faults.registry import FaultSpec, Undo, fault
from chaoskit.model.evidence import Evidence
from chaoskit.ports import Node, NodeState, World
from chaoskit.units import Duration

HEALTHY_WITHIN = 15.0
LOOK_EVERY = 0.25


@fault("restart", at=Node, trouble="unavailable", shape="event")
class Restart(FaultSpec):
    """Restart a node: it stops within `grace` and is started again at once.

    What happens: an event, as by a deployment or a reboot; with the default `grace` of 0 the
    node is not asked first. How it is undone: nothing is left to undo; the revert waits until
    the node runs and answers again, and fails when it does not. What shows it: the runtime
    reports another start than the one seen before, and the new one answers its ping.
    """

    grace: Duration = Duration(0)

    def plan(self, point: Node, world: World, injection_id: str) -> Undo:
        before = running(point)
        return {
            "node": point.name,
            "injection": injection_id,
            "grace": float(self.grace),
            "was": str(before.state),
            "identity": before.identity,
            "incarnation": before.incarnation,
        }

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
            felt=None if answers is None else happened and answers,
            facts={"state": str(seen.state), "answers": answers, "incarnation": seen.incarnation},
        )

    @staticmethod
    def revert(undo: Undo, world: World) -> None:
        node = world.node(undo["node"])
        if node.facts().state in (NodeState.STOPPED, NodeState.KILLED):
            node.reach(NodeState.RUNNING)
        _wait_for_health(node)


def _wait_for_health(node: Node) -> None:
    until = time.monotonic() + HEALTHY_WITHIN
    while (state := node.facts().state) is not NodeState.RUNNING or node.answers() is False:
        if time.monotonic() >= until:
            raise TargetError(
                f"node '{node.name}' is {state} and does not answer {HEALTHY_WITHIN:g} s after "
                "its restart: look at its log, then start it by hand"
            )
        time.sleep(LOOK_EVERY)
