"""What the events of a node share: it goes away once, and nothing is held.

The subclass says how it goes. The revert only looks after health, and starts the node where
nothing else did. This module must never know a runtime.
"""

from __future__ import annotations

import time
from typing import ClassVar

from chaoskit.errors import TargetError
from chaoskit.faults.node import OfNode
from chaoskit.faults.registry import Undo
from chaoskit.ports import Node, NodeState, World

HEALTHY_WITHIN = 15.0
LOOK_EVERY = 0.25


class NodeEvent(OfNode):
    """Something that happens to a node, called `event` in sentences about it."""

    event: ClassVar[str]

    def plan(self, point: Node, world: World, injection_id: str) -> Undo:
        return self.remember(point, injection_id, event=self.event)

    @staticmethod
    def revert(undo: Undo, world: World) -> None:
        node = world.node(undo["node"])
        # Asked of one that runs too: a deed that was cut short may have left part of it frozen.
        node.reach(NodeState.RUNNING)
        _wait_for_health(node, undo["event"])


def _wait_for_health(node: Node, event: str) -> None:
    until = time.monotonic() + HEALTHY_WITHIN
    while (state := node.facts().state) is not NodeState.RUNNING or node.answers() is False:
        if time.monotonic() >= until:
            raise TargetError(
                f"node '{node.name}' is {state} and does not answer {HEALTHY_WITHIN:g} s after "
                f"its {event}: look at its log, then start it by hand"
            )
        time.sleep(LOOK_EVERY)
