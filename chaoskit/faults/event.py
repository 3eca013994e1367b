"""What the events of a node share: it goes away once, and nothing is held.

The subclass says how it goes. The revert only makes the node run, where nothing else did; how
soon it answers again is for the recovery to tell. This module must never know a runtime.
"""

from __future__ import annotations

from typing import ClassVar

from chaoskit.faults.node import OfNode
from chaoskit.faults.registry import Undo
from chaoskit.ports import Node, NodeFacts, NodeState, World


class NodeEvent(OfNode):
    """Something that happens to a node, called `event` in sentences about it."""

    event: ClassVar[str]

    def plan(self, point: Node, world: World, injection_id: str) -> Undo:
        return self.remember(point, injection_id, event=self.event)

    @staticmethod
    def revert(undo: Undo, world: World) -> None:
        # Asked of one that runs too: a deed that was cut short may have left part of it frozen.
        world.node(undo["node"]).reach(NodeState.RUNNING)


def felt(happened: bool, seen: NodeFacts, answers: bool | None) -> bool | None:
    """Whether a ping shows what happened; None where none is declared.

    A new start that is still silent is felt as well; only a ghost that answers is not.
    """
    ghost = answers is True and seen.state is not NodeState.RUNNING
    return None if answers is None else happened and not ghost
