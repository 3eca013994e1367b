"""What the faults of a node share, and the held ones among them: a state to reach and to leave.

The subclass names the state. This module must never know a runtime.
"""

from __future__ import annotations

from typing import ClassVar

from chaoskit.errors import PlanError
from chaoskit.faults.registry import FaultSpec, Undo
from chaoskit.model.evidence import Evidence
from chaoskit.ports import DOWN, Node, NodeFacts, NodeState, World


def running(point: Node) -> NodeFacts:
    """The facts of `point`; raises PlanError unless it runs: a fault would show nothing."""
    facts = point.facts()
    if facts.state is not NodeState.RUNNING:
        raise PlanError(f"node '{point.name}' is {facts.state}, not running: start it first")
    return facts


class OfNode(FaultSpec):
    """What befalls a running node; its patience is the grace that the node has to stop in."""

    def remember(self, point: Node, injection_id: str, **own: str) -> Undo:
        """The node as it is, with what the kind of fault adds as its `own`."""
        before = running(point)
        return {
            "node": point.name,
            "injection": injection_id,
            **own,
            "grace": self.patience(),
            "was": str(before.state),
            "identity": before.identity,
            "incarnation": before.incarnation,
            "restarts": before.restarts,
        }


class NodeFault(OfNode):
    """Hold a node in `wanted` until the revert."""

    wanted: ClassVar[NodeState]

    def plan(self, point: Node, world: World, injection_id: str) -> Undo:
        return self.remember(point, injection_id, wanted=str(self.wanted))

    @staticmethod
    def inject(undo: Undo, world: World) -> None:
        world.node(undo["node"]).reach(NodeState(undo["wanted"]), undo["grace"])

    @staticmethod
    def active(undo: Undo, world: World) -> Evidence:
        node = world.node(undo["node"])
        seen = node.facts()
        answers = node.answers()
        return Evidence(
            listed=_is(seen.state, NodeState(undo["wanted"])),
            felt=None if answers is None else not answers,
            facts={"state": str(seen.state), "exit_code": seen.exit_code, "answers": answers},
        )

    @staticmethod
    def revert(undo: Undo, world: World) -> None:
        world.node(undo["node"]).reach(NodeState(undo["was"]))


def _is(seen: NodeState, wanted: NodeState) -> bool:
    """As `reach` takes it: down is down."""
    return seen in DOWN if wanted in DOWN else seen is wanted
